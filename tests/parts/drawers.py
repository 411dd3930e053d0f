"""The drawers of a till: something with versions, which people edit. No till has these operations by default."""

from typing import Annotated

from fastapi import Path
from sqlalchemy import select

from shared.db import Read
from shared.errors import DomainError, Kind
from shared.http.auth import allow
from shared.http.dependencies import Caller, Expected, Reading, Transaction
from shared.http.models import Request, Response, example
from shared.http.routes import Router
from shared.service import Capability
from tests.parts.till import Amount, DrawerRecord, drawers

router = Router(tags=["drawers"])


class UnknownDrawer(DomainError):
    kind, code = Kind.NOT_FOUND, "unknown_drawer"


class DrawerIn(Request):
    float_minor: Amount


class DrawerOut(Response):
    model_config = example(id="drawer_1", float_minor=20_000, version=1)

    id: str
    float_minor: int
    version: int


DrawerId = Annotated[str, Path(max_length=64, examples=["drawer_1"])]


@router.get(
    "/v1/drawers/{drawer_id}",
    operation_id="get_drawer",
    summary="Read a drawer",
    allow=allow({"viewer", "admin"}),
    errors=(UnknownDrawer,),
    version="version",
)
async def get_drawer(read: Reading, caller: Caller, drawer_id: DrawerId) -> DrawerOut:
    """Read a drawer. Only an admin sees what is in it."""
    record = await _drawer(read, drawer_id)
    seen = record.float_minor if "admin" in caller.roles else 0
    return DrawerOut(id=record.id, float_minor=seen, version=record.version)


@router.put(
    "/v1/drawers/{drawer_id}",
    operation_id="set_drawer",
    summary="Set what is in a drawer",
    allow=allow({"admin"}),
    idempotency="optional",
    errors=(UnknownDrawer,),
    version="version",
    precondition="required",
)
async def set_drawer(
    tx: Transaction, precondition: Expected, drawer_id: DrawerId, body: DrawerIn
) -> DrawerOut:
    """Set what is in a drawer, unless somebody else has set it since."""
    record = await _drawer(tx, drawer_id, lock=True)
    precondition.check(record.version)
    after = DrawerRecord(drawer_id, body.float_minor, record.version + 1)
    await tx.update_records(drawers, [after], columns=["float_minor", "version"])
    return DrawerOut(id=after.id, float_minor=after.float_minor, version=after.version)


async def _drawer(read: Read, drawer_id: str, *, lock: bool = False) -> DrawerRecord:
    statement = select(drawers.c.id, drawers.c.float_minor, drawers.c.version).where(
        drawers.c.id == drawer_id
    )
    record = await read.read_record(DrawerRecord, statement.with_for_update() if lock else statement)
    if record is None:
        raise UnknownDrawer
    return record


DRAWERS = Capability(name="drawers", routers=(router,))
