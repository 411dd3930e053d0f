"""What was asked, and what it became: each fact in its topic once, in the order it was asked in, and no fact of nobody's.

Judged from the acknowledged requests and the topics alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.bus import Record
from tests.chaos import books
from tests.chaos.books import Books
from tests.chaos.journal import Asked

WAITS = 202
Fact = tuple[str, str]
"""A kind of request, and the id that it was answered with."""

SAME = ("purchase", "return", "redemption", "adjustment", "complaint", "remedy", "transfer", "reward_claim")
"""Kinds of request that are the causes of their events under the same name."""
CAUSES = (*SAME, "activity", "activity_reversal")
"""Kinds of cause that are requests of clients."""
FIRST_HAND: Mapping[str, Mapping[str, str]] = {
    "profile.purchase_recorded.v1": {"purchase": "purchase"},
    "profile.purchase_returned.v1": {"return": "return"},
    "loyalty.points_redeemed.v1": {"redemption": "redemption"},
    "loyalty.points_earned.v1": {"adjustment": "adjustment"},
    "loyalty.points_reversed.v1": {"adjustment": "adjustment"},
    "loyalty.points_given.v1": {"transfer": "transfer"},
    "loyalty.reward_claimed.v1": {"reward_claim": "reward_claim"},
    "loyalty.reward_cancelled.v1": {"reward_claim": "reward_cancellation"},
    "loyalty.reward_fulfilled.v1": {"reward_claim": "reward_fulfilment"},
    "loyalty.reward_returned.v1": {"reward_claim": "reward_return"},
    "feedback.complaint_opened.v1": {"complaint": "complaint"},
    "feedback.remedy_granted.v1": {"remedy": "remedy"},
}
"""By type of event and kind of its cause: the fact that it tells.

