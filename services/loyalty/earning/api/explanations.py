"""Explaining why a purchase or an activity earned what it did."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.activities.queries.activities import id_of_activity
from services.loyalty.earning.api.goals import GOAL_EXAMPLE, GoalStandingOut, goal_out
from services.loyalty.earning.queries.explain_purchase import explain_activity, explain_purchase
from services.loyalty.earning.refusals import NoSuchPurchase
from services.loyalty.http import AppliedRuleOut, RejectedRuleOut, applied_rules, rejected_rules
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.purchases.domain.facts import StoredPurchase
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.customers import CustomerId
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.limits import ID_MAX

router = Router(tags=["ledger"])

PURCHASE, ACTIVITY = (PostingCause(kind, 0).prefix for kind in (CauseKind.PURCHASE, CauseKind.ACTIVITY))
"""The begins of the ids of entries that are purchases and activities."""


class ExplanationOut(Response):
    """Why a purchase or an activity earned what it did: the answer of every rule of the version of its time."""

    model_config = example(
        id="txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga", purchase_id="pur_01hv3n8v1mz8k7g5r0q2w4x6y8", activity_id=None, rulebook=2,
        applied=[{"rule": "base", "lines": None, "base_minor": 2590, "wanted": 25, "granted": 25, "cap": None,
                  "budget": None, "cut_by": None}],
        rejected=[{"rule": "big_order", "reason": "condition", "fact": "order.amount", "missing": 7410}],
        goals=[GOAL_EXAMPLE],
    )  # fmt: skip

    id: str
    purchase_id: str | None = Field(description="Null for an activity.")
    activity_id: str | None = Field(description="Null for a purchase.")
    rulebook: int = Field(description="The version of the rules.")
    applied: list[AppliedRuleOut]
    rejected: list[RejectedRuleOut]
    goals: list[GoalStandingOut] = Field(description="`reached`, `granted` and `to_go` are those of now.")


@router.get(
    "/v1/members/{customer_id}/ledger/{entry_id}/explanation",
    operation_id="explain_entry",
    summary="Explain what a purchase or an activity earned",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, NoSuchPurchase),
)
async def get_explanation(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    customer_id: CustomerId,
    entry_id: Annotated[str, Path(max_length=ID_MAX, examples=["txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga"])],
) -> ExplanationOut:
    """Show what each rule granted for the purchase or the activity of this entry, why the others granted nothing, and what was missing.

    It is worked out again from the purchase or activity and the facts that were frozen with it. What was taken back since does not change it.
    """
    found = await find_member(read, customer_id, context.clock.now())
    numbers = context.vault.numbers
    row_id = numbers.number(ACTIVITY, entry_id)
    if row_id is not None:
        explained = await explain_activity(read, context, found, row_id)
    else:
        explained = await explain_purchase(read, context, found, numbers.number(PURCHASE, entry_id))
    fact = explained.fact
    return ExplanationOut(
        id=entry_id,
        purchase_id=fact.purchase_id if isinstance(fact, StoredPurchase) else None,
        activity_id=None if isinstance(fact, StoredPurchase) else id_of_activity(numbers, fact.id),
        rulebook=fact.rulebook,
        applied=applied_rules(explained.applied),
        rejected=rejected_rules(explained.rejected, caller),
        goals=[goal_out(standing) for standing in explained.goals],
    )
