"""Everything that may happen to a room, under one name.

| file | rules |
|---|---|
| `inviting.py` | invitations, from the first ring to the last word |
| `acl.py` | leaving, adding, removing |
| `membership.py`, `admitting.py` | how a user stands in the ACL: the table, and its steps in a room |
| `media.py` | who is connected at the node |
| `moving.py` | the room goes on at another node |
| `holding.py`, `locking.py`, `muting.py` | what participants do to themselves, the room and each other |
| `transferring.py` | moving a participant to another room |
| `ending.py` | how the room ends |
"""

from __future__ import annotations

from .acl import add as add
from .acl import expel as expel
from .acl import leave as leave
from .ending import demolish as demolish
from .ending import destroy as destroy
from .ending import on_time as on_time
from .holding import hold as hold
from .holding import unhold as unhold
from .inviting import answer as answer
from .inviting import cancel as cancel
from .inviting import close_calls as close_calls
from .inviting import device_came as device_came
from .inviting import device_gone as device_gone
from .inviting import failed as failed
from .inviting import grant_request as grant_request
from .inviting import granted as granted
from .inviting import invite as invite
from .inviting import online as online
from .locking import lock as lock
from .locking import unlock as unlock
from .media import joined as joined
from .media import left as left
from .media import rated as rated
from .media import reconciled as reconciled
from .moving import moved as moved
from .muting import mute_changed as mute_changed
from .muting import mute_requested as mute_requested
from .transferring import announced as announced
from .transferring import expect as expect
from .transferring import transferred as transferred
