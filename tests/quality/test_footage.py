"""The camera's and the microphone's files are what Chromium reads, and made once."""

from __future__ import annotations

import wave
from pathlib import Path

from tests.quality.footage import FRAMES_PER_S, HEIGHT, LENGTH_S, WIDTH, footage


def test_the_files_have_the_length_and_the_form_that_they_say(tmp_path: Path) -> None:
    made = footage(tmp_path)
    with made.pictures.open("rb") as pictures:
        head = pictures.readline()
    assert head == f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES_PER_S}:1 Ip A1:1 C420jpeg\n".encode()
    frame = len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2
    assert made.pictures.stat().st_size == len(head) + LENGTH_S * FRAMES_PER_S * frame
    with wave.open(str(made.voice)) as voice:
        assert voice.getnframes() / voice.getframerate() > 20
    before = made.pictures.stat().st_mtime_ns
    assert footage(tmp_path) == made
    assert made.pictures.stat().st_mtime_ns == before
