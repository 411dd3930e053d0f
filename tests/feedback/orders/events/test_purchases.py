"""Purchases and returns are stored once, in any order and however often they come."""

from itertools import permutations

from services.feedback.orders.storage.tables import order_fact, order_return
from tests.feedback.running import Feedback, bought, customer, erased, returned


async def test_purchases_and_returns_are_kept_once_in_any_order(feedback: Feedback) -> None:
    for order, events in enumerate(permutations(("purchase", "return", "return"))):
        purchase = bought(customer(), order=str(order))
        back = returned(purchase)
        for name in events:
            await feedback.deliver(purchase if name == "purchase" else back)
    assert (await feedback.count(order_fact), await feedback.count(order_return)) == (6, 6)


async def test_facts_of_an_erased_identity_change_nothing(feedback: Feedback) -> None:
    who = customer()
    purchase = bought(who)
    await feedback.deliver(erased(who))
    await feedback.deliver(purchase, returned(purchase))
    assert (await feedback.count(order_fact), await feedback.count(order_return)) == (0, 0)
