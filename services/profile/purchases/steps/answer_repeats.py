"""Answer purchases that were recorded before: with the first answer, or with the fields that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import Line, OrderKey
from services.profile.purchases.refusals import OrderConflict, conflicting
from services.profile.purchases.steps.drafts import Draft
from services.profile.purchases.storage import purchases
from services.profile.purchases.storage.tables import PurchaseLineRecord, PurchaseRecord
from shared.context import Context
from shared.db import Tx
from shared.errors import DomainError
from shared.vault import Keys


async def answer_repeats(
    tx: Tx,
    context: Context,
    repeats: Sequence[Draft],
    recorded: Mapping[OrderKey, PurchaseRecord],
) -> dict[str, PurchaseRecord | DomainError]:
    """Return the answer to each repeat, by the purchase id of its draft: the recorded purchase, or a conflict."""
    differing = [recorded[draft.key] for draft in repeats if not _is_same(draft, recorded[draft.key])]
    lines = await purchases.lines_of(tx, (record.purchase_id for record in differing))
    identity_ids = (record.identity_id for record in differing if record.identity_id is not None)
    keys = await context.vault.keys(tx, identity_ids)
    answers: dict[str, PurchaseRecord | DomainError] = {}
    for draft in repeats:
        record = recorded[draft.key]
        differs = record.purchase_id in lines
        pointers = _differences(draft, record, lines[record.purchase_id], keys) if differs else []
        answers[draft.purchase_id] = conflicting(OrderConflict, pointers) if pointers else record
    return answers


def _is_same(draft: Draft, record: PurchaseRecord) -> bool:
    return draft.content_hash == record.content_hash and draft.customer_hash == record.customer_hash


def _differences(
    draft: Draft, record: PurchaseRecord, lines: Sequence[PurchaseLineRecord], keys: Keys
) -> list[str]:
    """Return JSON pointers of the fields in which a draft differs from the recorded purchase.

    Of an erased customer, neither the customer nor the names of the lines can be read any more, nor compared. Of an
    anonymous purchase no names were kept.
    """
    reported_lines = draft.purchase.lines
    if record.is_erased or record.was_anonymous:
        reported_lines = tuple(replace(line, name=None) for line in reported_lines)
    recorded_lines = [_line(record, line, keys) for line in lines]
    pointers = rules.differences(draft.purchase, reported_lines, record, recorded_lines)
    if not record.is_erased and draft.customer_hash != record.customer_hash:
        pointers.append("/customer")
    return pointers


def _line(record: PurchaseRecord, line: PurchaseLineRecord, keys: Keys) -> Line:
    """Return a recorded line as it was reported; a name that cannot be read any more is left out."""
    name = purchases.open_name(keys, record.identity_id, line)
    return Line(line.sku, line.quantity, line.amount_minor, line.category, line.brand, name)
