"""What rooms leave behind in the state after they are over: nothing, or it is named here."""

from __future__ import annotations

from signaling.state import State
from signaling.state.memory_state import MemoryState
from signaling.state.redis_state import RedisState


async def leftovers(state: State) -> list[str]:
    """The index entries, rooms and deadlines of rooms that are still there."""
    if isinstance(state, RedisState):
        names = [key.decode() for key in await state._client.do("KEYS", "tertulia:by:*")]
        names += [f"room {uuid.decode()}" for uuid in await state._client.do("SMEMBERS", "tertulia:rooms")]
        due = await state._client.do("ZRANGE", "tertulia:deadlines", 0, -1)
        return names + [name.decode() for name in due if name.startswith(b"room:")]
    assert isinstance(state, MemoryState)
    return [str(key) for key in state.rooms._index]
