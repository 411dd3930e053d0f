"""Changing claims: fulfil, cancel and return them."""

from pydantic import Field

from services.loyalty.rewards.api.claims import WRITE_SCOPE, WRITERS, ClaimInPath, RewardClaimOut, claim_shown
from services.loyalty.rewards.domain.states import ClaimEnd
from services.loyalty.rewards.queries.claim_ids import claim_named
from services.loyalty.rewards.refusals import ClaimEnded, ClaimFulfilled, ClaimNotFulfilled, UnknownClaim
from services.loyalty.rewards.usecases.fulfil_claim import fulfil_claim
from services.loyalty.rewards.usecases.undo_claim import UndoAsked, undo_claim
from services.loyalty.settings import Settings
from shared.auth.access import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.models import Request, example
from shared.http.routes import Router

router = Router(tags=["rewards"])


@router.post(
    "/v1/reward-claims/{claim_id}/fulfil",
    operation_id="fulfil_reward_claim",
    summary="Fulfil a claim of a reward",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    errors=(UnknownClaim, ClaimEnded),
    idempotency="optional",
)
async def post_fulfilment(
    tx: Transaction, context: InContext[Settings], caller: Caller, claim_id: ClaimInPath
) -> RewardClaimOut:
    """Record that the member got the piece. A claim that was fulfilled before is answered as it is."""
    numbers = context.vault.numbers
    row_id = claim_named(numbers, claim_id)
    await fulfil_claim(tx, context, caller, row_id)
    return await claim_shown(tx, numbers, caller, row_id)


@router.post(
    "/v1/reward-claims/{claim_id}/cancel",
    operation_id="cancel_reward_claim",
    summary="Cancel a claim of a reward",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    errors=(UnknownClaim, ClaimEnded, ClaimFulfilled),
    idempotency="optional",
)
async def post_cancellation(
    tx: Transaction, context: InContext[Settings], caller: Caller, claim_id: ClaimInPath
) -> RewardClaimOut:
    """Undo a claim that is not fulfilled: its points go back to the lots that they came from, and its piece to the stock.

    Points whose lots have expired come back expired. A claim that was cancelled before is answered as it is.
    """
    numbers = context.vault.numbers
    row_id = claim_named(numbers, claim_id)
    await undo_claim(tx, context, UndoAsked(caller, row_id, ClaimEnd.CANCELLED))
    return await claim_shown(tx, numbers, caller, row_id)


class RewardReturnIn(Request):
    """A piece that a member gives back."""

    model_config = example(restock=False)

    restock: bool | None = Field(
        None, description="Whether the piece can be claimed again; by default as the reward says."
    )


@router.post(
    "/v1/reward-claims/{claim_id}/return",
    operation_id="return_reward_claim",
    summary="Return a claimed reward",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    errors=(UnknownClaim, ClaimEnded, ClaimNotFulfilled),
    idempotency="optional",
)
async def post_return(
    tx: Transaction, context: InContext[Settings], caller: Caller, claim_id: ClaimInPath, body: RewardReturnIn
) -> RewardClaimOut:
    """Undo a claim that was fulfilled: its points go back to the lots that they came from.

    Points whose lots have expired come back expired. A claim that was returned before is answered as it is.
    """
    numbers = context.vault.numbers
    row_id = claim_named(numbers, claim_id)
    await undo_claim(tx, context, UndoAsked(caller, row_id, ClaimEnd.RETURNED, body.restock))
    return await claim_shown(tx, numbers, caller, row_id)
