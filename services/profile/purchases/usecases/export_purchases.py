"""Export purchases as CSV: a job that writes one page of them after the other."""

from collections.abc import Iterator, Sequence

from pydantic import TypeAdapter

from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.queries.purchases import list_purchases
from services.profile.purchases.storage import purchases
from services.profile.purchases.storage.tables import PurchaseLineRecord, PurchaseRecord
from services.profile.settings import Settings
from shared import csv_text
from shared.context import Context
from shared.csv_text import Cell
from shared.db import Slice, Tx
from shared.jobs import Held, JobKind, ResultFile, Step

PAGE = 200
"""Purchases of one chunk. With as many lines as a purchase can have, they still fit into memory."""
COLUMNS = (
    *("purchase_id", "source", "order_id", "purchased_at", "recorded_at", "customer_id", "identity_id"),
    *("currency", "channel", "store", "line", "sku", "quantity", "amount_minor", "category", "brand"),
    "returned_quantity",
)
EXAMPLE = (
    "pur_01k2m9d6v4e8r7a1b2c3d4e5f6,web,1001,2026-03-01T09:30:00Z,2026-03-01T09:30:01Z,"
    "cus_01k2m9d6v4e8r7a1b2c3d4e5f6,cus_01k2m9d6v4e8r7a1b2c3d4e5f6,CNY,,,1,TEA-1,2,5600,tea,,0"
)
SELECTION = TypeAdapter(PurchaseSelection)


async def export_purchases(tx: Tx, context: Context[Settings], held: Held) -> Step:
    """Write the next page of the purchases that were asked for, the latest recorded first, one row per line.

    It holds ids, codes and amounts: no identifier, no name, and no text of a receipt.
    """
    selection = SELECTION.validate_json(held.parameters)
    asked = Slice("-id", [held.cursor] if held.cursor else None, PAGE)
    page = await list_purchases(tx, selection, asked, purchases.BY_ID)
    lines = await purchases.lines_of(tx, (record.purchase_id for record in page))
    header = [] if held.cursor else [COLUMNS]
    text = csv_text.rows_of([*header, *_rows(page, lines)])
    return Step(
        cursor=page[-1].purchase_id if page else held.cursor,
        finished=len(page) < PAGE,
        done=len(page),
        output=text if held.cursor else csv_text.BOM + text,
    )


def _rows(
    page: Sequence[PurchaseRecord], lines: dict[str, list[PurchaseLineRecord]]
) -> Iterator[Sequence[Cell]]:
    for record in page:
        head = (
            *(record.purchase_id, record.source, record.order_id),
            *(csv_text.instant(record.purchased_at), csv_text.instant(record.booked_at)),
            *(record.customer_id, record.identity_id, record.currency, record.channel, record.store),
        )
        for line in lines[record.purchase_id]:
            yield (
                *head,
                *(line.line, line.sku, line.quantity, line.amount_minor, line.category, line.brand),
                line.returned_quantity,
            )


EXPORT = JobKind(
    operation="export_purchases",
    step=export_purchases,
    file=ResultFile("purchases.csv", csv_text.MEDIA_TYPE, f"{','.join(COLUMNS)}\r\n{EXAMPLE}\r\n"),
)
