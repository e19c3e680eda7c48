"""Users and domains.

Databases of the first release have these two tables and no version: they are taken as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make what is not there yet."""
    op.create_table(
        "domains",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("name", sa.String(190), nullable=False, unique=True),
        sa.Column("receive_calls", sa.Boolean),
        if_not_exists=True,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("domain_id", sa.String(24), sa.ForeignKey("domains.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(128), nullable=False),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("receive_calls", sa.Boolean),
        sa.Column("created_ms", LONG, nullable=False),
        sa.UniqueConstraint("domain_id", "name"),
        if_not_exists=True,
    )
