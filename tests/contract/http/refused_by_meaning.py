"""The check that a valid request is accepted, for Schemathesis: `schemathesis.toml` names this file, and the tests import it.

The library takes every refusal of a request that fits its schema for a fault. A schema cannot say everything, so a refusal that has one
of the codes below is none. What a schema can say is `invalid_request`.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.checks import positive_data_acceptance

MEDIA_TYPE = "application/problem+json"
REFUSED_BY_MEANING: Mapping[str, Collection[str]] = {
    "a schema knows no clock": (
        "in_the_future", "activity_in_the_future", "too_long_ago", "contact_at_refused", "occurred_at_refused", "expiry_invalid", "as_of_in_future",
        "in_force_too_soon", "programme_version_too_soon", "fit_beyond_today",
    ),
    "a schema has no bounds of instants": ("as_of_out_of_range", "at_out_of_range",),
    "a schema knows no rows": (
        "unknown_customer", "follows_refused", "customer_total_too_large", "return_exceeds_purchase", "return_before_purchase",
        "customer_erased", "lines_not_held", "points_not_held", "nothing_to_hold", "nothing_to_commit", "not_of_this_purchase", "units_not_returnable", "too_many_units", "precondition_failed", "reward_invalid", "coupon_invalid", "idempotency_key_reused", "points_worth_nothing",
    ),
    "a schema knows no caller": (
        "no_customer_of_token", "customer_says_me", "customer_required", "claim_incomplete", "member_required",
    ),
    "a schema compares no fields": (
        "order_too_large", "one_fact", "since_missing", "order_filter_invalid", "field_not_used", "rulebook_invalid", "rulebook_too_large", "programme_invalid", "period_empty",
        "period_refused",
    ),
    "the library draws a header beside its pattern": ("asterisk_expected",),
    "a schema says nothing of fields that it does not name": ("nul_character",),
    "a schema knows no numbering plan, no signature and no file": (
        "phone_invalid", "email_invalid", "external_id_invalid", "cursor_invalid", "file_refused", "token_request_invalid",
        "personal_data",
    ),
}  # fmt: skip
"""The codes of refusals, and of errors of fields, that a request can meet though it fits its schema, by the reason why the schema cannot say so. What a schema
can say is `invalid_request`, which is none of them."""
_MEANT = frozenset(code for codes in REFUSED_BY_MEANING.values() for code in codes)

schemathesis.openapi.format("phone", st.from_regex(r"\+861[3-9][0-9]{9}", fullmatch=True))
CHECKS.unregister(positive_data_acceptance.__name__)


@schemathesis.check
def valid_request_is_accepted(ctx: Any, response: Any, case: Any) -> bool | None:
    """Find a request that fits its schema and is refused for its form."""
    if is_meant(response):
        return None
    return positive_data_acceptance(ctx, response, case)


def is_meant(response: Any) -> bool:
    """Return whether an answer refuses what its request means, and not its form."""
    if response.headers.get("content-type", [""])[0] != MEDIA_TYPE:
        return False
    problem = json.loads(response.content)
    wrong = problem.get("errors", ()) if problem["code"] == "invalid_request" else [problem]
    return all(error["code"] in _MEANT for error in wrong)
