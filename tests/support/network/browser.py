"""A browser that takes a relay for whoever it calls: a script to run before a page's own.

relay, crossing -> **browser** -> page

It wraps `RTCPeerConnection.prototype.setRemoteDescription`: of what the other side says the candidates are replaced by
the relay, and what comes by `addIceCandidate` is dropped.
"""

from __future__ import annotations

import json
from string import Template
from typing import Final

from tests.support.network.sdp import Address

_SCRIPT: Final = Template("""(() => {
  const [host, port] = $relay;
  const candidate = `a=candidate:1 1 udp 2122260223 $${host} $${port} typ host`;
  const moved = (row) => {
    if (row.startsWith("a=candidate:") || row.startsWith("a=end-of-candidates")) return [];
    if (row.startsWith("a=ice-pwd:")) return [row, candidate, "a=end-of-candidates"];
    if (row.startsWith("m=")) return [row.replace(/^(m=\\w+ )(?!0 |9 )\\d+/, `$$1$${port}`)];
    if (row.startsWith("c=IN ") && !row.endsWith(" 0.0.0.0")) return [`c=IN IP4 $${host}`];
    return [row];
  };
  const wrapped = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const sdp = (description.sdp ?? "").split("\\r\\n").flatMap(moved).join("\\r\\n");
    return wrapped.call(this, { type: description.type, sdp });
  };
  RTCPeerConnection.prototype.addIceCandidate = () => Promise.resolve();
})();""")


def through_relay(relay: Address) -> str:
    """The script (playwright: `add_init_script`) that sends every connection of a page to `relay`."""
    return _SCRIPT.substitute(relay=json.dumps(relay))
