"""What neighbours tell of some customers in a season, each fact once and in order, and ways to tell it badly."""

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from services.feedback.orders.storage import tables as feedback_orders
from services.feedback.remedies.storage.tables import remedy
from services.loyalty.ledger.storage import tables as loyalty
from services.loyalty.purchases.storage import tables as purchases
from services.loyalty.remedies.storage import tables as remedies
from services.scoring.facts.storage import tables as scoring
from services.scoring.labels.storage.tables import score
from shared.bus import Record
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
from shared.identity.tables import identity
from shared.references.tables import reference as references
from shared.references.tables import reference_record
from tests.contract.consume.traffic import TOPIC
from tests.parts.opened import NOW, Opened

SEASON_DAYS = 60
PEOPLE = 12
PURCHASES = 40
TOLD_MAX = 5
"""How often a record is produced at most."""
LOWEST_TIER = "member"
LABELS = "scoring 5"
"""The part of the books with scoring's labels."""
FAR = datetime(2030, 1, 1, tzinfo=UTC)

Wire = tuple[list[tuple[str, bytes]], bytes]
Told = Sequence[tuple[Event, Wire]]


class Story:
    """Customers who register, buy, bring back, are merged, parted and made good to."""

    def __init__(self, rng: random.Random, remedies: Sequence[str] = ()) -> None:
        """`remedies` are those that feedback waits for an answer to."""
        self.rng = rng
        self.ids: set[str] = set()
        """Every id in it: what else a database holds is not of this story."""
        self.people = [self.id("cus") for _ in range(PEOPLE)]
        self.events: list[Event] = [
            CustomerRegistered(
                origin="story", references=(reference(who, 0),), **self.about(who, "registration", who)
            )
            for who in self.people
        ]
        self.named()
        for _ in range(PURCHASES):
            self.bought()
        self.moved()
        for who in self.people[:4]:
            remedy_id, points = self.id("rem"), rng.randrange(1, 500)
            about = self.about(who, "complaint", remedy_id)
            self.events.append(
                RemedyGranted(
                    remedy_id=remedy_id, complaint_id=self.id("cmp"), kind="points", points=points,
                    granted_at=about["occurred_at"], deadline_at=FAR, **about,
                )
            )  # fmt: skip
        for number, remedy_id in enumerate(remedies):
            self.events.append(self.answered(remedy_id, refused=bool(number % 2)))

    def id(self, prefix: str) -> str:
        """An id that is the same for the same seed."""
        made = f"{prefix}_{''.join(self.rng.choices('0123456789abcdefghjkmnpqrstvwxyz', k=26))}"
        self.ids.add(made)
        return made

    def about(self, who: str, cause: str, cause_id: str) -> dict[str, Any]:
        """What every event says."""
        at = NOW - timedelta(seconds=self.rng.randrange(2 * 86_400, SEASON_DAYS * 86_400))
        return {
            "identity_id": who, "customer_id": who, "occurred_at": at, "cause": Cause(kind=cause, id=cause_id)
        }  # fmt: skip

    def bought(self) -> PurchaseRecorded:
        """A purchase, half of the time with some of its units brought back, in one or two returns."""
        made = purchase(
            self, self.rng.choice(self.people), self.rng.choices([1, 2, 4], k=self.rng.randint(1, 3))
        )
        self.events.append(made)
        for line in made.lines if self.rng.random() < 0.5 else ():
            cut = self.rng.randint(0, line.quantity)
            for first, last in ((cut + 1, line.quantity), (1, cut)):
                if first <= last and self.rng.random() < 0.7:
                    self.events.append(back(self, made, line.line, first, last))
        return made

    def named(self) -> None:
        """Some people get more external ids, and some of these lose one or all, or are erased."""
        for number, who in enumerate(self.people[:6]):
            for version in range(1, number):
                names = [reference(who, name) for name in range(number - version - number % 2)]
                about = self.about(who, "registration", self.id("rec"))
                self.events.append(CustomerUpdated(record_version=version, references=tuple(names), **about))
        stranger, erasure_id = self.id("cus"), self.id("era")
        self.events += [
            CustomerRegistered(
                origin="story", references=(reference(stranger, 0),),
                **self.about(stranger, "registration", stranger),
            ),
            CustomerErased(erasure_id=erasure_id, **self.about(stranger, "erasure", erasure_id)),
        ]  # fmt: skip

    def moved(self) -> None:
        """Identities join others and some are parted again, each step with the next version of the identity."""
        for who in self.people[:6]:
            owner = who
            for version in range(1, self.rng.randint(2, 4)):
                former, owner = owner, self.rng.choice([person for person in self.people if person != owner])
                about = self.about(who, "link", self.id("lnk")) | {"customer_id": owner}
                more: dict[str, Any] = {
                    "link_id": about["cause"].id, "former_customer_id": former, "ownership_version": version,
                    "decided_by": "person",
                }  # fmt: skip
                parted = owner == who
                self.events.append(
                    CustomerUnmerged(must_not_link=True, **about, **more)
                    if parted
                    else CustomerMerged(**about, **more)
                )

    def answered(self, remedy_id: str, *, refused: bool) -> Event:
        """Loyalty's answer to a remedy of feedback's."""
        about = self.about(self.people[0], "remedy", remedy_id)
        if refused:
            return RemedyRefused(remedy_id=remedy_id, code="above_limit", **about)
        return PointsEarned(programme="default", points=5, transaction_id="txn_remedy_1", **about)


