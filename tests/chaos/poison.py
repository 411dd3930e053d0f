"""Records that no service of ours wrote, thrown onto the topics: of every sort that a stranger's program may send."""

import json
import uuid
from pathlib import Path
from random import Random

from shared.bus import Bus, Message, Record, TopicPartition, open_bus, partition_of
from shared.events import ALL
from shared.limits import INT64_MAX

PURCHASES = "huitou.purchases"
TOPICS = (PURCHASES, "huitou.customers", "huitou.points", "huitou.feedback")
THROWN_MAX = 5
"""Records of one throw."""
PAGE = 200
STRANGER = b"/a/stranger"
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"

Headers = tuple[tuple[str, bytes], ...]


class Poison:
    """Throws records at a stack's bus and remembers which they were."""

    def __init__(self, bus_url: str, home: Path, random: Random) -> None:
        self._bus_url, self._home, self._random = bus_url, home, random
        self.thrown = 0
        self.event_ids: set[str] = set()

    async def throw(self) -> bool:
        """Throw a few."""
        bus = open_bus(self._bus_url, home=self._home)
        try:
            producer = await bus.producer()
            for _ in range(self._random.randint(1, THROWN_MAX)):
                make = self._random.choice((self._garbage, self._torn, self._unknown, self._refused))
                topic, message = await make(bus)
                place = partition_of(message.key or "", await bus.partitions(topic))
                await producer.send(topic, place, [message])
                self.thrown += 1
            await producer.close()
        finally:
            await bus.close()
        return True

    async def _garbage(self, _: Bus) -> tuple[str, Message]:
        value = self._random.choice([b"", b"\x00\xff\xfe", b"{", b"null", b"[1]", b"x" * 20_000, None])
        headers: Headers = self._random.choice(
            [(), (("ce_id", b"\xff"),), (("content-type", b"text/plain"),)]
        )
        return self._random.choice(TOPICS), Message(None, headers, value)

    async def _torn(self, _: Bus) -> tuple[str, Message]:
        """An event of ours of which a part is missing."""
        event = self._random.choice([event_type for event_type in ALL if event_type.topic.name in TOPICS])
        value = self._random.choice([b"{}", b'{"identity_id":"cus_1"}', b'{"identity_id":'])
        return event.topic.name, Message("cus_1", self._headers(event.type), value)

    async def _unknown(self, _: Bus) -> tuple[str, Message]:
        """An event of a service that this version does not know."""
        return self._random.choice(TOPICS), Message("cus_2", self._headers("partner.stamp_given.v1"), b"{}")

    async def _refused(self, bus: Bus) -> tuple[str, Message]:
        """A well-formed return of more than anybody ever bought, of a purchase that is in the topic before it.

        Whoever keeps units must refuse it, and quarantines a real customer of ours.
        """
        bought = await self._a_purchase(bus)
        if bought is None:
            return await self._unknown(bus)
        purchase = json.loads(bought.value or b"")
        return_id = "ret_" + "".join(self._random.choices(CROCKFORD, k=26))
        lines = [
            {"line": line, "quantity": INT64_MAX, "unit_from": 1, "unit_to": INT64_MAX, "amount_minor": 0}
            for line in (1, 2)
        ]
        copied = ("identity_id", "customer_id", "purchase_id", "source", "order_id", "currency")
        event = {
            **{name: purchase[name] for name in copied},
            "occurred_at": purchase["occurred_at"],
            "purchased_at": purchase["occurred_at"],
            "cause": {"kind": "return", "id": return_id},
            "return_id": return_id,
            "amount_minor": 0,
            "lines": lines,
        }
        headers = self._headers("profile.purchase_returned.v1")
        return PURCHASES, Message(purchase["identity_id"], headers, json.dumps(event).encode())

    async def _a_purchase(self, bus: Bus) -> Record | None:
        place = TopicPartition(PURCHASES, self._random.randrange(await bus.partitions(PURCHASES)))
        page = await bus.read(place, 0, PAGE)
        known = [
            record
            for record in page
            if (dict(record.headers).get("ce_source"), dict(record.headers).get("ce_type"))
            == (b"/huitou/profile", b"profile.purchase_recorded.v1")
        ]
        return self._random.choice(known) if known else None

    def _headers(self, type_: str) -> Headers:
        event_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self.event_ids.add(event_id)
        return (
            ("ce_specversion", b"1.0"), ("ce_id", event_id.encode()), ("ce_source", STRANGER),
            ("ce_type", type_.encode()), ("ce_time", b"2026-01-01T00:00:00Z"), ("ce_subject", b"stranger"),
            ("content-type", b"application/json"),
        )  # fmt: skip
