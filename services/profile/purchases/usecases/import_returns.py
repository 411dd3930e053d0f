"""Import returns: record those of one piece of a file."""

from collections.abc import Sequence

from services.profile.purchases.domain.returns import Return, WaitingReturn
from services.profile.purchases.storage import returns
from services.profile.purchases.usecases.record_returns import Outcome, record_returns
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.files.importing import import_entries
from shared.files.imports import Recorded, RequestReader
from shared.jobs import Held, Step


async def import_returns(
    tx: Tx, context: Context[Settings], held: Held, *, reader: RequestReader[Return]
) -> Step:
    """Record the returns of the next piece of a file, and say which of them are new, and which wait for their purchase."""

    async def record(reported: Sequence[Return]) -> list[Recorded | DomainError]:
        known = await returns.find(tx, [reported_return.key(held.issuer) for reported_return in reported])
        outcomes = await record_returns(tx, context, reported, issuer=held.issuer)

        def recorded(outcome: Outcome) -> Recorded | DomainError:
            if isinstance(outcome, DomainError):
                return outcome
            if isinstance(outcome, WaitingReturn):
                return Recorded("waiting", outcome.return_id, outcome.reported.return_id)
            row = outcome.record
            is_new = row.booked_at == tx.now and outcome.reported.key(held.issuer) not in known
            return Recorded("recorded" if is_new else "repeated", row.return_id, row.source_return_id)

        return [recorded(outcome) for outcome in outcomes]

    return await import_entries(tx, held, reader, record)
