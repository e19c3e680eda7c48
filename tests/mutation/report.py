"""What became of the mutants: a line a module, and each survivor as a diff.

tools/mutants.sh: cosmic-ray init -> filter -> cosmic-ray exec -> **report**
"""

from __future__ import annotations

import sqlite3
import sys

TABLE = """
    select module_path, count(*), sum(worker_outcome = 'SKIPPED'), sum(test_outcome = 'KILLED'),
           sum(test_outcome = 'SURVIVED'), sum(worker_outcome is null)
    from mutation_specs left join work_results using (job_id) group by module_path
"""
SURVIVORS = """
    select module_path, start_pos_row, operator_name, diff from mutation_specs join work_results using (job_id)
    where test_outcome = 'SURVIVED' order by module_path, start_pos_row, start_pos_col
"""


def main(session: str) -> None:
    """Print both."""
    say = sys.stdout.write
    with sqlite3.connect(session) as database:
        for module, row, operator, diff in database.execute(SURVIVORS):
            changed = (line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))
            say(f"{module}:{row} {operator.removeprefix('core/')}\n" + "".join(f"    {line}\n" for line in changed))
        say("\n| module | mutants | of types | killed | survived | not run |\n|---|---|---|---|---|---|\n")
        for line in database.execute(TABLE):
            say("| " + " | ".join(str(value or 0) for value in line) + " |\n")


if __name__ == "__main__":
    main(sys.argv[1])
