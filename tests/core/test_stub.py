"""The stub says what the built module is, and the module reads what `sfu.media` says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_stub_matches_the_module() -> None:
    config = Path(__file__).with_name("stubtest.ini")
    command = [sys.executable, "-m", "mypy.stubtest", "--mypy-config-file", str(config), "sfu._core"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 0, result.stdout + result.stderr
