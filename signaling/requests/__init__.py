"""Serves the requests of devices: finds what they name, applies the rules, waits for the node where it must.

gateway -> **requests** -> keeper -> rules -> deliveries -> devices and nodes

| file | what it serves |
|---|---|
| `serving.py` | every frame: one answer to each request, however often it comes; the table frame -> handler |
| `rooms.py` | making a room, finding it again, leaving it, ending it |
| `acl.py` | who is admitted, and the lock |
| `media.py` | hold and mute |
| `calls.py`, `answers.py` | invitations, from both ends |
| `asking.py` | asking to be invited |
| `transfers.py` | blind and attended transfers |
"""

from __future__ import annotations

from .serving import Requests as Requests
from .serving import refusal as refusal
