"""How clients reach the node: Socket.IO, a plain WebSocket, WHIP and WHEP.  Shells; the rules are elsewhere."""