def reference(who: str, number: int) -> str:
    """A keyed digest of an external id of somebody's."""
    return f"{who[4:24]}-{number}"


def purchase(
    story: Story, who: str, quantities: Sequence[int], amount_minor: int | None = None
) -> PurchaseRecorded:
    """A purchase of one line a quantity, each of this amount or of any."""
    purchase_id = story.id("pur")
    lines = tuple(
        PurchaseLine(
            line=number,
            sku=f"sku-{number}",
            quantity=quantity,
            amount_minor=story.rng.randrange(90_000) if amount_minor is None else amount_minor,
        )
        for number, quantity in enumerate(quantities, 1)
    )
    return PurchaseRecorded(
        purchase_id=purchase_id, source="web", order_id=purchase_id, currency="CNY", lines=lines,
        amount_minor=sum(line.amount_minor for line in lines), **story.about(who, "purchase", purchase_id),
    )  # fmt: skip


def back(story: Story, of: PurchaseRecorded, number: int, first: int, last: int) -> PurchaseReturned:
    """A return of some units of a line, at what they are worth."""
    line, return_id = of.lines[number - 1], story.id("ret")
    worth = line.amount_minor * last // line.quantity - line.amount_minor * (first - 1) // line.quantity
    units = ReturnedLine(
        line=number, quantity=last - first + 1, unit_from=first, unit_to=last, amount_minor=worth
    )
    return PurchaseReturned(
        return_id=return_id, purchase_id=of.purchase_id, source=of.source, order_id=of.order_id,
        purchased_at=of.occurred_at, currency=of.currency, amount_minor=worth, lines=(units,),
        **story.about(of.identity_id, "return", return_id),
    )  # fmt: skip


def once(story: Story, events: Iterable[Event] | None = None) -> list[tuple[Event, Wire]]:
    """Each event in a record, in order."""
    chosen = story.events if events is None else events
    return [(event, encode(event, UUID(int=story.rng.getrandbits(128)), "/huitou/story")) for event in chosen]


def disordered(story: Story, told: Told, rng: random.Random) -> list[tuple[Event, Wire]]:
    """Each record once to five times, at times the same receipt under a new event id, and all of it shuffled."""
    again = []
    for event, wire in told:
        for number in range(rng.randint(1, TOLD_MAX)):
            anew = number > 0 and rng.random() < 0.3
            again.append(once(story, [event])[0] if anew else (event, wire))
    rng.shuffle(again)
    return again


def records_of(told: Told, first_offset: int = 0) -> list[Record]:
    """The records of partition 0."""
    return [
        Record(TOPIC, 0, first_offset + number, event.key.encode(), tuple(headers), value, 0)
        for number, (event, (headers, value)) in enumerate(told)
    ]


