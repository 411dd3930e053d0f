"""Import purchases from a file: a job that records the orders of one piece of the file after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.record_purchases import Outcome, record_purchases
from services.profile.settings import Settings
from shared import jobs
from shared.context import Context
from shared.db import Tx
from shared.errors import FieldError
from shared.files.row_error import RowError
from shared.jobs import Held, ItemError, Step

IMPORT_OPERATION = "import_purchases"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileParameters:
    """The parameters that came with a file of purchases."""

    source: str
    anonymous: bool
    """Whether orders with a blank customer are recorded without one."""
    dry_run: bool
    encoding: str | None
    """The encoding of the file; None: it is recognised."""
    columns: tuple[str, ...] = ()
    """The columns of the file, once it is read."""
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One order of a file."""

    purchase: Purchase | None
    """The purchase; None if the rows have errors."""
    errors: Sequence[RowError]
    rows_of: Callable[[Sequence[FieldError]], Sequence[RowError]]
    """Returns faults of the purchase with the row and the column of each."""


class _Tried(Exception):
    """A piece was tried, and is rolled back."""


async def import_purchases(
    tx: Tx,
    context: Context[Settings],
    held: Held,
    *,
    told: Callable[[str], FileParameters],
    orders_of: Callable[[str, FileParameters], Sequence[FileOrder]],
) -> Step:
    """Record the orders of the next piece. An order with an error in any of its rows is left out whole.

    A dry run does the same and rolls it back, piece by piece. An order that is recorded already is done.
    """
    parameters = told(held.parameters)
    number = int(held.cursor or 0) + 1
    if number > parameters.pieces:  # a file that has a header alone
        return Step(cursor=held.cursor, finished=True)
    assert held.input_key is not None, "a job that is open has what it reads"
    piece = await jobs.piece_of(tx, held.keys, held.input_key, held.id, "in", number)
    assert piece is not None, "the pieces are numbered without gaps"
    orders = orders_of(piece, parameters)
    purchases = [order.purchase for order in orders if order.purchase is not None]
    outcomes = iter(await _record(tx, context, purchases, held.issuer, dry_run=parameters.dry_run))
    errors = [_errors(order, None if order.purchase is None else next(outcomes)) for order in orders]
    failed = sum(1 for of_order in errors if of_order)
    return Step(
        cursor=str(number),
        finished=number == parameters.pieces,
        done=len(orders) - failed,
        failed=failed,
        errors=[error for of_order in errors for error in of_order],
    )


async def _record(
    tx: Tx, context: Context[Settings], purchases: Sequence[Purchase], issuer: str, *, dry_run: bool
) -> Sequence[Outcome]:
    outcomes: Sequence[Outcome] = ()
    if not purchases:
        return outcomes
    try:
        async with tx.savepoint():
            outcomes = await record_purchases(tx, context, purchases, issuer=issuer)
            if dry_run:
                raise _Tried
    except _Tried:
        pass
    return outcomes


def _errors(order: FileOrder, outcome: Outcome | None) -> list[ItemError]:
    errors = order.errors
    if outcome is not None and not isinstance(outcome, PurchaseRecord):
        whole = FieldError("", outcome.code, outcome.detail("en"), outcome.detail("zh"))
        errors = order.rows_of(outcome.errors or [whole])
    return [
        ItemError(
            error.row,
            FieldError(f"/{error.column}" if error.column else "", error.code, error.en, error.zh),
        )
        for error in errors
    ]
