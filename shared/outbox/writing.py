"""Write the events that a transaction publishes into its outbox."""

from collections.abc import Sequence

from shared.db import Tx, WriteOutbox
from shared.events.base import Event
from shared.events.cloudevents import source_of, write_texts
from shared.ids import new_event_id
from shared.outbox.tables import NewOutboxRecord, outbox
from shared.pacing import paced


def write_outbox(service: str) -> WriteOutbox:
    """Return the function that writes the outbox of a service, with one statement per transaction.

    It refuses an event that is too large before the commit, so that the relay never has to skip a row.
    """
    source = source_of(service)

    async def write(tx: Tx, events: Sequence[Event]) -> None:
        records = []
        async for event in paced(events):
            event_id = new_event_id()
            headers, payload = write_texts(event, event_id, source, tx.traceparent)
            records.append(
                NewOutboxRecord(
                    event_id=event_id,
                    aggregatetype=event.aggregate,
                    aggregateid=event.key,
                    type=event.type,
                    topic=event.topic.name,
                    key=event.key,
                    headers=headers,
                    payload=payload,
                    occurred_at=event.occurred_at,
                    booked_at=tx.now,
                )
            )
        await tx.take_place()
        await tx.insert_records(outbox, records)

    return write
