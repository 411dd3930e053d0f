"""Remedies are locked behind their customers' identities and their complaints."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.feedback.complaints.queries.complaints import identities_of_complaints
from services.feedback.complaints.steps.lock_complaints import lock_rows
from services.feedback.remedies.storage import remedies
from services.feedback.remedies.storage.tables import RemedyRecord
from shared import identity
from shared.db import Tx
from shared.identity import Owner


@dataclass(frozen=True, slots=True)
class LockedRemedy:
    """A remedy that this transaction has locked, and the owner of its identity."""

    record: RemedyRecord
    owner: Owner


async def lock_remedies(tx: Tx, remedy_ids: Sequence[str]) -> dict[str, LockedRemedy]:
    """Lock the customers' identities, the complaints, then the remedies, each sorted, and return the remedies by id.

    Unknown remedies are left out.
    """
    wanted = sorted(set(remedy_ids))
    complaints = await remedies.complaints_of(tx, wanted)
    identities = await identities_of_complaints(tx, sorted(set(complaints.values())))
    owners = await identity.lock(tx, identities.values())
    await lock_rows(tx, complaints.values())
    return {
        record.id: LockedRemedy(record, owners[identities[record.complaint_id]])
        for record in await remedies.lock(tx, wanted)
    }
