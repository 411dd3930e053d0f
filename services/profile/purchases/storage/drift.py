"""Where what is stored contradicts itself: each query finds the rows that break one rule."""

from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Select, and_, func, or_, select

from services.profile.people.storage.tables import identifiers, identities
from services.profile.purchases.storage.tables import purchase_lines, purchases, return_lines, returns
from shared.db import Read
from shared.service import Drift, Looked
from shared.vault import subject_key

SHOWN_MAX = 100
"""Rows shown of each rule."""
LOOK_MAX = 100
"""Purchases, returns or identities of one look of the running verification."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, the query for the rows that break it, and what is wrong with them."""

    name: str
    statement: Select[str]
    detail: str

    @property
    def walk(self) -> Column[str] | None:
        """The id that it is asked of a few at a time; None: it is asked of everything, once a pass."""
        selected = self.statement.selected_columns[0]
        return selected if isinstance(selected, Column) else None


async def find(read: Read) -> list[Drift]:
    """Every rule's first rows that break it."""
    found: list[Drift] = []
    for rule in RULES:
        found += await _broken(read, rule)
    return found


async def look(read: Read, after: str) -> Looked:
    """The same for the next few purchases, then returns, then identities; `after` is `<column>:<id>` of the last."""
    name, _, last = (after or f"{WALKS[0].name}:").partition(":")
    walked = next(column for column in WALKS if column.name == name)
    upto = await _page(read, walked, last)
    found: list[Drift] = []
    for rule in RULES:
        walk = rule.walk
        if walk is None:
            found += await _broken(read, rule) if after == "" else []
        elif walk.name == name and upto:
            found += await _broken(read, rule, walk > last, walk <= upto[-1])
    if len(upto) == LOOK_MAX:
        return Looked(found, f"{name}:{upto[-1]}")
    rest = WALKS[WALKS.index(walked) + 1 :]
    return Looked(found, f"{rest[0].name}:" if rest else "")


async def _page(read: Read, column: Column[str], last: str) -> list[str]:
    rows = await read.all(select(column).where(column > last).order_by(column).limit(LOOK_MAX))
    return [row[0] for row in rows]


async def _broken(read: Read, rule: Rule, *among: ColumnElement[bool]) -> list[Drift]:
    rows = await read.all(rule.statement.where(*among).limit(SHOWN_MAX))
    return [Drift(rule.name, row[0], rule.detail) for row in rows]


def _counts() -> Select[str]:
    line, units = purchase_lines.c, return_lines.c
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
    one, two = return_lines.alias(), return_lines.alias()
    same: ColumnElement[bool] = and_(
        one.c.purchase_id == two.c.purchase_id, one.c.line == two.c.line, one.c.return_id < two.c.return_id
    )
    meet = and_(one.c.unit_from <= two.c.unit_to, two.c.unit_from <= one.c.unit_to)
    return select(one.c.purchase_id).join_from(one, two, same).where(meet)


def _return_amounts() -> Select[str]:
    total = (
        select(func.coalesce(func.sum(return_lines.c.amount_minor), 0))
        .where(return_lines.c.return_id == returns.c.return_id)
        .scalar_subquery()
    )
    return select(returns.c.return_id).where(returns.c.amount_minor != total)


def _unit_amounts() -> Select[str]:
    """⌊A·to/q⌋ − ⌊A·(from−1)/q⌋ without leaving 64 bits: A = q·d + r, so ⌊A·u/q⌋ = d·u + ⌊r·u/q⌋."""
    line, units = purchase_lines.c, return_lines.c
    matched = and_(line.purchase_id == units.purchase_id, line.line == units.line)
    share = _amount_of_first(units.unit_to) - _amount_of_first(units.unit_from - 1)
    return select(units.return_id).join(purchase_lines, matched).where(units.amount_minor != share)


def _amount_of_first(units: ColumnElement[int]) -> ColumnElement[int]:
    quantity, amount = purchase_lines.c.quantity, purchase_lines.c.amount_minor
    rest = amount % quantity
    return (amount // quantity) * units + (rest * units) // quantity


def _purchase_amounts() -> Select[str]:
    total = (
        select(func.coalesce(func.sum(purchase_lines.c.amount_minor), -1))
        .where(purchase_lines.c.purchase_id == purchases.c.purchase_id)
        .scalar_subquery()
    )
    return select(purchases.c.purchase_id).where(purchases.c.amount_minor != total)


def _two_holders() -> Select[str]:
    """The unique index forbids it; this is for the day it is rebuilt, restored, or rotated."""
    return (
        select(func.min(identifiers.c.identity_id))
        .where(identifiers.c.state == "resolving")
        .group_by(identifiers.c.blind_index)
        .having(func.count() > 1)
    )


def _strangers() -> Select[str]:
    known = select(identities.c.identity_id).where(identities.c.identity_id == purchases.c.identity_id)
    return select(purchases.c.purchase_id).where(~known.exists())


def _strayed() -> Select[str]:
    return (
        select(returns.c.return_id)
        .join(purchases, purchases.c.purchase_id == returns.c.purchase_id, isouter=True)
        .where(or_(purchases.c.identity_id.is_(None), purchases.c.identity_id != returns.c.identity_id))
    )


def _keyless() -> Select[str]:
    key = select(subject_key.c.identity_id).where(subject_key.c.identity_id == identities.c.identity_id)
    return select(identities.c.identity_id).where(identities.c.state != "erased", ~key.exists())


def _ownerless() -> Select[str]:
    owner = identities.alias()
    known = select(owner.c.identity_id).where(owner.c.identity_id == identities.c.owner_id)
    return select(identities.c.identity_id).where(~known.exists())


RULES = (
    Rule("returned_units", _counts(), "the count of returned units is not the sum of its returns"),
    Rule("disjoint_units", _overlaps(), "two returns took the same unit"),
    Rule("returned_amounts", _return_amounts(), "a return's amount is not the sum of its lines"),
    Rule("line_amounts", _unit_amounts(), "the amount of returned units is not their share of the line"),
    Rule("purchase_amounts", _purchase_amounts(), "a purchase's amount is not the sum of its lines"),
    Rule("one_holder", _two_holders(), "an identifier resolves to two identities"),
    Rule("known_identity", _strangers(), "a purchase is of an identity that does not exist"),
    Rule("returned_identity", _strayed(), "a return is of another identity than its purchase"),
    Rule("readable", _keyless(), "an identity that was not erased has no key"),
    Rule("known_owner", _ownerless(), "an identity belongs to a customer that does not exist"),
)
WALKS = (purchases.c.purchase_id, returns.c.return_id, identities.c.identity_id)
"""What the running verification goes through, one after the other."""
