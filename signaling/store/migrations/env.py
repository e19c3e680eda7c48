"""Run by Alembic: the migrations, on the connection and in the transaction that `store/migrate.py` has opened."""

from __future__ import annotations

from alembic import context

from signaling.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
