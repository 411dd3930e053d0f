"""Export the ledger of one member, or of all, as CSV: a job that writes one page of postings after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.queries.postings import OwnedPosting, owned_page
from services.loyalty.ledger.queries.row_ids import id_of_lot, id_of_transaction
from services.loyalty.settings import Settings
from services.loyalty.statements.domain.kinds import KIND
from shared import csv_text
from shared.context import Context
from shared.csv_text import Cell
from shared.db import Tx
from shared.jobs import Held, JobKind, ResultFile, Step
from shared.jobs.limits import CHUNK_ITEMS_MAX
from shared.vault import Numbers

COLUMNS = (
    *("transaction_id", "kind", "occurred_at", "booked_at", "customer_id", "identity_id"),
    *("from_account", "to_account", "lot_id", "to_lot_id", "points", "to_customer_id"),
)
EXAMPLE = (
    "txn_purchase_3h6m9z2e5v8qn1k4c7rtw0xdga,purchase,2026-03-01T09:30:00Z,2026-03-01T09:30:01Z,cus_01hv3n8v1mz8k7g5r0q2w4x6y8,"
    "cus_01hv3n8v1mz8k7g5r0q2w4x6y8,issued,active,lot_1c8x5r2n9q4vk7e0t3zmhdw6gy,,25,"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSelection:
    """The postings that were asked for."""

    wallet_ids: tuple[int, ...] | None
    """The wallets of one member; None: of all members."""
    booked_until: datetime
    """The instant at which the export was asked for. Later postings are left out."""


SELECTION = TypeAdapter(LedgerSelection)


async def export_ledger(tx: Tx, context: Context[Settings], held: Held) -> Step:
    """Write the next page of the postings that were asked for, in the order of their booking, one row per posting.

    It holds ids and points: no reason, no reference, and no order of the merchant's.
    """
    selection = SELECTION.validate_json(held.parameters)
    page = await owned_page(
        tx,
        selection.wallet_ids,
        until=selection.booked_until,
        after=int(held.cursor or 0),
        limit=CHUNK_ITEMS_MAX,
    )
    header = [] if held.cursor else [COLUMNS]
    text = csv_text.rows_of([*header, *_rows(context.vault.numbers, page)])
    return Step(
        cursor=str(page[-1].id) if page else held.cursor,
        finished=len(page) < CHUNK_ITEMS_MAX,
        done=len(page),
        output=text if held.cursor else csv_text.BOM + text,
    )


def _rows(numbers: Numbers, page: Sequence[OwnedPosting]) -> Iterator[Sequence[Cell]]:
    for posting in page:
        cause = PostingCause(CauseKind(posting.cause_kind), posting.cause_id)
        yield (
            id_of_transaction(numbers, cause),
            KIND[cause.kind].value,
            csv_text.instant(posting.occurred_at),
            csv_text.instant(posting.booked_at),
            posting.owner_id,
            posting.identity_id,
            Account(posting.from_account).name.lower(),
            Account(posting.to_account).name.lower(),
            id_of_lot(numbers, posting.lot_id),
            None if posting.to_lot_id is None else id_of_lot(numbers, posting.to_lot_id),
            posting.points,
            posting.to_owner_id,
        )


EXPORT = JobKind(
    operation="export_ledger",
    step=export_ledger,
    file=ResultFile("ledger.csv", csv_text.MEDIA_TYPE, f"{','.join(COLUMNS)}\r\n{EXAMPLE}\r\n"),
)
