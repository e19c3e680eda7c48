"""How good calls were: the stays of peers in rooms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table; calls of before have no stays."""
    op.create_table(
        "call_stays",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("peer", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("began_ms", LONG, nullable=False),
        sa.Column("ended_ms", LONG, nullable=False),
        sa.Column("lasted_ms", LONG, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("worst", sa.Double, nullable=False),
        sa.Column("audio_score", sa.Double),
        sa.Column("video_score", sa.Double),
    )
    op.create_index("ix_call_stays_ended_ms", "call_stays", ["ended_ms"])
