"""What a service has lost with its database: what it names, what the oracle knows, and nothing besides."""

from collections.abc import Iterator

from huitou.settings import SERVICES
from shared.bus import Record
from tests.chaos import books, facts
from tests.chaos.books import Books
from tests.chaos.journal import Journal, Loss


def lost(standing: Books, journal: Journal) -> set[str]:
    """The events that a service has told others since its backup, and does not know any more."""
    return {
        books.event_id(record)
        for loss in journal.losses
        for record in _unknown(standing, loss.service)
        if _is_named(record, loss)
    }


def wrong(standing: Books, journal: Journal) -> list[str]:
    """What was lost and not named, named and not lost, not what was accepted since the backup, or accepted without it."""
    found = []
    for loss in journal.losses:
        found += [
            f"{loss.service} accepted {request} while it had lost what it needs"
            for request in journal.asked
            if loss.forbids(request)
        ]
    for service in SERVICES:
        found += _service(standing, journal, service)
    return found


def _service(standing: Books, journal: Journal, service: str) -> Iterator[str]:
    losses = [loss for loss in journal.losses if loss.service == service and loss.named]
    missing = books.unknown(standing, service) if losses else []
    for record in missing:
        if not any(_is_named(record, loss) for loss in losses):
            yield f"{service} has lost {books.event_id(record)} of {_place(record)}@{record.offset} and does not name it"
    for loss in losses:
        empty = set(loss.named) - {_place(record) for record in missing if _is_named(record, loss)}
        yield from (f"{service} names {place}, of which it has lost nothing" for place in sorted(empty))
    ids = {books.event_id(record) for record in missing}
    told = {event.fact for event in facts.told(standing) if event.event_id in ids and event.fact is not None}
    gone = {
        fact
        for request in journal.asked
        if request.service == service
        and journal.is_lost(request)
        and (fact := facts.fact_of(request)) is not None
    }
    yield from (f"{' '.join(fact)} was lost, and not with the database" for fact in sorted(told - gone))
    yield from (f"{' '.join(fact)} came after the backup, and is still there" for fact in sorted(gone - told))


def _unknown(standing: Books, service: str) -> list[Record]:
    return books.unknown(standing, service) if service else []


def _is_named(record: Record, loss: Loss) -> bool:
    """Whether the record came after the backup, and before the end of a partition that the product named."""
    return record.timestamp_ms >= loss.saved_ms and record.offset < loss.named.get(_place(record), 0)


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}"
