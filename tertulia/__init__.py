"""The console: one command over signaling, node and agents.

`tertulia serve` → `supervisor` → (`tertulia signaling`, `tertulia node`); nothing here knows a frame or a packet.
"""
