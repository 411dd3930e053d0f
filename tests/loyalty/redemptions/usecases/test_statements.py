"""A redemption is cheap: its statements are built once, and go to the driver directly."""

import pytest
from sqlalchemy import event

from shared.db.sqlite import SqliteDatabase
from tests.loyalty.shop import START, Shop, customer, registered

BUILT_MAX = 1
"""The statements that are run through SQLAlchemy: the one that draws ids, which is built once too."""


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_a_redemption_builds_no_statement_anew(shop: Shop) -> None:
    member = customer()
    await shop.tell(registered(member, START))
    await shop.adjust(member, 100)
    await shop.redeem(member, 1)
    assert isinstance(shop.database, SqliteDatabase)
    built: list[str] = []
    event.listen(shop.database.writer, "before_cursor_execute", lambda *arguments: built.append(arguments[2]))

    await shop.redeem(member, 1)

    assert len(built) <= BUILT_MAX, built
