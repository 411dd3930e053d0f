"""Bring opening balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import granting
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Wallet
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.openings.domain.openings import Opening, expiry_of, lot_of, outcome_of
from services.loyalty.openings.queries.opening_ids import id_of_opening
from services.loyalty.openings.storage import openings
from services.loyalty.openings.storage.tables import OpeningRecord
from services.loyalty.settings import Settings
from shared import references
from shared.catalogues import Sentence, field_sentence
from shared.context import Context
from shared.db import Tx
from shared.errors import FieldError
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned
from shared.files.imports import Recorded, Refused
from shared.limits import MEMBER_POINTS_MAX
from shared.vault import Numbers, Vault

_CUSTOMER_UNKNOWN = field_sentence(__name__, "opening_customer_unknown", code="member_not_found")
_DIFFERS = field_sentence(__name__, "opening_differs", code="differs")
_IN_THE_FUTURE = field_sentence(__name__, "opening_in_the_future", code="in_the_future")
_EXPIRES_BEFORE = field_sentence(__name__, "opening_expires_before", code="expires_before")
_TOO_MANY_POINTS = field_sentence(__name__, "opening_too_many_points", code="too_many_points")
_COMPARED = ("points", "earned_at", "available_at", "expires_at")
"""The values that a row has again when it is sent again."""
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A row that is brought now: its key, the wallet and its points."""

    opening: Opening
    key: bytes
    wallet: Wallet


async def bring_openings(
    tx: Tx, context: Context[Settings], brought: Sequence[Opening], *, issuer: str
) -> list[Recorded | Refused]:
    """Bring the points of these rows to their members, each row once, and return the outcome of each in order.

    A row that was brought before changes nothing; with other values it is refused. No two of these rows have the same key.
    """
    external = sorted({opening.external_id for opening in brought if opening.external_id is not None})
    identities = await references.find_identities(tx, context, issuer, external)
    named = [opening.customer_id or identities.get(opening.external_id or "") for opening in brought]
    locked = await lock_wallets(tx, {identity_id for identity_id in named if identity_id}, create=False)
    keys = [_key_of(context.vault, issuer, opening) for opening in brought]
    known = await openings.by_keys(tx, keys)
    outcomes: list[Recorded | Refused | _Fresh] = []
    for opening, key, identity_id in zip(brought, keys, named, strict=True):
        wallet = None if identity_id is None else locked.living(identity_id)
        if wallet is None:
            outcomes.append(_refused("customer", _CUSTOMER_UNKNOWN))
        elif key in known:
            outcomes.append(_repeated(context.vault.numbers, locked, wallet, opening, known[key]))
        else:
            outcomes.append(_Fresh(opening, key, wallet))
    fresh = [outcome for outcome in outcomes if isinstance(outcome, _Fresh)]
    booked = await _book(tx, context, locked, fresh) if fresh else {}
    return [booked[outcome.key] if isinstance(outcome, _Fresh) else outcome for outcome in outcomes]


def _key_of(vault: Vault, issuer: str, opening: Opening) -> bytes:
    """Return the natural key of a row: from it nobody learns the row's id."""
    return vault.digest("opening.row", _SEPARATOR.join((issuer, opening.source, opening.row_id)).encode())


def _repeated(
    numbers: Numbers, locked: Locked, wallet: Wallet, opening: Opening, record: OpeningRecord
) -> Recorded | Refused:
    """Compare a row with what was brought under its key. The member may have been merged since."""
    errors = [
        FieldError.of(f"/{name}", _DIFFERS)
        for name in _COMPARED
        if getattr(opening, name) != getattr(record, name)
    ]
    was = locked.by_id.get(record.wallet_id)
    if was is None or was.owner_id != wallet.owner_id:
        errors.append(FieldError.of("/customer", _DIFFERS))
    if errors:
        return Refused(errors)
    return Recorded("repeated", id_of_opening(numbers, record.id), opening.row_id)


async def _book(
    tx: Tx, context: Context[Settings], locked: Locked, fresh: Sequence[_Fresh]
) -> Mapping[bytes, Recorded | Refused]:
    """Book new rows, and return their outcomes by key."""
    members = [locked.member(row.wallet.identity_id) for row in fresh]
    booking = await open_booking(tx, locked, members, rows=2 * len(fresh))
    outcomes: dict[bytes, Recorded | Refused] = {}
    records: list[OpeningRecord] = []
    lots: list[Lot] = []
    for row in fresh:
        if row.opening.earned_at > booking.journal.now:
            outcomes[row.key] = _refused("earned_at", _IN_THE_FUTURE)
            continue
        expires_at = expiry_of(row.opening, booking.programme)
        if (refused := _fault(booking, row, expires_at)) is not None:
            outcomes[row.key] = refused
            continue
        record, lot = _bring(booking, row, expires_at)
        records.append(record)
        lots.append(lot)
        name = id_of_opening(context.vault.numbers, record.id)
        outcomes[row.key] = Recorded(outcome_of(lot), name, row.opening.row_id)
    await openings.add(tx, records)
    await close_booking(booking)
    for record, lot in zip(records, lots, strict=True):
        _tell(booking, context.vault.numbers, record, lot.wallet)
    return outcomes


def _fault(booking: Booking, row: _Fresh, expires_at: datetime | None) -> Refused | None:
    """Return why a row cannot be booked; None if it can."""
    opening = row.opening
    if expires_at is not None and expires_at <= opening.begins_at:
        return _refused("expires_at", _EXPIRES_BEFORE)
    balance = booking.locked.member(row.wallet.identity_id).balance()
    if balance.active + balance.pending + balance.held + opening.points > MEMBER_POINTS_MAX:
        return _refused("points", _TOO_MANY_POINTS, most=MEMBER_POINTS_MAX)
    return None


def _bring(booking: Booking, row: _Fresh, expires_at: datetime | None) -> tuple[OpeningRecord, Lot]:
    """Book the points of one row, and return the row of the fact and the lot."""
    journal, opening, wallet = booking.journal, row.opening, row.wallet
    posted = PostingCause(CauseKind.OPENING, journal.next_id())
    lot = lot_of(journal, wallet, opening, expires_at, booking.programme)
    member = booking.locked.member(wallet.identity_id)
    granting.issue(journal, member, lot, posted, Account.OPENING, journal.now)
    record = OpeningRecord(
        id=posted.id,
        key=row.key,
        wallet_id=wallet.id,
        identity_id=wallet.identity_id,
        customer_id=wallet.owner_id,
        source=opening.source,
        points=opening.points,
        earned_at=opening.earned_at,
        available_at=opening.available_at,
        expires_at=opening.expires_at,
        occurred_at=journal.now,
        booked_at=wallet.last_booked_at,
    )
    return record, lot


def _tell(booking: Booking, numbers: Numbers, record: OpeningRecord, wallet: Wallet) -> None:
    """Publish the points that came."""
    posted = PostingCause(CauseKind.OPENING, record.id)
    cause = Cause(kind="opening", id=id_of_opening(numbers, record.id))
    moved = MovedPoints(wallet, record.points, cause, posted, record.occurred_at)
    tell_points(booking.tx, numbers, booking.programme, PointsEarned, moved)


def _refused(field: str, sentence: Sentence, **values: object) -> Refused:
    return Refused((FieldError.of(f"/{field}", sentence, **values),))
