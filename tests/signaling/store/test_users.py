"""Users and domains, in real databases of both kinds."""

from __future__ import annotations

import asyncio

import pytest

from signaling.errors import ConfigError, StoreError
from signaling.store import Store


async def make_first(url: str, name: str) -> str:
    store = await Store.open(url)
    try:
        return (await store.users.add(name, "local", "hash")).username
    finally:
        await store.close()


@pytest.mark.parametrize("run", range(3))
async def test_the_first_users_may_be_made_at_the_same_moment(database_url: str, run: int) -> None:
    names = [f"user{number}" for number in range(8)]
    made = await asyncio.gather(*(make_first(database_url, name) for name in names))
    assert sorted(made) == [f"{name}@local" for name in names]


async def test_a_name_is_taken_once(store: Store) -> None:
    await store.users.add("alice", "local", "hash")
    with pytest.raises(StoreError, match="alice@local exists already"):
        await store.users.add("ALICE", "local", "hash")
    assert await store.users.add("alice", "elsewhere", "hash")


async def test_a_user_is_found_by_id_by_name_and_by_name_at_domain(store: Store) -> None:
    alice = await store.users.add("Alice", "Local", "hash", "Alice A.")
    assert (alice.username, alice.display_name) == ("alice@local", "Alice A.")
    assert await store.users.by_id(alice.id) == alice
    assert await store.users.by_name("ALICE") == alice
    assert await store.users.by_name("alice@local", "elsewhere") == alice
    assert await store.users.by_name("alice", "elsewhere") is None
    assert await store.users.password_of("alice") == (alice, "hash")


@pytest.mark.parametrize("reference", ["", "a\0b", "\ud800", "nobody", "f" * 24, "F" * 24, "a@b@c", "x" * 100_000])
async def test_whatever_names_nobody_finds_nobody(store: Store, reference: str) -> None:
    await store.users.add("alice", "local", "hash")
    assert await store.users.by_id(reference) is None
    assert await store.users.by_name(reference) is None
    assert await store.users.by_name("alice", reference or "nowhere") is None
    assert await store.users.password_of(reference) is None
    assert not await store.users.remove(reference)
    assert not await store.users.set_receive_calls(reference, False)
    assert await store.users.update(reference, admin=True) is None
    assert await store.domains.by_id(reference) is None
    assert await store.domains.by_name(reference) is None
    assert await store.directory.resolve(reference, "local") is None


async def test_a_text_that_no_database_keeps_is_refused(store: Store) -> None:
    for text in ("a\0b", "\ud800", "x" * 129):
        with pytest.raises(ConfigError, match="display name"):
            await store.users.add("alice", "local", "hash", text)


@pytest.mark.parametrize(
    ("own", "domain", "receives"),
    [
        (None, None, True),
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (False, True, False),
        (False, None, False),
    ],
)
async def test_a_users_own_word_counts_before_his_domains(
    store: Store, own: bool | None, domain: bool | None, receives: bool
) -> None:
    alice = await store.users.add("alice", "local", "hash")
    local = await store.domains.by_name("local")
    assert local is not None
    assert await store.users.set_receive_calls(alice.id, own)
    assert await store.domains.set_receive_calls(local.id, domain)
    found = await store.users.by_id(alice.id)
    assert found is not None
    assert (found.receives_calls, found.receive_calls) == (receives, own)


async def test_a_disabled_user_is_not_rung(store: Store) -> None:
    alice = await store.users.add("alice", "local", "hash")
    changed = await store.users.update(alice.id, disabled=True)
    assert changed is not None
    assert (changed.disabled, changed.receives_calls, changed.receive_calls) == (True, False, None)


async def test_an_update_changes_only_what_is_given(store: Store) -> None:
    alice = await store.users.add("alice", "local", "hash", admin=True)
    shown = await store.users.update(alice.id, display_name="A.")
    assert shown is not None
    assert (shown.display_name, shown.admin, shown.disabled) == ("A.", True, False)
    await store.users.update(alice.id, password_hash="another")
    assert await store.users.password_of("alice") == (shown, "another")
    assert await store.users.update(alice.id) == shown


async def test_a_user_without_a_password_has_no_hash(store: Store) -> None:
    alice = await store.users.add("alice", "local", None)
    assert await store.users.password_of("alice") == (alice, None)


async def test_users_are_paged_by_name_and_sought_by_what_they_are_called(store: Store) -> None:
    for name, shown in (("carol", "Carol_1"), ("alice", "Alice"), ("bob", "The Builder"), ("dave", "Dave 100%")):
        await store.users.add(name, "local", "hash", shown)
    await store.users.add("alan", "elsewhere", "hash")

    async def names(**given: object) -> list[str]:
        return [user.name for user in await store.users.page("local", **given)]  # type: ignore[arg-type]

    assert await names(limit=2) == ["alice", "bob"]
    assert await names(limit=2, after="bob") == ["carol", "dave"]
    assert await names(query="BUILD") == ["bob"]
    assert await names(query="a") == ["alice", "carol", "dave"]
    assert await names(query="_") == ["carol"]
    assert await names(query="%") == ["dave"]
    assert await names(query="\0") == []


async def test_a_user_who_is_removed_leaves_his_groups_and_sessions(store: Store) -> None:
    alice = await store.users.add("alice", "local", "hash")
    group = await store.groups.add("sales", "local", members=[alice.id])
    await store.sessions.add("s" * 24, alice.id, 4e9)
    assert await store.users.remove(alice.id)
    assert not await store.users.remove(alice.id)
    assert await store.users.by_id(alice.id) is None
    assert (await store.groups.by_id(group.id)) == await store.groups.set_members(group.id, [])
    assert not await store.sessions.active("s" * 24)


async def test_a_domain_is_removed_only_when_it_is_empty(store: Store) -> None:
    domain = await store.domains.add("Example.org")
    assert await store.domains.by_id(domain.id) == domain == await store.domains.by_name("example.ORG")
    with pytest.raises(StoreError, match=r"example\.org exists already"):
        await store.domains.add("example.org")
    user = await store.users.add("alice", "example.org", "hash")
    with pytest.raises(StoreError, match="still has users or groups"):
        await store.domains.remove(domain.id)
    await store.users.remove(user.id)
    assert await store.domains.remove(domain.id)
    assert not await store.domains.remove(domain.id)


async def test_domains_are_paged_by_name(store: Store) -> None:
    for name in ("b.example", "a.example", "c.example"):
        await store.domains.add(name)
    assert [domain.name for domain in await store.domains.page(limit=2)] == ["a.example", "b.example"]
    assert [domain.name for domain in await store.domains.page(after="b.example")] == ["c.example"]
