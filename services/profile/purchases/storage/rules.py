"""The rules that the rows of purchases and returns keep: each query finds the rows that break one."""

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from services.profile.purchases.storage.tables import purchase, purchase_line, purchase_return, return_line
from shared.speech import words
from shared.verify.row_rules import RowRule

WALKS = (purchase.c.purchase_id, purchase_return.c.return_id)
"""The ids that the running verification goes through, one column after the other."""


def rules(identity_exists: ColumnElement[bool]) -> tuple[RowRule, ...]:
    """Return the rules; `identity_exists` is the condition that the identity of a purchase exists."""
    unknown_identity = select(purchase.c.purchase_id).where(
        purchase.c.identity_id.is_not(None), ~identity_exists
    )
    return (
        RowRule("returned_units", _counts(), words(__name__, "drift_returned_units")),
        RowRule("disjoint_units", _overlaps(), words(__name__, "drift_disjoint_units")),
        RowRule("returned_amounts", _return_amounts(), words(__name__, "drift_returned_amounts")),
        RowRule("line_amounts", _unit_amounts(), words(__name__, "drift_line_amounts")),
        RowRule("purchase_amounts", _purchase_amounts(), words(__name__, "drift_purchase_amounts")),
        RowRule("known_identity", unknown_identity, words(__name__, "drift_known_identity")),
        RowRule("returned_identity", _other_identity(), words(__name__, "drift_returned_identity")),
        RowRule("anonymous_lines", _named_lines(), words(__name__, "drift_anonymous_lines")),
    )


def _counts() -> Select[str]:
    line, units = purchase_line.c, return_line.c
    taken = (
        select(func.coalesce(func.sum(units.quantity), 0))
        .where(units.purchase_id == line.purchase_id, units.line == line.line)
        .scalar_subquery()
    )
    has_returns = select(units.return_id).where(units.purchase_id == line.purchase_id).exists()
    return select(line.purchase_id).where(
        or_(line.returned_quantity > 0, has_returns), line.returned_quantity != taken
    )


def _overlaps() -> Select[str]:
    left, right = return_line.alias(), return_line.alias()
    same_line: ColumnElement[bool] = and_(
        left.c.purchase_id == right.c.purchase_id,
        left.c.line == right.c.line,
        left.c.return_id < right.c.return_id,
    )
    meet = and_(left.c.unit_from <= right.c.unit_to, right.c.unit_from <= left.c.unit_to)
    return select(left.c.purchase_id).join_from(left, right, same_line).where(meet)


def _return_amounts() -> Select[str]:
    total = (
        select(func.coalesce(func.sum(return_line.c.amount_minor), 0))
        .where(return_line.c.return_id == purchase_return.c.return_id)
        .scalar_subquery()
    )
    return select(purchase_return.c.return_id).where(purchase_return.c.amount_minor != total)


def _unit_amounts() -> Select[str]:
    """Compare with ⌊A·to/q⌋ − ⌊A·(from−1)/q⌋ within 64 bits: A = q·d + r, so ⌊A·u/q⌋ = d·u + ⌊r·u/q⌋."""
    line, units = purchase_line.c, return_line.c
    matched = and_(line.purchase_id == units.purchase_id, line.line == units.line)
    share = _amount_of_first(units.unit_to) - _amount_of_first(units.unit_from - 1)
    return select(units.return_id).join(purchase_line, matched).where(units.amount_minor != share)


def _amount_of_first(units: ColumnElement[int]) -> ColumnElement[int]:
    quantity, amount = purchase_line.c.quantity, purchase_line.c.amount_minor
    rest = amount % quantity
    return (amount // quantity) * units + (rest * units) // quantity


def _purchase_amounts() -> Select[str]:
    total = (
        select(func.coalesce(func.sum(purchase_line.c.amount_minor), -1))
        .where(purchase_line.c.purchase_id == purchase.c.purchase_id)
        .scalar_subquery()
    )
    return select(purchase.c.purchase_id).where(purchase.c.amount_minor != total)


def _other_identity() -> Select[str]:
    """Compare the identities. A return that was recorded before its purchase was claimed has none."""
    before_the_claim = and_(purchase_return.c.identity_id.is_(None), purchase.c.claimed_at.is_not(None))
    differs = purchase.c.identity_id.is_distinct_from(purchase_return.c.identity_id)
    return (
        select(purchase_return.c.return_id)
        .join(purchase, purchase.c.purchase_id == purchase_return.c.purchase_id, isouter=True)
        .where(or_(purchase.c.purchase_id.is_(None), and_(differs, ~before_the_claim)))
    )


def _named_lines() -> Select[str]:
    return (
        select(purchase.c.purchase_id)
        .join(purchase_line, purchase_line.c.purchase_id == purchase.c.purchase_id)
        .where(
            or_(purchase.c.identity_id.is_(None), purchase.c.claimed_at.is_not(None)),
            purchase_line.c.name.is_not(None),
        )
        .distinct()
    )
