"""Seeded traffic for a consumer: what neighbours tell, what they tell twice, and what nobody should ever send."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.bus import Record
from shared.events import BY_TYPE
from shared.events.base import Cause, Event
from shared.events.cloudevents import encode
from shared.events.feedback import RemedyGranted
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.limits import EVENT_BYTES_MAX, INT64_MAX

TOPIC = "fuzz"
START = datetime(2026, 1, 1, tzinfo=UTC)
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
ODD_INTEGERS = (0, 1, 2**31, 2**53 + 1, INT64_MAX - 1, INT64_MAX)
ODD_TEXTS = (
    "\u202e\u0627", "💩" * 16, "a" * 64, "'; drop table lots", "\ufeff", "é\u0301", "\U0010ffff", " ", "NULL", "\\u0000",
)  # fmt: skip
ODD_INSTANTS = ("1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z")
WRONG: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, INT64_MAX + 1, "", "\x00", "x" * 5_000, "NaN", [], {}, [[]], {"a": 1}, "2026-13-01",
)  # fmt: skip

POPULATION = 60
NEWCOMER_EVERY = 4
RECENT = 100

Wire = tuple[list[tuple[str, bytes]], bytes | None]


class Traffic:
    """An endless stream of records; the same for the same seed."""

    def __init__(
        self,
        rng: random.Random,
        *,
        identities: Sequence[str] = (),
        remedies: Sequence[str] = (),
        clean: bool = False,
    ) -> None:
        """About these, and whom it makes up; `clean`: only what good neighbours tell, at times twice."""
        self.rng = rng
        self.clean = clean
        self.known = list(identities)
        self.identities = [*identities, *(self._id("cus") for _ in range(POPULATION))]
        self.remedies = list(remedies)
        self.purchases: list[PurchaseRecorded] = []
        self.sent: list[Wire] = []
        self.versions = 0

    def records(self, count: int, first_offset: int = 0) -> list[Record]:
        """The next records of partition 0."""
        return [self._record(first_offset + number) for number in range(count)]

    def _record(self, offset: int) -> Record:
        if (
            offset % NEWCOMER_EVERY == 0
        ):  # a dead record quarantines its key: somebody has to be left to talk about
            self.identities[self.rng.randrange(len(self.known), len(self.identities))] = self._id("cus")
        wire = self._wire()
        self.sent.append(wire)
        key = self.rng.choice(
            [None, b"", b"\xff\xfe", b"x" * 1_000, self.rng.choice(self.identities).encode()]
        )
        headers, value = wire
        if self.clean:
            key = next(content for name, content in headers if name == "ce_subject")
        return Record(TOPIC, 0, offset, key, tuple(headers), value, 0)

    def _wire(self) -> Wire:
        drawn = self.rng.random()
        if self.sent and drawn < 0.10:
            return self.rng.choice(self.sent[-RECENT:])
        if drawn < 0.13 and not self.clean:
            return self._garbage()
        event = self._event()
        wire: Wire = encode(event, UUID(int=self.rng.getrandbits(128)), "/huitou/fuzz")
        if drawn < 0.55 or self.clean:
            return wire
        if drawn < 0.60:
            return self._structured(wire)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
            wire = self.rng.choice(MUTATIONS)(self, wire)
        return wire

    def _event(self) -> Event:
        made = self.rng.choices(list(EVENTS), list(EVENTS.values()))[0](self)
        return self._odd(made) if self.rng.random() < 0.1 and not self.clean else made

    def _odd(self, event: Event) -> Event:
        """The same with a valid but extreme value somewhere; as it was where the contract refuses that."""
        document = json.loads(event.model_dump_json())
        place, value = self.rng.choice(_leaves(document))
        odd = ODD_INTEGERS if isinstance(value, int) else ODD_INSTANTS if _is_instant(value) else ODD_TEXTS
        changed = _replaced(document, place, self.rng.choice(odd))
        try:
            return type(event).model_validate_json(json.dumps(changed))
        except ValueError:
            return event

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{''.join(self.rng.choices(CROCKFORD, k=26))}"

    def _about(self, cause: str, cause_id: str, identity_id: str | None = None) -> dict[str, Any]:
        who = identity_id or self.rng.choice(self.identities)
        at = START + timedelta(seconds=self.rng.randrange(90 * 86_400))
        return {
            "identity_id": who, "customer_id": who, "occurred_at": at, "cause": Cause(kind=cause, id=cause_id)
        }  # fmt: skip

    def _registered(self) -> Event:
        about = self._about("registration", self._id("cus"))
        return CustomerRegistered(origin="fuzz", references=self._references(), **about)

    def _updated(self) -> Event:
        self.versions += 1
        about = self._about("registration", self._id("rec"))
        return CustomerUpdated(record_version=self.versions, references=self._references(), **about)

    def _references(self) -> tuple[str, ...]:
        return tuple(f"{self.rng.choice(CROCKFORD) * 22}" for _ in range(self.rng.randrange(3)))

    def _purchase(self) -> Event:
        lines = [
            PurchaseLine(
                line=number, sku=f"sku-{self.rng.randrange(9)}", quantity=self.rng.choice((1, 1, 2, 3, 32_623)),
                amount_minor=self.rng.choice((0, 1, 99, 1_000, 250_000)),
            )
            for number in range(1, self.rng.choice((2, 2, 3, 6)))
        ]  # fmt: skip
        purchase_id = self._id("pur")
        if self.purchases and self.rng.random() < 0.05 and not self.clean:
            purchase_id = self.rng.choice(self.purchases[-RECENT:]).purchase_id
        made = PurchaseRecorded(
            purchase_id=purchase_id, source="web", order_id=f"o-{self.rng.randrange(5_000)}",
            currency=self.rng.choice(("CNY", "CNY", "CNY", "JPY", "KWD", "XTS")), lines=tuple(lines),
            amount_minor=sum(line.amount_minor for line in lines), **self._about("purchase", purchase_id),
        )  # fmt: skip
        self.purchases.append(made)
        return made

    def _return(self) -> Event:
        if not self.purchases or self.rng.random() < 0.1:
            self._purchase()  # returned before it is told, if it is told at all
        of = self.rng.choice(self.purchases[-RECENT:])
        line = self.rng.choice(of.lines)
        first = self.rng.randint(1, line.quantity)
        last = self.rng.randint(first, min(line.quantity + self.rng.choice((0, 0, 0, 5)), INT64_MAX))
        worth = line.amount_minor * last // line.quantity - line.amount_minor * (first - 1) // line.quantity
        return_id = self._id("ret")
        about = self._about("return", return_id, of.identity_id)
        return PurchaseReturned(
            return_id=return_id, purchase_id=of.purchase_id, source=of.source, order_id=of.order_id,
            purchased_at=of.occurred_at, currency=of.currency, amount_minor=worth,
            lines=(
                ReturnedLine(
                    line=line.line, quantity=last - first + 1, unit_from=first, unit_to=last, amount_minor=worth
                ),
            ),
            **about,
        )  # fmt: skip

    def _moved(self) -> Event:
        self.versions += 1
        one, owner = self.rng.choice(self.identities), self.rng.choice(self.identities)
        about = self._about("link", self._id("lnk"), one) | {"customer_id": owner}
        more: dict[str, Any] = {
            "link_id": self._id("lnk"), "former_customer_id": self.rng.choice(self.identities),
            "ownership_version": self.versions + (0 if self.clean else self.rng.choice((-2, 0, 0, 3))), "decided_by": "person",
        }  # fmt: skip
        if more["ownership_version"] < 0:
            more["ownership_version"] = 0
        if one == owner:
            return CustomerUnmerged(must_not_link=True, **about, **more)
        return CustomerMerged(**about, **more)

    def _erased(self) -> Event:
        erasure_id = self._id("era")
        victim = self._id("cus") if self.rng.random() < 0.7 else self.rng.choice(self.identities[-5:])
        return CustomerErased(erasure_id=erasure_id, **self._about("erasure", erasure_id, victim))

    def _granted(self) -> Event:
        remedy_id = self._id("rem")
        who = self.rng.choice([*self.identities, self._id("cus")])
        about = self._about("complaint", self._id("cmp"), who)
        return RemedyGranted(
            remedy_id=remedy_id, complaint_id=self._id("cmp"), kind=self.rng.choice(("points", "points", "coupon")),
            points=self.rng.choice((1, 50, 10**9)), granted_at=about["occurred_at"],
            deadline_at=about["occurred_at"] + timedelta(days=self.rng.choice((1, 3_000))), **about,
        )  # fmt: skip

    def _answered(self) -> Event:
        remedy_id = self.rng.choice([*self.remedies, self._id("rem")])
        about = self._about("remedy", remedy_id)
        if self.rng.random() < 0.5:
            return RemedyRefused(remedy_id=remedy_id, code="unknown_member", **about)
        return PointsEarned(programme="default", points=5, transaction_id="txn_remedy_1", **about)

    def _garbage(self) -> Wire:
        names = ["ce_id", "ce_type", "ce_specversion", "content-type", "traceparent", "", "\u00e9", "x" * 300]
        headers = [
            (self.rng.choice(names), self.rng.choice([b"", self.rng.randbytes(20), b"1.0"]))
            for _ in range(self.rng.randrange(6))
        ]
        return headers, self.rng.choice(
            [None, b"", self.rng.randbytes(self.rng.randrange(2_000)), b"{}", b"[" * 5_000]
        )

    def _structured(self, wire: Wire) -> Wire:
        headers, value = wire
        attributes = {name.removeprefix("ce_"): content.decode() for name, content in headers if content}
        attributes.pop("content-type")
        document = attributes | {"data": json.loads(value or b"null")}
        return [("content-type", b"application/cloudevents+json; charset=utf-8")], json.dumps(
            document
        ).encode()

    def _cut(self, wire: Wire) -> Wire:
        headers, value = wire
        return headers, (value or b"")[: self.rng.randrange(len(value or b"") + 1)]

    def _flipped(self, wire: Wire) -> Wire:
        headers, value = wire
        if not value:
            return headers, None
        changed = bytearray(value)
        for _ in range(self.rng.choice((1, 1, 5, 50))):
            changed[self.rng.randrange(len(changed))] = self.rng.randrange(256)
        return headers, bytes(changed)

    def _wrong_value(self, wire: Wire) -> Wire:
        """A wrong value, a missing member or an unknown one somewhere in the event."""
        headers, value = wire
        try:
            document = json.loads(value or b"")
            place, _ = self.rng.choice(_leaves(document))
        except (ValueError, IndexError, RecursionError):
            return headers, value
        if self.rng.random() < 0.2:
            return headers, json.dumps(
                {**document, "new_field": [1]} if isinstance(document, dict) else 1
            ).encode()
        return headers, json.dumps(_replaced(document, place, self.rng.choice(WRONG))).encode()

    def _wrong_header(self, wire: Wire) -> Wire:
        headers = list(wire[0])
        if not headers:
            return wire
        place = self.rng.randrange(len(headers))
        name = headers[place][0]
        match self.rng.randrange(5):
            case 0:
                headers.pop(place)
            case 1:
                headers.append(headers[place])
            case 2:
                headers[place] = (name, b"")
            case 3:
                headers[place] = (name, self.rng.choice([b"", b"\xff\xfe", b"x" * 5_000, b"1.0", b"0" * 36]))
            case _:
                headers[place] = (name.upper(), headers[place][1])
        return headers, wire[1]

    def _other_type(self, wire: Wire) -> Wire:
        """Another type over the same value: one that exists, one of the future, one that is no name."""
        names = [*BY_TYPE, "profile.purchase_recorded.v2", "other.thing_happened.v1", "", "a b", "x" * 200]
        named = ("ce_type", self.rng.choice(names).encode())
        return [header for header in wire[0] if header[0] != "ce_type"] + [named], wire[1]

    def _blown_up(self, wire: Wire) -> Wire:
        """Too large, or as large as it may be."""
        if self.rng.random() < 0.9:  # a megabyte is worth sending now and then
            return self._cut(wire)
        room = EVENT_BYTES_MAX - len(wire[1] or b"") + self.rng.choice((-1, 0, 1, 200_000))
        return wire[0], (wire[1] or b"") + b" " * max(room, 0)

    def _remade_structured(self, wire: Wire) -> Wire:
        try:
            headers, value = self._structured(wire)
        except (ValueError, KeyError, AttributeError, RecursionError):
            return wire
        document = json.loads(value or b"{}")
        document[self.rng.choice(["id", "data", "specversion", "type", "datacontenttype", "time"])] = (
            self.rng.choice(WRONG)
        )
        return headers, json.dumps(document).encode()


EVENTS: dict[Callable[[Traffic], Event], int] = {
    Traffic._registered: 10,
    Traffic._updated: 6,
    Traffic._purchase: 40,
    Traffic._return: 15,
    Traffic._moved: 8,
    Traffic._erased: 1,
    Traffic._granted: 8,
    Traffic._answered: 8,
}
"""What neighbours tell, and how often."""

MUTATIONS: Sequence[Callable[[Traffic, Wire], Wire]] = (
    Traffic._cut,
    Traffic._flipped,
    Traffic._wrong_value,
    Traffic._wrong_value,
    Traffic._wrong_value,
    Traffic._wrong_header,
    Traffic._other_type,
    Traffic._blown_up,
    Traffic._remade_structured,
)

Place = tuple[str | int, ...]


def _leaves(value: Any, path: Place = ()) -> list[tuple[Place, Any]]:
    """Every value in a JSON document that holds no other, and the way to it."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        return [(path, value)]
    return [leaf for step, inner in steps for leaf in _leaves(inner, (*path, step))]


def _replaced(document: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = _replaced(document[place[0]], place[1:], value)
    return copy


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("Z") and "T" in value
