"""Ask for a fit."""

from datetime import date
from zoneinfo import ZoneInfo

from services.scoring.domain.scores import Kind
from services.scoring.domain.statements import local_day
from services.scoring.storage import fits, shop
from services.scoring.storage.fits import Fit
from shared import errors, ids
from shared.db import Tx


class FitBeyondToday(errors.DomainError):
    """A fit cannot learn from days that have not begun."""

    kind, code = errors.Kind.INVALID, "fit_beyond_today"


async def request_fit(
    tx: Tx,
    kind: Kind,
    *,
    currency: str,
    until: date | None,
    publish: bool,
    round_days: bool,
    by: str,
    zone: ZoneInfo,
) -> Fit:
    """Queue a fit to the data up to and including `until` (None: today); the job picks it up."""
    await shop.check_zone(tx, zone.key)
    today = local_day(tx.now, zone)
    if until is not None and until > today:
        raise FitBeyondToday(today=today, until=until)
    fit = Fit(
        fit_id=ids.new_id("fit"),
        kind=kind,
        currency=currency,
        until=until or today,
        publish=publish,
        round_days=round_days,
        status="queued",
        attempts=0,
        requested_by=by,
        requested_at=tx.now,
    )
    await fits.add(tx, fit)
    return fit
