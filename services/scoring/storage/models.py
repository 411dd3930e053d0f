"""Versions of models."""

from collections.abc import Sequence
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Row, Select, bindparam, case, func, select

from services.scoring.domain import models
from services.scoring.domain.models import InForce, Model, Status
from services.scoring.domain.scores import KINDS, PARAMETERS, Cuts, Kind
from services.scoring.domain.statements import Yardstick, local_day
from services.scoring.storage.tables import model
from shared.db import Read, Slot, Tx

VERSIONS_MAX = 200
_YARDSTICK: Slot[list[Yardstick]] = Slot("scoring.yardstick", list)
"""The yardstick of this transaction: a list of one, empty before it is asked for."""


async def all_in_force(read: Read, day: date, zone: str) -> dict[tuple[Kind, str], InForce]:
    """The models that answer for `day`, by kind and currency: published fits, else what is shipped; one statement."""
    rows = await read.all(_IN_FORCE, {"day": day})
    used = {
        (kind, ""): InForce(prior, look_ahead=False)
        for kind in KINDS
        if (prior := models.shipped(kind, zone))
    }
    for row in rows:
        candidate = _model(row)
        chosen = models.in_force([candidate], day)
        assert chosen is not None
        used[candidate.kind, candidate.currency] = chosen
    return used


async def yardstick(tx: Tx, zone: ZoneInfo) -> Yardstick:
    """What labels are judged with in this transaction: asked once, and only after the locks."""
    kept = tx.slot(_YARDSTICK)
    if not kept:
        used = (await all_in_force(tx, local_day(tx.now, zone), zone.key))["rfm", ""]
        assert isinstance(used.model.parameters, Cuts)
        kept.append(Yardstick(used.model.parameters, used.model.version, zone, tx.now))
    return kept[0]


async def versions(read: Read, kind: Kind) -> Sequence[Model]:
    """The versions of a kind, newest first, VERSIONS_MAX at most."""
    rows = await read.all(
        select(model)
        .where(model.c.kind == kind)
        .order_by(model.c.currency, model.c.version.desc())
        .limit(VERSIONS_MAX)
    )
    return [_model(row) for row in rows]


async def with_prior(read: Read, kind: Kind, zone: str) -> list[Model]:
    """The versions of a kind, newest first, the shipped one last."""
    prior = models.shipped(kind, zone)
    return [*await versions(read, kind), *([prior] if prior else [])]


async def version(read: Read, kind: Kind, currency: str, number: int) -> Model | None:
    """One version of a model."""
    row = await read.first(
        select(model).where(model.c.kind == kind, model.c.currency == currency, model.c.version == number)
    )
    return None if row is None else _model(row)


async def next_version(read: Read, kind: Kind, currency: str) -> int:
    """The number of the version that comes next."""
    latest = await read.scalar(
        select(func.max(model.c.version)).where(model.c.kind == kind, model.c.currency == currency)
    )
    return (latest or 0) + 1


async def add(tx: Tx, new: Model) -> None:
    """Store a version, for ever."""
    await tx.insert_many(
        model,
        [
            {
                "kind": new.kind, "currency": new.currency, "version": new.version, "until": new.until,
                "zone": new.zone, "params": new.parameters.model_dump(mode="json"),
                "log_likelihood": new.log_likelihood, "n": new.n, "unique_rows": new.unique_rows,
                "preparation": new.preparation, "gates": dict(new.gates), "status": new.status,
                "published_at": new.published_at,
            }
        ],
    )  # fmt: skip


def _model(row: Row[*tuple[Any, ...]]) -> Model:
    return Model(
        kind=cast("Kind", row.kind), currency=row.currency, version=row.version, until=row.until, zone=row.zone,
        parameters=PARAMETERS.validate_python(row.params), log_likelihood=row.log_likelihood, n=row.n,
        unique_rows=row.unique_rows, preparation=row.preparation, gates=row.gates,
        status=cast("Status", row.status), published_at=row.published_at,
    )  # fmt: skip


def _in_force() -> Select[*tuple[Any, ...]]:
    """Built once: up to `day` the latest, else the earliest after it; of several to the same day the newest."""
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
    return select(ranked).where(ranked.c.place == 1)


_IN_FORCE = _in_force()
