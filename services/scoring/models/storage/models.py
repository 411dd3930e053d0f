"""The rows of versions of models."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Date, Select, bindparam, case, func, select

from services.scoring.models.domain.kinds import Kind
from services.scoring.models.domain.models import Model
from services.scoring.models.storage.tables import model
from shared.db import Read, Tx
from shared.db.records import columns_of
from shared.outbox import witness

VERSIONS_MAX = 200


async def published_for(read: Read, day: date) -> list[Model]:
    """Return the published version of each kind and currency that answers for `day`."""
    return await read.read_records(Model, _PUBLISHED_FOR, {"day": day})


async def versions(read: Read, kind: Kind) -> Sequence[Model]:
    """Return the versions of a kind, newest first, at most VERSIONS_MAX."""
    return await read.read_records(
        Model,
        select(model)
        .where(model.c.kind == kind)
        .order_by(model.c.currency, model.c.version.desc())
        .limit(VERSIONS_MAX),
    )


async def version(read: Read, kind: Kind, currency: str, number: int) -> Model | None:
    """Return one version of a model."""
    return await read.read_record(
        Model,
        select(model).where(model.c.kind == kind, model.c.currency == currency, model.c.version == number),
    )


async def next_version(read: Read, kind: Kind, currency: str) -> int:
    """Return the number of the version that comes next. Events name it, so it never is that of a version that was lost."""
    latest = await read.scalar(
        select(func.max(model.c.version)).where(model.c.kind == kind, model.c.currency == currency)
    )
    return max(latest or 0, await witness.beyond_lost(read)) + 1


async def add(tx: Tx, new: Model) -> None:
    """Store a version for ever."""
    await tx.insert_records(model, [new])


def _published_for() -> Select[*tuple[object, ...]]:
    """Select the latest version up to `day`, else the earliest after it; of several to the same day the newest."""
    known = model.c.until <= bindparam("day", type_=Date)
    best = func.row_number().over(
        partition_by=[model.c.kind, model.c.currency],
        order_by=[
            case((known, 0), else_=1),
            case((known, model.c.until)).desc(),
            model.c.until,
            model.c.version.desc(),
        ],
    )
    ranked = select(model, best.label("place")).where(model.c.status == "published").subquery()
    return select(*(ranked.c[column.name] for column in columns_of(model, Model))).where(ranked.c.place == 1)


_PUBLISHED_FOR = _published_for()
