"""A list of the kernel with a filter reads the rows of its page alone."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from shared.approvals import storage as approvals
from shared.approvals.tables import ApprovalRecord, approval
from shared.audit import AuditSelection, reading
from shared.audit.tables import AuditRecord, audit
from shared.db import Read, Slice
from shared.ids import new_id
from tests.loyalty.shop import START, Shop, open_shop
from tests.parts.plans import PlannedRead
from tests.parts.rows_read import stay_without_statistics, too_many_rows

ROWS, PAGE, ROWS_MAX = 60, 5, 20


class List(Protocol):
    """A function that reads a page of a list."""

    def __call__(self, read: Read, asked: Slice) -> Awaitable[Sequence[object]]: ...


async def list_acts(read: Read, asked: Slice) -> Sequence[object]:
    return await reading.page(read, AuditSelection(operator="bo"), asked)


async def list_rejected(read: Read, asked: Slice) -> Sequence[object]:
    return await approvals.page(read, "rejected", None, asked)


LISTS: Mapping[str, tuple[List, str]] = {
    "audit_of_operator": (list_acts, "at"),
    "approval_in_state": (list_rejected, "proposed_at"),
}


def act(number: int) -> AuditRecord:
    return AuditRecord(
        id=new_id("aud"), at=START + timedelta(seconds=number), kind="act", operator="bo" if _is_chosen(number) else "ana",
        name=None, roles="manager", operation="adjust_points", outcome="done", request_id="req", customer_id=None,
        identity_id=None, objects=(), reason=None, changes=(),
    )  # fmt: skip


def proposal(number: int) -> ApprovalRecord:
    at = START + timedelta(seconds=number)
    return ApprovalRecord(
        id=new_id("apr"), operation="adjust_points", key=str(number).encode(), object_id=None, customer_id="cus", identity_id="cus",
        content=b"", reason=b"", proposed_by="ana", proposed_at=at, expires_at=at, updated_at=at,
        state="rejected" if _is_chosen(number) else "expired",
    )  # fmt: skip


def _is_chosen(number: int) -> bool:
    """Return whether a row has what is asked for. There are rows without it before them and after them."""
    return ROWS <= number < 2 * ROWS


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_list_with_a_filter_reads_the_rows_of_its_page(tmp_path: Path) -> None:
    async with open_shop("postgresql", tmp_path) as shop:
        await stay_without_statistics(shop.database)
        async with shop.database.begin() as tx:
            await tx.insert_records(audit, [act(number) for number in range(3 * ROWS)])
            await tx.insert_records(approval, [proposal(number) for number in range(3 * ROWS)])
        for index, (rows_of, field) in LISTS.items():
            for sort in (field, f"-{field}"):
                page = partial(rows_of, asked=Slice(sort, None, PAGE))
                too_many = await too_many_rows(shop.database, page, rows=PAGE, rows_max=ROWS_MAX)
                assert too_many == {}, f"{index}, {sort}"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("index", LISTS)
async def test_one_index_serves_a_filter_and_its_order(shop: Shop, index: str) -> None:
    rows_of, field = LISTS[index]
    for sort in (field, f"-{field}"):
        async with shop.database.read() as read:
            planned = PlannedRead(read)
            await rows_of(planned, Slice(sort, None, PAGE))
        ((step,),) = planned.plans
        assert f"USING INDEX {index} (" in step
