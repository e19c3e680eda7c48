"""What can go wrong in a load run, below `agents.errors`.

AgentError
├── ConfigError        a flag or a file does not make sense: exit status 2, before anything is done
├── RunFailed          nothing could be measured
└── MediaError
    ├── AnswerError      the server's SDP answer cannot be used
    └── ConnectError     ICE or DTLS with the server failed
"""

from __future__ import annotations

from agents.errors import AgentError, MediaError


class RunFailed(AgentError):
    """Nothing could be measured; the text says why."""


class AnswerError(MediaError):
    """The server's SDP answer is malformed, or lacks what a connection needs."""


class ConnectError(MediaError):
    """No media connection to the server."""
