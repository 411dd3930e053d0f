"""Other services learn external ids as references: with the registration, when one is attached later, and after an upgrade."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.domain.resolution import Resolved
from services.profile.people.jobs import TELL_OLD_REFERENCES
from services.profile.people.storage.tables import identity
from services.profile.people.usecases.register_customer import register_customer
from shared.events import base
from shared.events.profile import CustomerRegistered, CustomerUpdated
from tests.profile.running import Profile, reported


async def register(
    profile: Profile, id: str | None = None, *, issuer: str = "shop", **named: str
) -> Resolved:
    async with profile.lanes, profile.database.begin() as tx:
        customer = NamedCustomer(id, GivenIdentifiers(**named))
        return await register_customer(tx, profile.context, customer, name=None, source=None, issuer=issuer)


async def tell_old(profile: Profile) -> int:
    return await TELL_OLD_REFERENCES.run(profile.runtime)


async def forget_told(profile: Profile) -> None:
    """Leave the rows as the versions before references left them."""
    async with profile.database.begin() as tx:
        await tx.execute(update(identity).values(record_version=0))


async def updates(profile: Profile) -> list[tuple[str, int, set[str]]]:
    return [
        (event.identity_id, event.record_version, set(event.references))
        for event in await profile.events_of(CustomerUpdated)
    ]


def references(profile: Profile, *external_ids: str, issuer: str = "shop") -> set[str]:
    return {profile.vault.reference(issuer, external_id) for external_id in external_ids}


async def test_an_external_id_that_is_attached_later_is_told_with_all_others(profile: Profile) -> None:
    made = await register(profile, external_id="C-1", phone="+8613800138001")
    await register(profile, external_id="C-1", email="ana@example.com")
    assert await updates(profile) == []
    (registered,) = await profile.events_of(CustomerRegistered)
    assert set(registered.references) == references(profile, "C-1")

    await register(profile, made.identity_id, external_id="C-2")
    await register(profile, made.identity_id, external_id="C-2")
    await profile.buy(
        reported("1", id=made.identity_id, external_id="Ｃ-３"), reported("2", external_id="C-4")
    )

    assert await updates(profile) == [
        (made.identity_id, 2, references(profile, "C-1", "C-2")),
        (made.identity_id, 3, references(profile, "C-1", "C-2", "C-3")),
    ]


async def test_an_id_that_stays_with_another_customer_is_not_told(profile: Profile) -> None:
    await register(profile, external_id="C-1")
    other = await register(profile, external_id="C-2")
    await register(profile, other.identity_id, external_id="C-1")
    assert await updates(profile) == []


async def test_an_id_that_an_operator_adds_to_a_partners_customer_is_the_shops(profile: Profile) -> None:
    marts = await register(profile, external_id="C-1", issuer="partner:mart")
    await register(profile, marts.identity_id, external_id="C-1")
    both = references(profile, "C-1") | references(profile, "C-1", issuer="partner:mart")
    assert await updates(profile) == [(marts.identity_id, 2, both)]


async def test_ids_that_are_attached_at_once_are_all_told_by_the_last_version(profile: Profile) -> None:
    made = await register(profile, external_id="C-0")
    names = [f"C-{number}" for number in range(1, 9)]
    await asyncio.gather(*(register(profile, made.identity_id, external_id=name) for name in names))

    told = sorted(await updates(profile), key=lambda each: each[1])
    assert [version for _, version, _ in told] == list(range(2, 10))
    assert [len(known) for _, _, known in told] == list(range(2, 10))
    assert told[-1][2] == references(profile, "C-0", *names)


async def test_the_ids_that_were_seen_last_are_told_of_very_many(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.profile.people.steps.tell_references.REFERENCES_MAX", 2)
    assert base.REFERENCES_MAX == 100
    made = await register(profile, external_id="C-1")
    for number in (2, 3):
        profile.clock.advance(timedelta(seconds=1))
        await register(profile, made.identity_id, external_id=f"C-{number}")
    assert (await updates(profile))[-1] == (made.identity_id, 3, references(profile, "C-2", "C-3"))


async def test_identities_of_older_versions_are_told_once(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.outbox.due_rows.PAGE_MAX", 2)
    known = [(await register(profile, external_id=f"C-{number}")).identity_id for number in range(4)]
    silent = (await register(profile, phone="+8613800138001")).identity_id
    erased = (await register(profile, external_id="C-9")).identity_id
    await profile.erase(erased)
    await forget_told(profile)

    assert [await tell_old(profile) for _ in range(2)] == [6, 0]
    assert sorted(await updates(profile)) == [
        (identity_id, 1, references(profile, f"C-{number}")) for number, identity_id in enumerate(known)
    ]
    await register(profile, external_id="C-10")
    assert await tell_old(profile) == 0
    await register(profile, silent, external_id="C-11")
    assert (await updates(profile))[-1] == (silent, 2, references(profile, "C-11"))


async def test_an_id_that_is_attached_before_the_old_ones_are_told_is_told_with_them(
    profile: Profile,
) -> None:
    made = (await register(profile, external_id="C-1")).identity_id
    await forget_told(profile)
    await register(profile, made, external_id="C-2")
    assert await tell_old(profile) == 0
    assert await updates(profile) == [(made, 1, references(profile, "C-1", "C-2"))]
