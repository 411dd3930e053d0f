"""Phone numbers that an earlier version stored, and that would be told in another spelling now, as docs/upgrade.md says."""

import pytest
from sqlalchemy import update

from services.profile.people.domain.resolution import Resolved
from services.profile.people.storage.tables import identifier
from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.storage.tables import PurchaseRecord
from shared.errors import DomainError
from tests.profile.people.usecases.test_references import register
from tests.profile.running import Profile, reported

OLD = "+39612345678"
"""`+39 6 12345678` as it was stored. Italian numbers keep the 0 of their area code: 06 is Rome."""
REFUSED, NOW = "+39 6 12345678", "+39 06 12345678"
BARE, WITH_EXTENSION = "+1 202 555 0133", "+1 202 555 0133 123#"
"""The extension was cut off, so that the number was stored as BARE."""


async def of_before(profile: Profile) -> Resolved:
    """A customer with OLD in the database, as an earlier version has left it."""
    made = await register(profile, external_id="C-1", phone=NOW)
    async with profile.database.begin() as tx:
        keys = await profile.vault.keys(tx, [made.identity_id])
        await tx.execute(
            update(identifier)
            .where(identifier.c.identity_id == made.identity_id, identifier.c.kind == "phone")
            .values(
                blind_index=profile.vault.index("phone", "", OLD),
                sealed=keys.seal(made.identity_id, "identifier.phone", OLD),
            )
        )
    return made


async def phones(profile: Profile, customer_id: str) -> list[str]:
    answer = await profile.operator().get(f"/v1/customers/{customer_id}")
    assert answer.status_code == 200, answer.text
    return [known["value"] for known in answer.json()["identifiers"] if known["kind"] == "phone"]


async def looked_up(profile: Profile, phone: str) -> tuple[int, str]:
    answer = await profile.operator().post("/v1/customers:lookup", json={"phone": phone})
    return answer.status_code, answer.json().get("id") or answer.json()["code"]


@pytest.mark.both_databases
async def test_a_number_in_a_spelling_that_is_refused_now_stays_and_leads_to_nobody(profile: Profile) -> None:
    made = await of_before(profile)

    assert await phones(profile, made.customer_id) == [OLD]
    assert await looked_up(profile, REFUSED) == (422, "phone_invalid")
    assert await looked_up(profile, NOW) == (404, "customer_not_found")
    assert [purchase.holder for purchase in await bought(profile, reported("1", external_id="C-1"))] == [
        made.identity_id
    ]
    (refused,) = await profile.buy(reported("2", phone=REFUSED))
    assert isinstance(refused, DomainError)
    (new,) = await bought(profile, reported("3", phone=NOW))
    assert new.holder != made.identity_id
    assert await profile.drift() == []


@pytest.mark.both_databases
async def test_the_number_leads_to_its_customer_once_it_is_told_with_their_id(profile: Profile) -> None:
    made = await of_before(profile)

    await register(profile, made.identity_id, phone=NOW)

    assert sorted(await phones(profile, made.customer_id)) == ["+390612345678", OLD]
    assert await looked_up(profile, NOW) == (200, made.customer_id)
    (purchase,) = await bought(profile, reported("1", phone=NOW))
    assert (purchase.holder, purchase.unattached) == (made.identity_id, ())
    assert await profile.drift() == []


async def test_a_number_that_was_stored_without_its_extension_is_the_number_without_one(
    profile: Profile,
) -> None:
    made = await register(profile, external_id="C-1", phone=BARE)
    (first,) = await bought(profile, reported("1", phone=BARE))

    assert await looked_up(profile, BARE) == (200, made.customer_id)
    assert await looked_up(profile, WITH_EXTENSION) == (404, "customer_not_found")
    (again,) = await profile.buy(reported("1", phone=WITH_EXTENSION))
    assert isinstance(again, DomainError)
    assert again.code == "order_conflict", "an order of before is not recorded twice"
    await register(profile, made.identity_id, phone=WITH_EXTENSION)
    (purchase,) = await bought(profile, reported("2", phone=WITH_EXTENSION))
    assert purchase.holder == made.identity_id == first.holder


async def bought(profile: Profile, purchase: Purchase) -> list[PurchaseRecord]:
    outcomes = await profile.buy(purchase)
    records = [outcome for outcome in outcomes if isinstance(outcome, PurchaseRecord)]
    assert len(records) == len(outcomes), outcomes
    return records
