"""Explaining why a purchase earned what it did."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.earning.domain.explaining import Applied, Rejected
from services.loyalty.earning.domain.rules.grants import Reason
from services.loyalty.earning.queries.explain_purchase import explain_purchase
from services.loyalty.earning.refusals import NoSuchPurchase
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


class AppliedRuleOut(Response):
    """A rule that wanted points for the purchase."""

    rule: str
    lines: list[int] | None = Field(
        description="The numbers of the lines that counted, from 1; null: all of them."
    )
    base_minor: int = Field(description="What these lines came to, in minor units.")
    wanted: int = Field(description="What the rule wanted.")
    granted: int = Field(description="What the caps of the member let through.")
    cap: str | None = Field(description="The cap that the rule counts for.")


class RejectedRuleOut(Response):
    """A rule that granted nothing."""

    rule: str
    reason: Reason
    fact: str | None = Field(
        description="The first fact that did not meet the rule's condition, such as `order.amount` or `sum.quantity`."
    )
    missing: int | None = Field(
        description="How much more of the fact would have met it, if more would; money in minor units."
    )


class ExplanationOut(Response):
    """Why a purchase earned what it did: the answer of every rule of the version of its time."""

    model_config = example(
        id="txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga", purchase_id="pur_01hv3n8v1mz8k7g5r0q2w4x6y8", rulebook=2,
        applied=[{"rule": "base", "lines": None, "base_minor": 2590, "wanted": 25, "granted": 25, "cap": None}],
        rejected=[{"rule": "big_order", "reason": "condition", "fact": "order.amount", "missing": 7410}],
    )  # fmt: skip

    id: str
    purchase_id: str
    rulebook: int = Field(description="The version of the rules.")
    applied: list[AppliedRuleOut]
    rejected: list[RejectedRuleOut]


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
    explained = await explain_purchase(read, found, context.vault.numbers.number(PREFIX, entry_id))
    return ExplanationOut(
        id=entry_id,
        purchase_id=explained.purchase.purchase_id,
        rulebook=explained.purchase.rulebook,
        applied=[applied_rule(applied) for applied in explained.applied],
        rejected=[rejected_rule(rejected) for rejected in explained.rejected],
    )


def applied_rule(applied: Applied) -> AppliedRuleOut:
    """Show a rule that wanted points."""
    return AppliedRuleOut(
        rule=applied.rule,
        lines=None if applied.lines is None else list(applied.lines),
        base_minor=applied.base_minor,
        wanted=applied.wanted,
        granted=applied.granted,
        cap=applied.cap,
    )


def rejected_rule(rejected: Rejected) -> RejectedRuleOut:
    """Show a rule that granted nothing."""
    unmet = rejected.unmet
    return RejectedRuleOut(
        rule=rejected.rule,
        reason=rejected.reason,
        fact=None if unmet is None else unmet.fact,
        missing=None if unmet is None else unmet.missing,
    )
