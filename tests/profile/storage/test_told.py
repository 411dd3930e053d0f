"""`huitou verify` misses rows that profile has told others of, and finds rows that it has not."""

import pytest

from shared.auth.principal import Principal
from tests.profile.running import Profile, back, reported
from tests.profile.storage.test_drift import unguarded


async def filled(profile: Profile) -> None:
    """Purchases and returns, of one customer and of nobody, some of which somebody has claimed."""
    await profile.buy(reported("1", external_id="C-1"), reported("2", external_id="C-2"))
    await profile.buy(reported("3"), reported("4"))
    await profile.give_back(back("r1", "1"), back("r3", "3"), back("r4", "4"))
    await profile.claim("3", Principal("operator", "ana"), external_id="C-1")
    assert await profile.drift() == []


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("purchase_has_its_event", "delete from purchase where order_id = '2'"),
        (
            "purchase_has_its_event",
            "delete from purchase_line where line = 1 and purchase_id in (select purchase_id from purchase where order_id = '2')",
        ),
        ("purchase_has_its_event", "update purchase_line set quantity = quantity + 1"),
        ("return_has_its_event", "delete from purchase_return"),
        ("return_has_its_event", "delete from return_line"),
        (
            "return_has_its_event",
            "update purchase_return set return_id = 'ret_ghost' where source_return_id = 'r1'",
        ),
        ("identity_has_its_event", "delete from identity"),
        ("external_ids_are_those_told", "delete from identifier where kind = 'external_id'"),
    ],
)
async def test_what_was_told_is_missed(profile: Profile, rule: str, statement: str) -> None:
    await filled(profile)
    await unguarded(profile, statement)
    assert rule in {drift.rule for drift in await profile.untold()}
