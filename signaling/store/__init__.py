"""Lasting state in SQL: users, domains, groups, sessions, call history, audit; SQLite by default, PostgreSQL by URL.

Callers -> **store** (one object a process) -> users, domains, groups, directory, sessions, calls, audit -> database

`Store.open` brings the database to this version (migrations/) before anybody reads it.  Each part below is one
noun with its queries; `tables.py` has all tables, `values.py` what callers see of their rows.
"""

from .store import Store
from .values import Called, Domain, Group, Session, User

__all__ = ["Called", "Domain", "Group", "Session", "Store", "User"]
