"""`huitou verify` finds each sort of contradiction; each is planted here past the guards of the database."""

import pytest
from sqlalchemy import text

from shared.auth.principal import Principal
from tests.parts.looking import looked_through
from tests.profile.running import Profile, back, reported

GUARDS = ("purchase", "purchase_line", "purchase_return", "return_line")


async def unguarded(profile: Profile, *statements: str) -> None:
    """Run statements with the triggers of the tables of facts out of the way."""
    async with profile.database.begin() as tx:
        if profile.database.dialect == "postgresql":
            for table in GUARDS:
                await tx.run(text(f"alter table {table} disable trigger user"))
        else:
            rows = (await tx.run(text("select name from sqlite_master where type = 'trigger'"))).all()
            for (name,) in rows:
                await tx.run(text(f"drop trigger {name}"))
        for statement in statements:
            await tx.run(text(statement))


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("returned_units", "update purchase_line set returned_quantity = 1"),
        (
            "disjoint_units",
            "update return_line set unit_from = 2, unit_to = 3, quantity = 2 where unit_to = 2",
        ),
        ("returned_amounts", "update purchase_return set amount_minor = amount_minor + 1"),
        ("line_amounts", "update return_line set amount_minor = amount_minor + 1"),
        ("purchase_amounts", "update purchase set amount_minor = amount_minor + 1"),
        ("known_identity", "update purchase set identity_id = 'cus_gone' where order_id = '1'"),
        ("returned_identity", "update purchase_return set identity_id = 'cus_gone'"),
        ("returned_identity", "update purchase_return set identity_id = null, customer_id = null"),
        (
            "returned_identity",
            "update purchase set identity_id = null, customer_id = null where order_id = '1'",
        ),
        ("anonymous_lines", "update purchase_line set name = 'Ana'"),
        ("readable", "delete from subject_key"),
        ("known_owner", "update identity set owner_id = 'cus_gone'"),
    ],
)
async def test_each_contradiction_is_found(profile: Profile, rule: str, statement: str) -> None:
    await profile.buy(reported("1", phone="13800138001"), reported("2"), reported("3"))
    await profile.give_back(back("R1", "1"), back("R2", "1"), back("R3", "2"), back("R4", "3"))
    await profile.claim("3", Principal("operator", "ana"), phone="13800138001")
    assert await profile.drift() == []
    if rule == "disjoint_units":
        await unguarded(profile, *_without_unique_units(profile))
    await unguarded(profile, statement)
    found = await profile.drift()
    assert rule in {drift.rule for drift in found}
    async with profile.database.read() as read:
        assert set(await looked_through(read, profile.service.invariants)) == set(found)


def _without_unique_units(profile: Profile) -> list[str]:
    """The unique key over (purchase, line, last unit) stands in the way of planting an overlap."""
    if profile.database.dialect == "postgresql":
        return ["alter table return_line drop constraint return_line_units"]
    return [
        "create table plain as select * from return_line",
        "drop table return_line",
        "alter table plain rename to return_line",
    ]
