"""The references capability: customers are found by the merchant's own ids, which no other service than profile stores."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select

from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerRegistered, CustomerUpdated
from shared.references import register
from shared.references.register import KnownReferences
from shared.references.tables import reference, reference_record, references_metadata
from shared.service.capability import Capability
from shared.speech import words
from shared.vault.checks import tell_references
from shared.verify.event_rules import EventRule, Fact, read_rows
from shared.verify.row_rules import RowRule, invariants_of

_REGISTERED = 0
"""The version of the references that a registration tells. Updates have greater versions."""


async def customer_registered(tx: Tx, context: Context, events: Sequence[CustomerRegistered]) -> None:
    """Store the references of new customers."""
    await _compare_keys(tx, context, events)
    await register.record(
        tx,
        [
            KnownReferences(event.identity_id, _REGISTERED, event.references)
            for event in events
            if event.references
        ],
    )


async def customer_updated(tx: Tx, context: Context, events: Sequence[CustomerUpdated]) -> None:
    """Store the references of customers that got or lost an external id."""
    await _compare_keys(tx, context, events)
    await register.record(
        tx, [KnownReferences(event.identity_id, event.record_version, event.references) for event in events]
    )


async def _compare_keys(
    tx: Tx, context: Context, events: Sequence[CustomerRegistered | CustomerUpdated]
) -> None:
    """Note it if profile makes references with another key: this service would find nobody by them."""
    marks = [event.reference_key for event in events if event.reference_key is not None]
    if marks and marks[-1] != context.vault.reference_mark:
        await tell_references(tx, marks[-1])


async def customer_erased(tx: Tx, _context: Context, events: Sequence[CustomerErased]) -> None:
    """Delete the references of erased customers. The first erasure of an identity counts."""
    await register.erase(tx, {event.identity_id: event.occurred_at for event in reversed(events)})


def _left_of_erased() -> Select[str]:
    left = select(reference.c.identity_id).where(reference.c.identity_id == reference_record.c.identity_id)
    return select(reference_record.c.identity_id).where(
        reference_record.c.erased_at.is_not(None), left.exists()
    )


def _named(event: CustomerRegistered | CustomerUpdated) -> Fact | None:
    return Fact(event.identity_id) if event.references else None


def _first(event: CustomerRegistered) -> Fact:
    return _told(event.identity_id, _REGISTERED, len(set(event.references)))


def _later(event: CustomerUpdated) -> Fact:
    return _told(event.identity_id, event.record_version, len(set(event.references)))


def _stored(row: Sequence[Any]) -> Fact:
    return _told(*row)


def _told(identity_id: str, record_version: int, references: int) -> Fact:
    return Fact(f"{identity_id} version {record_version}", (references,))


_COUNTED = select(
    reference_record.c.identity_id,
    reference_record.c.record_version,
    select(func.count(reference.c.reference))
    .where(reference.c.identity_id == reference_record.c.identity_id)
    .scalar_subquery(),
).where(reference_record.c.erased_at.is_(None))
"""The identities that were not erased, with the version of what was told of them, and the number of their references."""

CAPABILITY = Capability(
    name="references",
    handlers={
        CustomerRegistered: customer_registered,
        CustomerUpdated: customer_updated,
        CustomerErased: customer_erased,
    },
    tables=(references_metadata,),
    find_external=register.find_identity,
    invariants=replace(
        invariants_of(
            (
                RowRule(
                    "forgotten_references", _left_of_erased(), words(__name__, "drift_reference_of_erased")
                ),
            ),
            (reference_record.c.identity_id,),
        ),
        event_rules=(
            EventRule(
                "references_are_known",
                {CustomerRegistered: _named, CustomerUpdated: _named},
                read_rows(select(reference_record.c.identity_id)),
                rows_need_events=False,
            ),
            EventRule(
                "references_are_those_told",
                {CustomerRegistered: _first, CustomerUpdated: _later},
                read_rows(_COUNTED, fact=_stored),
                rows_need_events=False,
                events_need_rows=False,
            ),
        ),
    ),
)
