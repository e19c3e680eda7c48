"""Groups, and whom a reference means, in real databases of both kinds."""

from __future__ import annotations

import pytest

from signaling.errors import ConfigError, StoreError
from signaling.store import Called, Store


async def test_a_group_knows_its_members(store: Store) -> None:
    alice, bob = [await store.users.add(name, "local", "hash") for name in ("alice", "bob")]
    group = await store.groups.add("Sales", "Local", "The sellers", [bob.id, alice.id, bob.id])
    assert (group.name, group.domain, group.display_name) == ("sales", "local", "The sellers")
    assert group.members == tuple(sorted((alice.id, bob.id)))
    assert await store.groups.by_id(group.id) == group == await store.groups.by_name("sales@local", "elsewhere")
    assert await store.groups.users_of(group.id) == (alice, bob)
    changed = await store.groups.set_members(group.id, [alice.id])
    assert changed is not None
    assert changed.members == (alice.id,)


async def test_a_group_is_renamed_and_removed(store: Store) -> None:
    group = await store.groups.add("sales", "local")
    renamed = await store.groups.update(group.id, display_name="S")
    assert renamed is not None
    assert (renamed.name, renamed.display_name) == ("sales", "S")
    assert await store.groups.remove(group.id)
    assert not await store.groups.remove(group.id)
    assert await store.groups.update(group.id, display_name="S") is None
    assert await store.groups.set_members(group.id, []) is None


@pytest.mark.parametrize("stranger", ["f" * 24, "bob", "\0"])
async def test_a_member_who_is_no_user_is_refused_and_nothing_changes(store: Store, stranger: str) -> None:
    alice = await store.users.add("alice", "local", "hash")
    group = await store.groups.add("sales", "local", members=[alice.id])
    with pytest.raises(StoreError, match="no user"):
        await store.groups.set_members(group.id, [stranger])
    assert await store.groups.by_id(group.id) == group
    with pytest.raises(StoreError, match="no user"):
        await store.groups.add("others", "local", members=[stranger])
    assert await store.groups.by_name("others") is None


async def test_a_group_name_is_taken_once_and_must_be_one(store: Store) -> None:
    await store.groups.add("sales", "local")
    with pytest.raises(StoreError, match="sales@local exists already"):
        await store.groups.add("sales", "local")
    with pytest.raises(ConfigError, match="group name"):
        await store.groups.add("the sellers", "local")


async def test_groups_are_paged_by_name(store: Store) -> None:
    for name in ("c", "a", "b"):
        await store.groups.add(name, "local")
    await store.groups.add("z", "elsewhere")
    assert [group.name for group in await store.groups.page("local", limit=2)] == ["a", "b"]
    assert [group.name for group in await store.groups.page("local", after="b")] == ["c"]


async def test_a_reference_means_a_user_before_a_group(store: Store) -> None:
    alice, bob = [await store.users.add(name, "local", "hash") for name in ("alice", "bob")]
    far = await store.users.add("carol", "elsewhere", "hash")
    sales = await store.groups.add("sales", "local", members=[alice.id, bob.id])
    await store.groups.add("bob", "local", members=[alice.id])

    one = Called(bob.id, (bob,), is_group=False)
    assert await store.directory.resolve(bob.id, "elsewhere") == one
    assert await store.directory.resolve("bob", "local") == one
    assert await store.directory.resolve("BOB@local", "elsewhere") == one
    all_of_sales = Called(sales.id, (alice, bob), is_group=True)
    assert await store.directory.resolve(sales.id, "elsewhere") == all_of_sales
    assert await store.directory.resolve("sales", "local") == all_of_sales
    assert await store.directory.resolve("sales", "elsewhere") is None
    assert await store.directory.resolve("carol", "local") is None
    assert await store.directory.resolve("carol@elsewhere", "local") == Called(far.id, (far,), is_group=False)


async def test_a_changed_permission_holds_for_the_next_invitation_in_another_process(
    store: Store, database_url: str
) -> None:
    bob = await store.users.add("bob", "local", "hash")
    there = await Store.open(database_url)
    try:
        for enabled in (False, True):
            await there.users.set_receive_calls(bob.id, enabled)
            called = await store.directory.resolve("bob", "local")
            assert called is not None
            assert called.users[0].receives_calls is enabled
    finally:
        await there.close()
