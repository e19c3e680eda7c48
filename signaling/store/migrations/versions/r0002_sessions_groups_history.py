"""Sessions, groups, call history, audit; users may be admins or disabled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

LONG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add columns to what is there, and the new tables."""
    op.add_column("domains", sa.Column("created_ms", LONG, nullable=False, server_default="0"))
    for flag in ("admin", "disabled"):
        op.add_column("users", sa.Column(flag, sa.Boolean, nullable=False, server_default=sa.false()))
    _groups()
    _sessions()
    _calls()
    _audit()


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("domain_id", sa.String(24), sa.ForeignKey("domains.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(128), nullable=False),
        sa.Column("created_ms", LONG, nullable=False),
        sa.UniqueConstraint("domain_id", "name"),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(24), sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", sa.String(24), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_group_members_user_id", "group_members", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(24), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("device_name", sa.String(128), nullable=False),
        sa.Column("created_ms", LONG, nullable=False),
        sa.Column("seen_ms", LONG, nullable=False),
        sa.Column("expires_ms", LONG, nullable=False),
        sa.Column("revoked_ms", LONG),
        sa.Column("serial", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user_id", "created_ms"])
    op.create_index("ix_sessions_expires_ms", "sessions", ["expires_ms"])


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("room", sa.String(64), nullable=False),
        sa.Column("inviter", sa.String(64), nullable=False),
        sa.Column("inviter_device", sa.String(64), nullable=False),
        sa.Column("called", sa.String(64), nullable=False),
        sa.Column("invitees", sa.JSON, nullable=False),
        sa.Column("accepted_by", sa.String(64)),
        sa.Column("media", sa.JSON, nullable=False),
        sa.Column("created_ms", LONG, nullable=False),
        sa.Column("decided_ms", LONG, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("candidates", sa.JSON, nullable=False),
    )
    op.create_index("ix_calls_created", "calls", ["created_ms", "id"])
    op.create_table(
        "call_parties",
        sa.Column("call_id", sa.String(64), sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("domain_id", sa.String(24)),
        sa.Column("created_ms", LONG, nullable=False),
        sa.Column("outgoing", sa.Boolean, nullable=False),
        sa.Column("missed", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    by_user = ["user_id", "created_ms", "call_id"]
    op.create_index("ix_call_parties_user", "call_parties", by_user)
    missed = sa.column("missed", sa.Boolean) == sa.true()
    op.create_index("ix_call_parties_missed", "call_parties", by_user, sqlite_where=missed, postgresql_where=missed)
    op.create_table(
        "call_ends",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("ended_ms", LONG, primary_key=True),
        sa.Column("reason", sa.String(64), nullable=False),
    )
    op.create_index("ix_call_ends_ended_ms", "call_ends", ["ended_ms"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", LONG, primary_key=True, autoincrement=True),
        sa.Column("at_ms", LONG, nullable=False),
        sa.Column("domain", sa.String(190), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_at_ms", "audit", ["at_ms"])
    for name in ("domain", "actor", "target"):
        op.create_index(f"ix_audit_{name}", "audit", [name, "id"])
