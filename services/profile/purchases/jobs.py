"""The work that time alone brings: returns have waited too long, and failed tries no longer count."""

from services.profile.purchases.storage import waiting_returns
from services.profile.purchases.usecases.hand_over_overdue_returns import hand_over_overdue_returns
from services.profile.purchases.usecases.prune_claim_tries import prune_claim_tries
from shared.consume.parking import SWEEP_SECONDS, find_overdue
from shared.outbox.due_rows import by_rows
from shared.outbox.jobs import paged

PRUNE_EVERY_SECONDS = 60.0
"""The interval at which failed tries to claim a receipt that no longer count are deleted."""

HAND_OVER_OVERDUE_RETURNS = by_rows(
    "hand_over_overdue_returns",
    find_overdue(waiting_returns.TYPE),
    hand_over_overdue_returns,
    every_seconds=SWEEP_SECONDS,
)
PRUNE_CLAIM_TRIES = paged("prune_claim_tries", prune_claim_tries, every_seconds=PRUNE_EVERY_SECONDS)
