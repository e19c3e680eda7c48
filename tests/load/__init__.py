"""Other servers behind WHIP and WHEP, so that `tertulia load` measures them as it measures a node.

tertulia load -> front (HTTP) -> **janus** (Debian's VideoRoom) or **relay** (aiortc's MediaRelay)
"""
