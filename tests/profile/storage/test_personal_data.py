"""What lies in the tables tells nobody who anybody is."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import Table, inspect, select, text, update

from services.profile.main import service
from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.queries.customers import find_customer
from services.profile.people.storage.tables import IdentityRecord, identifier, identity
from services.profile.people.usecases.register_customer import register_customer
from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.storage.tables import PurchaseRecord
from shared.vault import UnreadableToken, subject_key
from tests.profile.running import Profile, back, reported

PHONES = [f"1380013{number:04d}" for number in range(10_000)]
SECRETS = ("13800138001", "ana@example.com", "Ana Li", "for Ana", "CARD-77")


async def fill(profile: Profile) -> None:
    """A customer with everything, a waiting return, and a contested phone."""
    line = Line("CUP", 1, 900, name="for Ana")
    await profile.buy(
        reported("1", line, external_id="CARD-77", phone="13800138001", email="ana@example.com")
    )
    await profile.buy(reported("2", external_id="C-2", phone="13800138001"))
    await profile.give_back(back("R1", "99"))
    async with profile.database.begin() as tx:
        ana = NamedCustomer(None, GivenIdentifiers(phone="13800138001"))
        await register_customer(tx, profile.context, ana, name="Ana Li", source=None, issuer="shop")


def tables_of(profile: Profile) -> list[Table[Any]]:
    """Return every table of the service, the kernel's included."""
    return [table for metadata in service(profile.settings).metadata for table in metadata.tables.values()]


async def everything(profile: Profile) -> list[bytes]:
    """Every value of every table, as bytes."""
    values: list[bytes] = []
    async with profile.database.read() as read:
        for table in tables_of(profile):
            for row in await read.all(select(*table.columns)):
                values += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return values


async def test_nothing_personal_lies_in_plain_text(profile: Profile) -> None:
    await fill(profile)
    stored = b"\n".join(await everything(profile))
    for secret in SECRETS:
        assert secret.encode() not in stored, secret


async def test_no_hash_of_an_identifier_can_be_found_by_trying_all_of_them(profile: Profile) -> None:
    await fill(profile)
    stored = b"\n".join(await everything(profile))
    for phone in PHONES:
        for spelled in (phone, f"+86{phone}", f"phone\x1f\x1f+86{phone}"):
            digest = hashlib.sha256(spelled.encode()).digest()
            assert digest[:16] not in stored
            assert digest.hex()[:32].encode() not in stored


async def test_a_ciphertext_or_key_moved_to_another_row_does_not_open(profile: Profile) -> None:
    ana, bo = await profile.buy(reported("1", phone="13800138001"), reported("2", phone="13800138002"))
    assert isinstance(ana, PurchaseRecord)
    assert isinstance(bo, PurchaseRecord)
    column = identifier.c.sealed
    async with profile.database.begin() as tx:
        token = await tx.scalar(select(column).where(identifier.c.identity_id == ana.identity_id))
        await tx.execute(
            update(identifier).where(identifier.c.identity_id == bo.identity_id).values(sealed=token)
        )
    async with profile.database.read() as read:
        assert await find_customer(read, profile.context, ana.holder, issuer=None) is not None
        with pytest.raises(UnreadableToken):
            await find_customer(read, profile.context, bo.holder, issuer=None)
    async with profile.database.begin() as tx:
        wrapped = await tx.scalar(
            select(subject_key.c.wrapped).where(subject_key.c.identity_id == ana.identity_id)
        )
        await tx.execute(
            update(subject_key).where(subject_key.c.identity_id == bo.identity_id).values(wrapped=wrapped)
        )
    async with profile.database.read() as read:
        with pytest.raises(UnreadableToken):
            await profile.vault.keys(read, [bo.holder])


async def test_ids_are_ordered_bytewise_in_the_database(profile: Profile) -> None:
    async with profile.database.begin() as tx:
        words = ["cus_B", "cus_a", "cus_Z", "cus_0", "cus_é"]
        records = [
            IdentityRecord(
                identity_id=word, owner_id=word, origin="purchase", issuer="shop", source=None,
                created_at=tx.now, booked_at=tx.now, updated_at=tx.now,
            )
            for word in words
        ]  # fmt: skip
        await tx.insert_records(identity, records)
        found = [
            row[0] for row in await tx.all(select(identity.c.identity_id).order_by(identity.c.identity_id))
        ]
    assert found == sorted(words)
    if profile.database.dialect == "postgresql":
        async with profile.database.read() as read:
            named = await read.run(
                text("select count(*) from pg_attribute a join pg_collation c on c.oid = a.attcollation"
                     " where attrelid = 'identity'::regclass and attname = 'identity_id' and collname = 'C'")
            )  # fmt: skip
            assert named.scalar() == 1


async def test_facts_cannot_be_changed_behind_our_back(profile: Profile) -> None:
    await profile.buy(reported("1", phone="13800138001"))
    await profile.give_back(back("R1", "1"))
    for statement in (
        "update purchase set amount_minor = 1",
        "update purchase set identity_id = 'x'",
        "delete from purchase",
        "update purchase_line set quantity = 9",
        "update purchase_line set returned_quantity = 9",
        "update purchase_return set amount_minor = 1",
        "delete from return_line",
    ):
        with pytest.raises(Exception, match=r"refused|constraint"):
            async with profile.database.begin() as tx:
                await tx.run(text(statement))


async def test_every_table_is_declared_with_a_primary_key(one_profile: Profile) -> None:
    assert all(inspect(table).primary_key for table in tables_of(one_profile))
