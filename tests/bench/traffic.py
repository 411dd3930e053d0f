"""A shop's stream, encoded as it comes from the bus: 92 purchases to 8 returns, by a seed."""

import random
from collections import deque
from datetime import datetime, timedelta

from shared.bus import Record, TopicPartition
from shared.events.base import Cause, Event
from shared.events.cloudevents import encode
from shared.events.profile import PURCHASES, PurchaseLine, PurchaseRecorded, PurchaseReturned, ReturnedLine
from shared.ids import new_event_id, new_id

PLACE = TopicPartition(PURCHASES.name, 0)
RETURNS = 0.08
NEWCOMERS = 0.02
"""Share of the purchases that are somebody's first."""
SECONDS_BETWEEN = 20
RETURNABLE_MAX = 20_000
LINE_MINOR = (100, 4_000)
"""A line is worth 1.00 to 40.00, so a purchase 36.00: a basket of the demo, or of CDNOW."""


class Stream:
    """One partition's records without end; customers come back at random, so a batch names almost 500 of them."""

    def __init__(self, seed: int, *, begins: datetime, customers: int = 5_000) -> None:
        self._random = random.Random(seed)
        self._at = begins
        self._customers = [new_id("cus") for _ in range(customers)]
        self._returnable: deque[PurchaseRecorded] = deque(maxlen=RETURNABLE_MAX)
        self._offset = 0

    @property
    def customers(self) -> list[str]:
        """Everybody who may have bought so far."""
        return list(self._customers)

    def batch(self, size: int) -> list[Record]:
        """The next records."""
        return [self._record(self._next()) for _ in range(size)]

    def batches(self, count: int, size: int) -> list[list[Record]]:
        """The next batches."""
        return [self.batch(size) for _ in range(count)]

    def _next(self) -> Event:
        self._at += timedelta(seconds=SECONDS_BETWEEN)
        if self._returnable and self._random.random() < RETURNS:
            at = self._random.randrange(len(self._returnable))
            self._returnable.rotate(-at)
            return self._returned(self._returnable.popleft())
        bought = self._bought()
        self._returnable.append(bought)
        return bought

    def _bought(self) -> PurchaseRecorded:
        if self._random.random() < NEWCOMERS:
            self._customers.append(new_id("cus"))
        customer_id, purchase_id = self._random.choice(self._customers), new_id("pur")
        lines = tuple(
            PurchaseLine(
                line=number,
                sku=f"SKU-{self._random.randrange(5_000)}",
                quantity=self._random.choice((1, 1, 1, 2, 3)),
                amount_minor=self._random.randrange(*LINE_MINOR),
                category=f"category-{self._random.randrange(40)}",
            )
            for number in range(1, self._random.choice((1, 1, 2, 3)) + 1)
        )
        return PurchaseRecorded(
            identity_id=customer_id,
            customer_id=customer_id,
            occurred_at=self._at,
            cause=Cause(kind="purchase", id=purchase_id),
            purchase_id=purchase_id,
            source="web",
            order_id=purchase_id,
            currency="CNY",
            amount_minor=sum(line.amount_minor for line in lines),
            channel="web",
            lines=lines,
        )

    def _returned(self, of: PurchaseRecorded) -> PurchaseReturned:
        return_id, line = new_id("ret"), of.lines[0]
        amount_minor = line.amount_minor // line.quantity
        unit = ReturnedLine(line=1, quantity=1, unit_from=1, unit_to=1, amount_minor=amount_minor)
        return PurchaseReturned(
            identity_id=of.identity_id,
            customer_id=of.customer_id,
            occurred_at=self._at,
            cause=Cause(kind="return", id=return_id),
            return_id=return_id,
            purchase_id=of.purchase_id,
            source=of.source,
            order_id=of.order_id,
            purchased_at=of.occurred_at,
            currency=of.currency,
            amount_minor=amount_minor,
            lines=(unit,),
        )

    def _record(self, event: Event) -> Record:
        headers, value = encode(event, new_event_id(), "/huitou/profile")
        self._offset += 1
        return Record(
            PLACE.topic, PLACE.partition, self._offset - 1, event.key.encode(), tuple(headers), value, 0
        )
