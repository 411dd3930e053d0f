"""Answer erasures: report what was wiped."""

from collections.abc import Sequence

from services.scoring.facts.steps.changes import latest_changes
from shared.db import Tx
from shared.events.base import Cause
from shared.events.erasure import Wiped
from shared.events.profile import CustomerErased
from shared.events.scoring import ScoringErasureDone


def answer_erasures(tx: Tx, erasures: Sequence[CustomerErased]) -> None:
    """Publish the answer to each erasure that wiped something just now; a repeated erasure has no second answer.

    The answer is the last event of the transaction about the erased identity: nothing is left to be done.
    """
    erasure_of = {erasure.identity_id: erasure for erasure in erasures}
    tx.publish(
        *(
            ScoringErasureDone(
                identity_id=identity_id,
                customer_id=erasure_of[identity_id].customer_id,
                occurred_at=tx.now,
                cause=Cause(kind="erasure", id=erasure_of[identity_id].erasure_id),
                erasure_id=erasure_of[identity_id].erasure_id,
                wiped=tuple(Wiped(kind=kind, count=count) for kind, count in counts.items()),
            )
            for identity_id, counts in latest_changes(tx).wiped.items()
        )
    )