def changed(told: Told, change: Callable[[dict[str, Any]], object]) -> list[tuple[Event, Wire]]:
    """The records with something changed in the JSON of each."""
    found = []
    for event, (headers, value) in told:
        document = json.loads(value)
        change(document)
        found.append((event, (headers, json.dumps(document).encode())))
    return found


def as_type(told: Told, name: str) -> list[tuple[Event, Wire]]:
    """The same under another type; `{}` in the name stands for the type without its version."""
    found = []
    for event, (headers, value) in told:
        renamed = name.format(event.type.rpartition(".")[0]).encode()
        kept = [(header, content) for header, content in headers if header not in ("ce_type", "ce_id")]
        event_id = str(UUID(bytes=hashlib.sha256(value + renamed).digest()[:16])).encode()
        found.append((event, ([*kept, ("ce_type", renamed), ("ce_id", event_id)], value)))
    return found


_REFERENCES = (
    select(*reference_record.c),
    select(references.c.reference, references.c.identity_id),
)
_ID = re.compile(r"\b[a-z]{3}_[0-9a-z]{26}\b")
Books = dict[str, list[str]]

_LOYALTY = (
    select(*(loyalty.wallet.c[name] for name in ("identity_id", "owner_id", "ownership_version", "group_size"))),
    select(*(loyalty.wallet.c[name] for name in ("identity_id", "active", "pending", "held", "owed", "spend"))),
    # Who is in the lowest tier has a row only if they were higher for a while, as they are in some orders.
    select(loyalty.tier_state.c.owner_id, loyalty.tier_state.c.tier).where(loyalty.tier_state.c.tier != LOWEST_TIER),
    select(remedies.remedy.c.remedy_id, remedies.remedy.c.points, remedies.remedy.c.refusal),
    select(
        purchases.purchase.c.purchase_id, loyalty.lot.c.rule, loyalty.lot.c.issued, loyalty.lot.c.remaining,
        loyalty.lot.c.reversed, loyalty.lot.c.earned_at, loyalty.lot.c.expires_at,
    ).join(purchases.purchase, purchases.purchase.c.id == loyalty.lot.c.purchase_id),
    select(purchases.purchase_return.c.return_id, purchases.purchase_return.c.amount_minor),
    select(loyalty.posting.c.from_account, loyalty.posting.c.to_account, func.sum(loyalty.posting.c.points)).group_by(
        loyalty.posting.c.from_account, loyalty.posting.c.to_account
    ),
)  # fmt: skip
_FEEDBACK = (
    select(identity.c.identity_id, identity.c.owner_id, identity.c.ownership_version),
    select(*(feedback_orders.order_fact.c[name] for name in ("purchase_id", "identity_id", "amount_minor"))),
    select(*(feedback_orders.order_return.c[name] for name in ("return_id", "purchase_id", "amount_minor"))),
    select(remedy.c.status, remedy.c.refusal_code),
)
_SCORING = (
    select(identity.c.identity_id, identity.c.owner_id, identity.c.ownership_version),
    *(
        select(*(column for column in table.columns if column.name != "booked_at"))
        for table in (scoring.purchase, scoring.purchase_return, scoring.day_rollup)
    ),
    select(scoring.customer_state).where(scoring.customer_state.c.purchases > 0),
    select(score.c.customer_id, score.c.label).where(score.c.label.is_not(None)),
)
_BOOKS: dict[str, Sequence[Select[*tuple[Any, ...]]]] = {
    "loyalty": (*_LOYALTY, *_REFERENCES),
    "feedback": (*_FEEDBACK, *_REFERENCES),
    "scoring": (*_SCORING, *_REFERENCES),
}


async def books(house: Opened, story: Story) -> Books:
    """What a service holds to be true of a story, without when it was written down and under which row."""
    found = {}
    async with house.runtime.database.read() as read:
        for number, statement in enumerate(_BOOKS[house.service.name]):
            rows = map(repr, await read.all(statement))
            of_story = (row for row in rows if story.ids.issuperset(_ID.findall(row)))
            found[f"{house.service.name} {number}"] = sorted(of_story)
    return found
