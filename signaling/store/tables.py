"""All tables.  A change here needs a migration (migrations/versions): a test holds the two against each other.

    domains ─┬─< users ──┬─< sessions
             └─< groups ─┴─< group_members        calls ─< call_parties      call_ends      call_stays      audit

History and audit name users by id without a foreign key: they outlive whom they tell of.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    true,
)

metadata: Final = MetaData()

# Epoch milliseconds and counters: 64 bits.  SQLite's INTEGER has them, and only INTEGER numbers rows by itself there.
Long: Final = BigInteger().with_variant(Integer, "sqlite")

domains: Final = Table(
    "domains",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("name", String(190), nullable=False, unique=True),
    Column("receive_calls", Boolean),  # its users' default; NULL is enabled
    Column("created_ms", Long, nullable=False, server_default="0"),
)

users: Final = Table(
    "users",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("domain_id", String(24), ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("display_name", String(128), nullable=False),
    Column("password", String(255), nullable=False),  # argon2id, RFC 9106; empty: no password signs in
    Column("receive_calls", Boolean),  # NULL: as the domain says
    Column("created_ms", Long, nullable=False),
    Column("admin", Boolean, nullable=False, server_default=false()),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("domain_id", "name"),
)

groups: Final = Table(
    "groups",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("domain_id", String(24), ForeignKey("domains.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("display_name", String(128), nullable=False),
    Column("created_ms", Long, nullable=False),
    UniqueConstraint("domain_id", "name"),
)

group_members: Final = Table(
    "group_members",
    metadata,
    Column("group_id", String(24), ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(24), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(24), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("device_name", String(128), nullable=False),
    Column("created_ms", Long, nullable=False),
    Column("seen_ms", Long, nullable=False),
    Column("expires_ms", Long, nullable=False, index=True),
    Column("revoked_ms", Long),
    Column("serial", Integer, nullable=False, server_default="0"),  # of the refresh token that is good
    Index("ix_sessions_user", "user_id", "created_ms"),
)

# One row an invitation that is over.  What is only ever read with its call is JSON in it.
calls: Final = Table(
    "calls",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("room", String(64), nullable=False),
    Column("inviter", String(64), nullable=False),
    Column("inviter_device", String(64), nullable=False),
    Column("called", String(64), nullable=False),  # a user or a group
    Column("invitees", JSON, nullable=False),
    Column("accepted_by", String(64)),
    Column("media", JSON, nullable=False),
    Column("created_ms", Long, nullable=False),
    Column("decided_ms", Long, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("code", Integer),
    Column("candidates", JSON, nullable=False),
    Index("ix_calls_created", "created_ms", "id"),
)

# Who took part in it: what a user's own history is searched by.
call_parties: Final = Table(
    "call_parties",
    metadata,
    Column("call_id", String(64), ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    Column("domain_id", String(24)),  # of then; NULL for someone who is no user of ours
    Column("created_ms", Long, nullable=False),  # the call's, so that one index orders a user's calls
    Column("outgoing", Boolean, nullable=False),
    Column("missed", Boolean, nullable=False, server_default=false()),
    Index("ix_call_parties_user", "user_id", "created_ms", "call_id"),
)
Index(
    "ix_call_parties_missed",
    call_parties.c.user_id,
    call_parties.c.created_ms,
    call_parties.c.call_id,
    sqlite_where=call_parties.c.missed == true(),
    postgresql_where=call_parties.c.missed == true(),
)

# When somebody's part in a room was over.  Beside the calls and not in them: it may be told before its call is.
call_ends: Final = Table(
    "call_ends",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("user_id", String(64), primary_key=True),  # empty: everybody's
    Column("ended_ms", Long, primary_key=True, index=True),
    Column("reason", String(64), nullable=False),
)

# How good a room was for one peer.  Beside the calls like their ends; several calls may have met in one room.
call_stays: Final = Table(
    "call_stays",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("peer", String(64), primary_key=True),
    Column("user_id", String(64), nullable=False),
    Column("began_ms", Long, nullable=False),
    Column("ended_ms", Long, nullable=False, index=True),
    Column(
        "lasted_ms", Long, nullable=False
    ),  # above 0, and less than from begin to end where there was nothing to rate
    Column("score", Double, nullable=False),  # scores are 1 to 5
    Column("worst", Double, nullable=False),
    Column("audio_score", Double),
    Column("video_score", Double),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Long, primary_key=True, autoincrement=True),
    Column("at_ms", Long, nullable=False, index=True),
    Column("domain", String(190), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(255), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("address", String(64), nullable=False),
    Index("ix_audit_domain", "domain", "id"),
    Index("ix_audit_actor", "actor", "id"),
    Index("ix_audit_target", "target", "id"),
)