An activity is none, since one that earns nothing is told nobody; its points are judged.
"""
ONCE_A_CAUSE = (
    "profile.customer_registered.v1",
    "loyalty.points_earned.v1",
    "loyalty.points_reversed.v1",
    "loyalty.points_received.v1",
    "feedback.remedy_settled.v1",
)
"""Events that a consumer derives from a fact exactly once, however often it was told."""
PAID = ("loyalty.points_earned.v1", "feedback.remedy_settled.v1")
"""What every remedy has become when nothing is on its way any more."""
REGISTERED = "profile.customer_registered.v1"


@dataclass(frozen=True)
class Told:
    """One event of ours as it first stands in its topic."""

    event_id: str
    type: str
    record: Record

    @cached_property
    def body(self) -> dict[str, Any]:
        """What it says."""
        return books.body(self.record)

    @property
    def cause(self) -> Fact:
        """Kind and id of what it came of."""
        return self.body["cause"]["kind"], self.body["cause"]["id"]

    @property
    def fact(self) -> Fact | None:
        """The request that it is itself the effect of; None: it was derived from one."""
        kind, cause_id = self.cause
        told = FIRST_HAND.get(self.type, {}).get(kind)
        return None if told is None else (told, cause_id)

    def __str__(self) -> str:
        """Where it stands and what it is."""
        place = f"{self.record.topic}/{self.record.partition}@{self.record.offset}"
        return f"{self.type} {self.event_id} of {' '.join(self.cause)} at {place}"


def fact_of(request: Asked) -> Fact | None:
    """What a request that was accepted has told others; None: nothing for sure."""
    if request.kind == "commit":
        return "redemption", request.answer["redemption_id"]
    if request.kind in ("hold", "hold_cancellation", "activity", "activity_reversal"):
        return None
    return request.kind, request.answer["id"]


def told(standing: Books) -> list[Told]:
    """Every event of ours by its first occurrence."""
    first: dict[str, Told] = {}
    for record in standing.records:
        if books.header(record, "ce_source").startswith("/huitou/"):
            event = Told(books.event_id(record), books.header(record, "ce_type"), record)
            first.setdefault(event.event_id, event)
    return list(first.values())


def wrong(standing: Books, asked: Sequence[Asked], lost: Set[str] = frozenset()) -> list[str]:
    """Every acknowledged effect that is not in its topic once, and every event that nobody asked for.

    A service that has lost events makes them again of their causes; what it has forgotten it settles no more.
    """
    events = told(standing)
    done = [request for request in asked if request.done]
    known = {fact for request in done if (fact := fact_of(request)) is not None}
    causes = known | {(request.kind, request.answer["id"]) for request in done}
    buyers = {
        request.answer["customer_id"] for request in asked if request.kind == "purchase" and request.done
    }
    effects: dict[Fact, list[Told]] = defaultdict(list)
    for event in events:
        if event.fact is not None:
            effects[event.fact].append(event)
    found = [f"{' '.join(fact)} was answered and is in no topic" for fact in sorted(known - set(effects))]
    found += [
        f"{' '.join(fact)} is in its topic {len(all_)} times: {', '.join(map(str, all_))}"
        for fact, all_ in sorted(effects.items())
        if len(all_) > 1
    ]
    found += [f"nobody asked for {event}" for event in events if _is_ghost(event, causes, buyers)]
    return [*found, *_derived(events, known, buyers, lost), *_changed(standing)]


def _is_ghost(event: Told, causes: set[Fact], buyers: set[str]) -> bool:
    """Whether it is about nobody who bought, or its cause is a request that was never answered."""
    if event.body["identity_id"] not in buyers or (event.record.key or b"").decode() not in buyers:
        return True
    return event.cause[0] in CAUSES and event.cause not in causes


def _derived(events: Sequence[Told], known: set[Fact], buyers: set[str], lost: Set[str]) -> Iterator[str]:
    """What consumers made of the facts, once each."""
    made: dict[tuple[str, Fact], list[Told]] = defaultdict(list)
    for event in events:
        if event.type in ONCE_A_CAUSE:
            made[event.type, event.cause].append(event)
    for all_ in made.values():
        if len([event for event in all_ if event.event_id not in lost]) > 1:
            yield f"made more than once of one cause: {', '.join(map(str, all_))}"
    forgotten = {event.cause for event in events if event.event_id in lost and event.fact is not None}
    for fact in sorted(fact for fact in known if fact[0] == "remedy"):
        due = PAID[:1] if fact in forgotten else PAID
        yield from (f"of {fact[1]} there is no {type_}" for type_ in due if (type_, fact) not in made)
    births = [event.body["identity_id"] for event in events if event.type == REGISTERED]
    yield from (
        f"{buyer} was registered {births.count(buyer)} times" for buyer in buyers if births.count(buyer) != 1
    )


def _changed(standing: Books) -> Iterator[str]:
    """Records of one event that are not the same record in the same partition."""
    first: dict[str, Record] = {}
    for record in standing.records:
        if books.header(record, "ce_source").startswith("/huitou/"):
            once = first.setdefault(books.event_id(record), record)
            if _content(once) != _content(record):
                yield f"{books.event_id(record)} was sent again as something else: {once}, {record}"


def _content(record: Record) -> tuple[object, ...]:
    return record.topic, record.partition, record.key, record.value


def out_of_order(standing: Books, asked: Sequence[Asked]) -> list[str]:
    """What was asked after an answer and stands before it in the topic, a customer; by first occurrence."""
    places = {event.fact: event.record for event in told(standing) if event.fact is not None}
    lines: dict[tuple[str, bytes | None], list[tuple[int, Asked]]] = defaultdict(list)
    for request in asked:
        # A return that waits for its purchase (202) comes into the topic with it, whenever that is.
        fact = fact_of(request) if request.done and request.status != WAITS else None
        if fact in places:
            record = places[fact]
            lines[record.topic, record.key].append((record.offset, request))
    found = []
    for (topic, key), events in lines.items():
        for offset, request in events:
            later = [
                event for event in events if event[1].answered_at < request.sent_at and event[0] > offset
            ]
            found += [
                f"{topic} {(key or b'').decode()}: {offset} {request} was asked after {place} {earlier}"
                for place, earlier in later[:1]
            ]
    return found
