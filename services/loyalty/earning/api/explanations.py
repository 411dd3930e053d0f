"""Explaining why a purchase earned what it did."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.earning.api.goals import GOAL_EXAMPLE, GoalStandingOut, goal_out
from services.loyalty.earning.queries.explain_purchase import explain_purchase
from services.loyalty.earning.refusals import NoSuchPurchase
from services.loyalty.http import AppliedRuleOut, RejectedRuleOut, applied_rules, rejected_rules
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.customers import CustomerId
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.limits import ID_MAX

router = Router(tags=["ledger"])

PREFIX = PostingCause(CauseKind.PURCHASE, 0).prefix
"""The begin of the id of an entry that is a purchase."""


class ExplanationOut(Response):
    """Why a purchase earned what it did: the answer of every rule of the version of its time."""

    model_config = example(
        id="txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga", purchase_id="pur_01hv3n8v1mz8k7g5r0q2w4x6y8", rulebook=2,
        applied=[{"rule": "base", "lines": None, "base_minor": 2590, "wanted": 25, "granted": 25, "cap": None,
                  "budget": None, "cut_by": None}],
        rejected=[{"rule": "big_order", "reason": "condition", "fact": "order.amount", "missing": 7410}],
        goals=[GOAL_EXAMPLE],
    )  # fmt: skip

    id: str
    purchase_id: str
    rulebook: int = Field(description="The version of the rules.")
    applied: list[AppliedRuleOut]
    rejected: list[RejectedRuleOut]
    goals: list[GoalStandingOut] = Field(description="`reached`, `granted` and `to_go` are those of now.")


@router.get(
    "/v1/members/{customer_id}/ledger/{entry_id}/explanation",
    operation_id="explain_entry",
    summary="Explain what a purchase earned",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, NoSuchPurchase),
)
async def get_explanation(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    entry_id: Annotated[str, Path(max_length=ID_MAX, examples=["txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga"])],
) -> ExplanationOut:
    """Show what each rule granted for the purchase of this entry, why the others granted nothing, and what was missing.

    It is worked out again from the purchase and the facts that were frozen with it. What was returned since does not change it.
    """
    found = await find_member(read, customer_id, context.clock.now())
    explained = await explain_purchase(read, context, found, context.vault.numbers.number(PREFIX, entry_id))
    return ExplanationOut(
        id=entry_id,
        purchase_id=explained.purchase.purchase_id,
        rulebook=explained.purchase.rulebook,
        applied=applied_rules(explained.applied),
        rejected=rejected_rules(explained.rejected),
        goals=[goal_out(standing) for standing in explained.goals],
    )
