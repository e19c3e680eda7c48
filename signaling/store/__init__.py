"""Lasting state: users and domains, in SQL through SQLAlchemy; SQLite by default."""
