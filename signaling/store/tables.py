"""The tables of lasting state."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables."""


class DomainRow(Table):
    """A tenant.  `receive_calls` is its users' default; None is enabled."""

    __tablename__ = "domains"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(190), unique=True)
    receive_calls: Mapped[bool | None]


class UserRow(Table):
    """Who can be called.  `receive_calls` None means: as the domain says."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("domain_id", "name"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    domain_id: Mapped[str] = mapped_column(ForeignKey("domains.id"))
    name: Mapped[str] = mapped_column(String(64))
    display_name: Mapped[str] = mapped_column(String(128))
    password: Mapped[str] = mapped_column(String(255))  # argon2id, RFC 9106
    receive_calls: Mapped[bool | None]
    created_ms: Mapped[int]
