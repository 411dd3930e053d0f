"""What each column of each service may hold in plain text. A column is sealed, or a form says what its values look like.

A form that cannot hold a name or an address needs no reason. The merchant's own ids and codes are the exception, which
`docs/decisions/0027-plain-text-at-rest.md` explains.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Date, DateTime, Float, Integer, LargeBinary, Numeric, Table, Uuid
from sqlalchemy.types import Boolean, TypeDecorator

from huitou.settings import SERVICES
from shared.db.types import Document, Instant
from tests.parts import databases

_SAFE = (Integer, Numeric, Float, Boolean, Date, DateTime, Uuid, LargeBinary, Instant)
"""Numbers and instants; and bytes, which are tokens of the vault and keyed hashes only."""


@dataclass(frozen=True, slots=True)
class Form:
    """The values that a plain column may hold."""

    pattern: re.Pattern[str]
    merchants: bool = False
    """Whether these are ids and codes of the merchant's, in which a name cannot be told from a code."""


def _form(pattern: str, *, merchants: bool = False) -> Form:
    return Form(re.compile(pattern, re.DOTALL), merchants)


_ID = r"[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}"
OUR_ID = _form(_ID)
NUMBER = _form(r"C-\d{6}-[0-9A-Z]{5}(-\d+)?")
TRANSACTION = _form(r"(txn|red)_[0-9a-z_]+")
WORD = _form(r"[a-z0-9][a-z0-9_.:/*-]*|")
"""A word of ours, which no request can choose but from a list."""
KIND = _form(r"[A-Za-z][A-Za-z0-9_.]*")
CODE = _form(r"[a-z0-9][a-z0-9_.-]{0,63}", merchants=True)
"""A code that people configure or give: its pattern is checked at the edge."""
MERCHANTS_ID = _form(r"[^\x00-\x1f\x7f]+", merchants=True)
"""An id or code of the merchant's, checked at the edge: no e-mail address, no phone number in international form."""
CURRENCY = _form(r"[A-Z]{3}|")
ZONE = _form(r"[A-Za-z0-9_+/-]+")
ISSUER = _form(r"shop|partner:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PARTNER = _form(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ACTOR = _form(rf"((operator|partner|customer):)?(~[A-Za-z0-9_-]+|{_ID}|[a-z0-9][a-z0-9_.:-]*)")
"""A pseudonym of an operator, a customer, a partner, or a word for what the system does by itself."""
SENTENCE = _form(r"[A-Z][^@]*\.")
"""A sentence of ours from the catalogue, which repeats no value."""
PARTNER_KEY = r"partner:[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
KEY = _form(rf"{_ID}|shop:[a-z0-9_.-]+|{PARTNER_KEY}|[0-9]+|")
AWAITED = _form(r"[a-z_]+:.*", merchants=True)
CHECKED = _form(r".*", merchants=True)
"""What is made of the columns of other tables only; its values are looked at as a whole."""
EVENT = _form(r"\{.*\}", merchants=True)
"""An event of the contract, which holds ids, codes and numbers."""
OPERATIONS = _form(r"[a-z][a-z_]*")

COLUMNS = {
    "identity_id": OUR_ID, "customer_id": OUR_ID, "owner_id": OUR_ID, "former_owner_id": OUR_ID, "to_identity_id": OUR_ID, "to_customer_id": OUR_ID, "record_id": OUR_ID,
    "purchase_id": OUR_ID, "return_id": OUR_ID, "complaint_id": OUR_ID, "remedy_id": OUR_ID, "fit_id": OUR_ID,
    "retry_of": OUR_ID, "duplicate_of": OUR_ID, "follows": OUR_ID, "set_aside.id": OUR_ID, "api_key.id": OUR_ID, "complaint.id": OUR_ID,
    "message.id": OUR_ID, "transition.id": OUR_ID, "follow_up.id": OUR_ID, "remedy.id": OUR_ID, "allowed_batch.id": OUR_ID,
    "reference": _form(r"[A-Za-z0-9_-]{22}"), "number": NUMBER, "loyalty_txn": TRANSACTION, "sweep.after_customer_id": _form(rf"{_ID}|"),
    "inbox.event_id": _form(r"[0-9A-Za-z-]+"), "consumer_position.last_record": _form(r"[0-9a-f-]+"), "set_aside.event_id": _form(r"[^\s@]{1,200}"),
    "issuer": ISSUER, "partner_id": PARTNER, "currency": CURRENCY, "zone": ZONE,
    # Words of ours
    "purpose": WORD, "operation": OPERATIONS, "aggregatetype": WORD, "aggregateid": _form(rf"{_ID}|{PARTNER_KEY}"), "type": WORD, "topic": WORD,
    "loss": WORD, "job_state.name": WORD, "failing_job.name": WORD, "error_type": _form(r"[A-Za-z]+"), "verify_pass.name": WORD, "consumer": WORD, "cause": WORD, "code": WORD, "state": WORD, "behind": OUR_ID, "rule": WORD,
    "origin": WORD, "kind": KIND, "field": WORD, "evidence": WORD, "absence": WORD, "outcome": WORD, "tier": WORD,
    "refusal": WORD, "refusal_code": WORD, "policy_id": WORD, "calendar_id": WORD, "metric": WORD, "fulfilled_how": WORD,
    "cancelled_reason": WORD, "verdict": WORD, "sla_event.reason": WORD, "opened_by": WORD, "status": WORD, "priority": WORD,
    "delivery": WORD, "action": WORD, "from_status": WORD, "to_status": WORD, "actor_kind": WORD, "result": WORD,
    "preparation": WORD, "failure": WORD, "label": WORD, "moved_by": WORD, "estimated_from": WORD, "verify_pass.at": WORD,
    "verify_finding.subject": WORD, "order_by": CHECKED, "set_aside.reason": SENTENCE, "set_aside.awaits": AWAITED,
    "outbox.key": KEY, "set_aside.key": KEY, "batch_id": OUR_ID, "source_key": OUR_ID,
    "job.id": OUR_ID, "job_id": OUR_ID, "input_key": OUR_ID, "job.cursor": _form(rf"{_ID}|[0-9]*"), "way": WORD,
    "pointer": _form(r"[/A-Za-z0-9_~-]*"),
    "approval.id": OUR_ID, "approval.object_id": OUR_ID, "created": _form(r"/v1/[a-z0-9_/]+"),
    "audit.id": OUR_ID, "audit_id": OUR_ID, "request_id": _form(r"[A-Za-z0-9._-]+"), "roles": _form(r"[a-z ]*"),
    "cap": WORD, "counter.key": WORD, "completion.goal": WORD, "quota.key": WORD, "lot.budget": WORD, "reward": WORD, "coupon": WORD, "reward_claim.ended_as": WORD,
    # Those who act
    "principal": ACTOR, "ended_by": ACTOR, "allowed_by": ACTOR, "actor": ACTOR, "opened_by_id": ACTOR, "owner": ACTOR,
    "proposed_by": ACTOR, "decided_by": ACTOR, "author": ACTOR, "audit.operator": ACTOR, "confirmed_by": ACTOR, "by": ACTOR, "requested_by": ACTOR, "published_by": ACTOR, "changed_by": ACTOR, "approved_by": ACTOR, "operator_id": ACTOR,
    # The merchant's ids and codes
    "source": MERCHANTS_ID, "order_id": MERCHANTS_ID, "source_return_id": MERCHANTS_ID, "channel": MERCHANTS_ID,
    "activity.activity_id": MERCHANTS_ID, "store": MERCHANTS_ID, "sku": MERCHANTS_ID, "category": MERCHANTS_ID, "brand": MERCHANTS_ID,
    "complaint.channel": CODE, "message.channel": CODE,
    # Of complaints: no request sets them yet
    "language": CODE, "problem_type": CODE, "product": CODE, "team": CODE, "complaint.store": CODE,
    "hold.ended_as": WORD, "held_cart.quote_hash": WORD,
    # What is configured, published or computed
    "programme_version.document": EVENT, "programme_draft.document": EVENT, "rulebook.document": EVENT, "rulebook_draft.document": EVENT, "reward_version.document": EVENT, "coupon_version.document": EVENT, "rulebook_draft.name": WORD, "outbox.payload": EVENT,
}  # fmt: skip
"""The forms of plain columns, by name, or by table and name where a name alone says too little."""
DOCUMENTS = {
    "outbox.headers": "the attributes of an event: ids, times and types",
    "api_key.scopes": "nouns and verbs of ours",
    "audit.objects": "ids",
    "job.asked": "the merchant's ids and codes, switches, days and instants",
    "job.outcomes": "codes with counts",
    "audit.changes": "ids, names of fields, codes and numbers",
    "braked_batch.refusals": "types and codes with counts",
    "purchase.unattached": "kinds of identifiers, not their values",
    "activity.facts": "codes and numbers, by name",
    "coupon_claim.quotas": "codes of the merchant's coupons and channels",
    "coupon_claim.promotions": "codes of the merchant's promotions",
    "activity.context": "a code of a tier",
    "lot.eligible": "numbers of lines and amounts",
    "rulebook.goals": "codes",
    "purchase.lines": "the merchant's codes, and numbers",
    "purchase.context": "codes",
    "purchase_return.lines": "numbers",
    "purchase_return.units": "numbers",
    "redemption.lines": "numbers",
    "held_cart.lines": "the merchant's codes, and numbers",
    "held_cart.discounts": "codes of promotions, and numbers",
    "checkout.kept": "numbers",
    "order_fact.lines": "the merchant's codes, and numbers",
    "order_return.lines": "numbers",
    "sla_policy.conditions": "codes that are configured",
    "sla_policy.targets": "numbers and ids of calendars",
    "calendar.week": "times of day",
    "calendar.exceptions": "dates and times of day",
    "sla_clock.pauses": "instants",
    "customer_state.other_currencies": "codes and numbers",
    "model.parameters": "numbers",
    "model.gates": "codes and numbers",
    "model.figures": "numbers",
}
"""Columns that hold a JSON document, with what is in it. No document holds a text that a person can write."""


def columns() -> Iterator[tuple[str, Table, Column[object]]]:
    """Yield every column of every service, with the kernel's, that could hold a text."""
    for service in SERVICES:
        for metadata in databases.service_of(service, Path("unused")).metadata:
            for table in metadata.tables.values():
                for column in table.columns:
                    if not isinstance(column.type, _SAFE):
                        yield service, table, column


def names_of(table: Table, column: Column[object]) -> tuple[str, str]:
    """Return the names by which a column may be listed, the more exact one first."""
    return f"{table.name}.{column.name}", column.name


def is_document(column: Column[object]) -> bool:
    """Return whether a column holds JSON."""
    kind = column.type
    return isinstance(kind, Document) or (
        not isinstance(kind, TypeDecorator) and hasattr(kind, "none_as_null")
    )


def form_of(table: Table, column: Column[object]) -> Form | None:
    """Return the form of a plain column; None if it has none."""
    return next((COLUMNS[name] for name in names_of(table, column) if name in COLUMNS), None)
