"""Janus' configuration, made anew for each measurement in a directory of its own.

**janus_config** -> `janus --configs-folder`

Tuned for one core: one event loop instead of a thread a handle, ICE-lite, no ICE-TCP, no RTCP that nobody asks for, a
small queue for retransmissions, only the plugin and the transport that are used.  The rest is as Debian ships it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LIBRARIES = "usr/lib/*/janus"
PLUGIN = "plugins/libjanus_videoroom.so"
TRANSPORT = "transports/libjanus_websockets.so"
RTP_PORTS = "20000-31999"
"""Below what Linux gives to sockets that ask for none; a connection takes one."""
NACK_QUEUE_MS = 200


@dataclass(frozen=True, slots=True)
class JanusConfig:
    """What differs from one start to the next."""

    directory: Path
    websocket_port: int
    media_address: str
    """The address of this machine that media is received at.  Janus never takes a loopback interface's."""

    @property
    def log(self) -> Path:
        """Where Janus writes its log."""
        return self.directory / "janus.log"

    def write(self, libraries: Path) -> None:
        """Write the files; `libraries` is the folder with Janus' plugins and transports."""
        for folder in ("plugins", "transports", "events", "loggers"):
            (self.directory / folder).mkdir()
        for library in (PLUGIN, TRANSPORT):
            (self.directory / library).symlink_to(libraries / library)
        for name, text in self.files().items():
            (self.directory / name).write_text(text)

    def files(self) -> dict[str, str]:
        """Name and text of each file."""
        return {
            "janus.jcfg": self._main(),
            "janus.transport.websockets.jcfg": self._websockets(),
            "janus.plugin.videoroom.jcfg": "general: { string_ids = true }\n",
        }

    def _main(self) -> str:
        folders = "\n".join(f'  {name}_folder = "{self.directory}/{name}"' for name in _FOLDERS)
        return f"""general: {{
  configs_folder = "{self.directory}"
{folders}
  event_loops = 1
  debug_level = 2
  log_to_stdout = false
  log_to_file = "{self.log}"
}}
certificates: {{ }}
media: {{
  rtp_port_range = "{RTP_PORTS}"
  min_nack_queue = {NACK_QUEUE_MS}
}}
nat: {{
  ice_lite = true
  ice_tcp = false
  ice_enforce_list = "{self.media_address}"
}}
"""

    def _websockets(self) -> str:
        return f"""general: {{
  json = "compact"
  ws = true
  ws_port = {self.websocket_port}
  ws_interface = "lo"
  wss = false
}}
admin: {{ admin_ws = false }}
"""


_FOLDERS = ("plugins", "transports", "events", "loggers")


def installed() -> Path | None:
    """The folder with Janus' plugins, if it is installed with those that are needed."""
    for folder in Path("/").glob(LIBRARIES):
        if (folder / PLUGIN).exists() and (folder / TRANSPORT).exists():
            return folder
    return None
