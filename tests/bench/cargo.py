"""The measuring programs in Rust, `sfu/core/benches`: started, and their JSON lines read.

rows/*, floor -> **cargo** -> cargo bench
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.bench.effort import ROOT, Unmeasured

MANIFEST = ROOT / "sfu" / "core" / "Cargo.toml"

Record = dict[str, Any]


def run(bench: str, *arguments: str) -> Iterator[Record]:
    """The JSON lines of one program; raises Unmeasured if it fails."""
    command = ["cargo", "bench", "--quiet", "--manifest-path", str(MANIFEST), "--bench", bench, "--", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:  # noqa: S603
        assert program.stdout is not None
        for line in program.stdout:
            if line.startswith("{"):
                yield json.loads(line)
    if program.returncode != 0:
        raise Unmeasured(f"cargo bench --bench {bench} failed, see above")


def numbers(record: Record, *names: str) -> tuple[float, ...]:
    """Figures of a record; raises Unmeasured naming one that isn't there."""
    try:
        return tuple(float(record[name]) for name in names)
    except (KeyError, TypeError, ValueError) as error:
        raise Unmeasured(f"{record.get('bench', 'a bench')} gives no {error}") from None
