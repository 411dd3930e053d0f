"""A purchase and its returns told in every order there is: the same units are back, once."""

import asyncio
import itertools

from sqlalchemy import select

from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.storage import tables
from shared.consume.tables import set_aside
from shared.errors import DomainError
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from tests.profile.running import Profile, back, reported

BOUGHT = "bought"
TOLD = (BOUGHT, "1", "1", "2", "4")


async def tell(profile: Profile, order: str, facts: tuple[str, ...]) -> None:
    """Tell of one order's purchase, or of returns of so many of its three units, one after the other."""
    for fact in facts:
        if fact == BOUGHT:
            await profile.buy(reported(order, Line("TEA", 3, 1000), phone="13800138001"))
            continue
        (outcome,) = await profile.give_back(back(f"{fact} of {order}", order, (1, int(fact))))
        if isinstance(outcome, DomainError):
            assert (fact, outcome.code) == ("4", "return_exceeds_purchase")


async def test_every_order_of_a_purchase_and_its_returns_takes_the_same_units_back(profile: Profile) -> None:
    """P7.7: before the purchase, twice, and larger than the purchase: the two that fit are told, once each."""
    await profile.buy(reported("0", phone="13800138001"))
    orders = {str(n): facts for n, facts in enumerate(dict.fromkeys(itertools.permutations(TOLD)), 1)}

    await asyncio.gather(*(tell(profile, order, facts) for order, facts in orders.items()))

    async with profile.database.read() as read:
        ids = dict(await read.all(select(tables.purchase.c.order_id, tables.purchase.c.purchase_id)))
        waiting = await read.all(select(set_aside.c.code).where(set_aside.c.state == "parked"))
        dead = await read.all(select(set_aside.c.code).where(set_aside.c.state == "dead"))
    events = await profile.published()
    bought = [event.purchase_id for event in events if isinstance(event, PurchaseRecorded)]
    assert sorted(bought) == sorted(ids.values())
    returned: dict[str, list[tuple[int, int]]] = {}
    for event in events:
        if isinstance(event, PurchaseReturned):
            (line,) = event.lines
            returned.setdefault(event.purchase_id, []).append((line.quantity, event.amount_minor))
    for order, facts in orders.items():
        quantities = sorted(quantity for quantity, _ in returned[ids[order]])
        assert quantities == [1, 2], f"{facts}"
        assert sum(amount for _, amount in returned[ids[order]]) == 1000, f"{facts}"
    assert waiting == []
    assert {code for (code,) in dead} == {"return_exceeds_purchase"}
    assert len(dead) == sum(facts.index("4") < facts.index(BOUGHT) for facts in orders.values())
    assert await profile.drift() == []
