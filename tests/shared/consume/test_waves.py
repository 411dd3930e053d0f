"""Waves keep the order of each key, and there are few of them."""

import random
from collections.abc import Sequence
from itertools import pairwise

from shared.consume.waves import waves
from shared.events.base import Cause, Event
from shared.events.profile import CustomerMerged
from shared.ids import new_id
from tests.shared.ledger import AT, purchase, return_of

CUSTOMERS = [new_id("cus") for _ in range(40)]
BOUGHT = {customer: purchase(customer) for customer in CUSTOMERS}


def merged(moved: str, into: str) -> Event:
    return CustomerMerged(
        identity_id=moved,
        customer_id=into,
        former_customer_id=moved,
        occurred_at=AT,
        cause=Cause(kind="link", id="lnk_1"),
        link_id=new_id("lnk"),
        ownership_version=1,
        decided_by="person",
    )


def mixed(seeded: random.Random, length: int) -> list[Event]:
    events: list[Event] = []
    for _ in range(length):
        customer = seeded.choice(CUSTOMERS)
        if seeded.random() < 0.03:
            events.append(
                merged(customer, seeded.choice([former for former in CUSTOMERS if former != customer]))
            )
        elif seeded.random() < 0.1:
            events.append(return_of(BOUGHT[customer]))
        else:
            events.append(purchase(customer))
    return events


def of(identity: str, events: Sequence[Event]) -> list[int]:
    return [id(event) for event in events if identity in event.identities]


def test_every_event_is_in_one_wave_of_its_type_and_each_key_keeps_its_order(seeded: random.Random) -> None:
    for _ in range(100):
        events = mixed(seeded, seeded.randrange(120))
        cut = waves(events)
        assert all(len({type(event) for event in wave}) == 1 for wave in cut)
        flat = [event for wave in cut for event in wave]
        assert sorted(map(id, flat)) == sorted(map(id, events))
        for identity in CUSTOMERS:
            assert of(identity, flat) == of(identity, events)


def test_an_event_that_names_two_customers_stands_alone(seeded: random.Random) -> None:
    for wave in waves(mixed(seeded, 300)):
        assert len(wave) == 1 or all(len(event.identities) == 1 for event in wave)


def test_five_hundred_mixed_purchases_and_returns_are_a_handful_of_waves(seeded: random.Random) -> None:
    customers = [new_id("cus") for _ in range(2_000)]
    events: list[Event] = []
    for _ in range(500):
        bought = purchase(seeded.choice(customers))
        events.append(return_of(bought) if seeded.random() < 0.08 else bought)
    runs = 1 + sum(type(first) is not type(second) for first, second in pairwise(events))
    assert runs > 40
    assert len(waves(events)) <= 5
