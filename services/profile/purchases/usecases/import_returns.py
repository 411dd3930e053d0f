"""Import returns: record those of one piece of a file, and tell which of them are new, and which wait for their purchase."""

from collections.abc import Sequence

from services.profile.purchases.domain.returns import Return, WaitingReturn
from services.profile.purchases.storage import returns
from services.profile.purchases.usecases.import_entries import Recorded
from services.profile.purchases.usecases.record_returns import Outcome, record_returns
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError


async def import_returns(
    tx: Tx, context: Context[Settings], reported: Sequence[Return], issuer: str
) -> list[Recorded | DomainError]:
    """Record returns, and return one outcome per return, in order."""
    known = await returns.find(tx, [reported_return.key(issuer) for reported_return in reported])
    outcomes = await record_returns(tx, context, reported, issuer=issuer)

    def recorded(outcome: Outcome) -> Recorded | DomainError:
        if isinstance(outcome, DomainError):
            return outcome
        if isinstance(outcome, WaitingReturn):
            return Recorded("waiting", outcome.return_id, outcome.reported.return_id)
        record = outcome.record
        is_new = record.booked_at == tx.now and outcome.reported.key(issuer) not in known
        return Recorded("recorded" if is_new else "repeated", record.return_id, record.source_return_id)

    return [recorded(outcome) for outcome in outcomes]
