"""The references capability: customers are found by the merchant's own ids, which no other service than profile stores."""

from collections.abc import Sequence

from sqlalchemy import Select, select

from shared.context import Context
from shared.db import Tx
from shared.events.profile import CustomerErased, CustomerRegistered, CustomerUpdated
from shared.references import register
from shared.references.register import KnownReferences
from shared.references.tables import reference, reference_record, references_metadata
from shared.service.capability import Capability
from shared.speech import words
from shared.verify.row_rules import RowRule, invariants_of

_REGISTERED = 0
"""The version of the references that a registration tells. Updates have greater versions."""


async def customer_registered(tx: Tx, _context: Context, events: Sequence[CustomerRegistered]) -> None:
    """Store the references of new customers."""
    await register.record(
        tx,
        [
            KnownReferences(event.identity_id, _REGISTERED, event.references)
            for event in events
            if event.references
        ],
    )


async def customer_updated(tx: Tx, _context: Context, events: Sequence[CustomerUpdated]) -> None:
    """Store the references of customers that got or lost an external id."""
    await register.record(
        tx, [KnownReferences(event.identity_id, event.record_version, event.references) for event in events]
    )


async def customer_erased(tx: Tx, _context: Context, events: Sequence[CustomerErased]) -> None:
    """Delete the references of erased customers. The first erasure of an identity counts."""
    await register.erase(tx, {event.identity_id: event.occurred_at for event in reversed(events)})


def _left_of_erased() -> Select[str]:
    left = select(reference.c.identity_id).where(reference.c.identity_id == reference_record.c.identity_id)
    return select(reference_record.c.identity_id).where(
        reference_record.c.erased_at.is_not(None), left.exists()
    )


CAPABILITY = Capability(
    name="references",
    handlers={
        CustomerRegistered: customer_registered,
        CustomerUpdated: customer_updated,
        CustomerErased: customer_erased,
    },
    tables=(references_metadata,),
    find_external=register.find_identity,
    invariants=invariants_of(
        (RowRule("forgotten_references", _left_of_erased(), words(__name__, "drift_reference_of_erased")),),
        (reference_record.c.identity_id,),
    ),
)
