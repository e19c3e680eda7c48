"""What became of the mutants: a line a module, and each survivor as a diff.

tools/mutants.sh: cosmic-ray init -> filter -> cosmic-ray exec -> **report**

A run may be sliced (each with its own MUTANTS_DIR and MUTATED); `report.py SESSION...` adds the slices up.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

TABLE = """
    select module_path, count(*), sum(worker_outcome = 'SKIPPED'), sum(test_outcome = 'KILLED'),
           sum(test_outcome = 'SURVIVED'), sum(worker_outcome is null)
    from mutation_specs left join work_results using (job_id) group by module_path
"""
SURVIVORS = """
    select module_path, start_pos_row, operator_name, diff from mutation_specs join work_results using (job_id)
    where test_outcome = 'SURVIVED' order by module_path, start_pos_row, start_pos_col
"""


def main(*sessions: str) -> None:
    """Print both, of one run or of several slices of it."""
    say = sys.stdout.write
    table = []
    for session in sessions:
        with closing(sqlite3.connect(session)) as database:
            for module, row, operator, diff in database.execute(SURVIVORS):
                changed = (line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))
                lines = "".join(f"    {line}\n" for line in changed)
                say(f"{module}:{row} {operator.removeprefix('core/')}\n{lines}")
            table += [(module, *(count or 0 for count in counts)) for module, *counts in database.execute(TABLE)]
    say("\n| module | mutants | of types | killed | survived | not run |\n|---|---|---|---|---|---|\n")
    total = ("all", *map(sum, list(zip(*table, strict=True))[1:]))
    for line in (*sorted(table), total):
        say("| " + " | ".join(map(str, line)) + " |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
