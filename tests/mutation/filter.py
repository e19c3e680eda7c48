"""Leaves out the mutants that no test can tell from the original, before any is run.

tools/mutants.sh: cosmic-ray init -> **filter** -> cosmic-ray exec -> report

* in annotations, which are never evaluated (`from __future__ import annotations`), in unions that only types use, and
  in the `*` after which arguments are named: mypy holds these;
* `is` against `==` and back: of enums, None and booleans, which are one and the same where they are equal;
* arguments and presence of decorators `@dataclass(frozen=True, slots=True)`: mypy holds that nothing is assigned.
"""

from __future__ import annotations

import ast
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

SAME = {"ReplaceComparisonOperator_Is_Eq", "ReplaceComparisonOperator_IsNot_NotEq"}
SKIP = "insert or replace into work_results (job_id, worker_outcome) values (?, 'SKIPPED')"

Span = tuple[tuple[int, int], tuple[int, int]]


def of_types_only(source: str) -> Iterator[Span]:
    """Where annotations, unions of types and the settings of dataclasses stand."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=ast.expr() as annotation):
                yield _span(annotation)
            case ast.FunctionDef(returns=ast.expr() as returns):
                yield _span(returns)
            case ast.ClassDef(decorator_list=decorators):
                yield from (((d.lineno, d.col_offset - 1), _span(d)[1]) for d in decorators)  # from the @ on
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and _is_union(statement.value):
            yield _span(statement)


def _is_union(value: ast.expr) -> bool:
    return isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)


def _is_marker(module: str, row: int, column: int) -> bool:
    return Path(module).read_text().splitlines()[row - 1][column : column + 2] == "*,"


def _span(node: ast.expr | ast.stmt) -> Span:
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def main(session: str) -> None:
    """Mark them as skipped in cosmic-ray's session."""
    spans: dict[str, list[Span]] = {}
    with sqlite3.connect(session) as database:
        database.execute("delete from work_results where worker_outcome = 'SKIPPED'")
        mutants = database.execute(
            "select job_id, module_path, operator_name, start_pos_row, start_pos_col from mutation_specs"
        ).fetchall()
        for job, module, operator, row, column in mutants:
            typed = spans.setdefault(module, list(of_types_only(Path(module).read_text())))
            in_types = any(start <= (row, column) < end for start, end in typed) or _is_marker(module, row, column)
            if in_types or operator.removeprefix("core/") in SAME:
                database.execute(SKIP, (job,))


if __name__ == "__main__":
    main(sys.argv[1])
