"""From a keyframe that a viewer asked for to the clip's own next one.

tracks (the clip's frames) → **bridge** → encoder → tracks

It decodes the frames since the clip's last keyframe, encodes the present one as a keyframe, and goes on encoding.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Final

import av
from aiortc.mediastreams import MediaStreamError

from agents.clip import Picture
from agents.encoder import PictureEncoder, VideoCodec, picture_decoder

CATCH_UP_S: Final = 0.015
"""How long a frame is held back for a bridge that is nearly ready; decoding two seconds takes some 40 ms."""


class Bridge:
    """One bridge.  Its work is done in threads, one at a time."""

    def __init__(self, codec: VideoCodec, pictures: Sequence[Picture]) -> None:
        """`pictures`: from the clip's last keyframe to the present one; they are decoded while playing goes on."""
        self._codec = codec
        self._decoder = picture_decoder(codec)
        self._encoder: PictureEncoder | None = None
        self._shown: av.VideoFrame | None = None
        self._owed: list[Picture] = []
        loop = asyncio.get_running_loop()
        self._catching_up = loop.run_in_executor(None, self._decode, pictures)

    def owe(self, picture: Picture) -> None:
        """The clip has gone on by one."""
        self._owed.append(picture)

    async def ready(self) -> bool:
        """Whether the present picture can be encoded now; the clip's own frames are sent until then."""
        if not self._catching_up.done():
            await asyncio.wait({self._catching_up}, timeout=CATCH_UP_S)
        return self._catching_up.done()

    async def next_frame(self, *, keyframe: bool) -> tuple[bytes, bool]:
        """The present picture; the first one is a keyframe."""
        owed, self._owed = self._owed, []
        encode = functools.partial(self._step, owed, keyframe=keyframe)
        return await asyncio.get_running_loop().run_in_executor(None, encode)

    def _step(self, owed: Sequence[Picture], *, keyframe: bool) -> tuple[bytes, bool]:
        self._decode(owed)
        if self._shown is None:
            raise MediaStreamError
        if self._encoder is None:
            self._encoder = PictureEncoder(self._codec, self._shown.width, self._shown.height)
        return self._encoder.encode(self._shown, keyframe=keyframe)

    def _decode(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            for frame in self._decoder.decode(av.Packet(picture.payload)):
                self._shown = frame
