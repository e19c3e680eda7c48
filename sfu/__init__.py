"""The media node: who receives which packets.

app -> control (Socket.IO, WebSocket, WHIP, WHEP) -> node -> session (one peer: offer, answer, DTLS)
    -> room/ (seats, tracks: the rules) -> _core (packets, Rust); link (to signaling)
"""
