"""The baseline of the loyalty consumer: one loop on asyncpg that decodes the same bytes, takes the same locks and
writes the same rows, and knows of nothing else: no layers, no merges, no late returns, no debts, no retries.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pydantic_core import from_json, to_json

from shared.bus import Record
from shared.db import blocks
from shared.ids import new_event_id
from tests.bench.traffic import PLACE

TIERS = ((0, "member"), (100_000, "silver"), (500_000, "gold"))
YEAR = timedelta(days=365)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

WALLET = "id identity_id owner_id active spend spend_at spend_drop_at last_booked_at".split()
_LOCK = """
SELECT id, identity_id, owner_id, active, spend, spend_at, spend_drop_at, last_booked_at FROM wallet
WHERE owner_id IN (SELECT owner_id FROM wallet WHERE identity_id = ANY ($1)) ORDER BY id FOR UPDATE
"""
_CREATE = """
INSERT INTO wallet (id, programme_id, kind, identity_id, owner_id, ownership_version, group_size, active, pending, held,
owed, last_booked_at, spend) SELECT id, 1, 1, identity_id, identity_id, 0, 1, 0, 0, 0, 0, $3, 0
FROM unnest($1::bigint[], $2::text[]) AS new (id, identity_id)
"""
_INBOX = """
INSERT INTO inbox (consumer, event_id, seen_at) SELECT 'loyalty', event_id, $2 FROM unnest($1::text[]) AS event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""
_BOUGHT = """
SELECT p.purchase_id, p.id, p.wallet_id, p.occurred_at, p.currency, p.lines, l.id, l.issued, l.base
FROM purchase AS p LEFT JOIN lot AS l ON l.purchase_id = p.id WHERE p.purchase_id = ANY ($1)
"""
_TAKE_BACK = """
UPDATE lot SET remaining = remaining - back.points, reversed = reversed + back.points
FROM unnest($1::bigint[], $2::bigint[]) AS back (id, points) WHERE lot.id = back.id
"""
_STORE = """
UPDATE wallet SET active = new.active, pending = 0, held = 0, owed = 0, next_due_at = NULL, last_booked_at = new.booked,
spend = new.spend, spend_at = new.spend_at, spend_drop_at = new.spend_drop_at
FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
AS new (id, active, booked, spend, spend_at, spend_drop_at) WHERE wallet.id = new.id
"""
_TIERS = """
INSERT INTO tier_state (programme_id, owner_id, tier, since, due_at)
SELECT 1, * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
ON CONFLICT (programme_id, owner_id) DO UPDATE SET tier = excluded.tier, since = excluded.since, due_at = excluded.due_at
"""
_POSITION = "UPDATE consumer_position SET next_offset = $1, moved_at = $2 WHERE consumer = 'loyalty' AND topic = $3 AND partition = $4"
_IDS = "SELECT nextval(pg_get_serial_sequence('ledger_id', 'id')) FROM generate_series(1, $1)"

PURCHASE = "id purchase_id wallet_id identity_id customer_id source order_id occurred_at booked_at currency amount_minor lines outcome"
LOT = "id wallet_id identity_id purchase_id rule rulebook issued base eligible earned_at pending remaining held expired reversed owed covered"
POSTING = (
    "id cause_kind cause_id ordinal from_account to_account wallet_id lot_id points occurred_at booked_at"
)
RETURN = "id return_id purchase_id wallet_id purchased_at occurred_at booked_at currency amount_minor units moved_points"
OUTBOX = "event_id aggregatetype aggregateid type topic key headers payload occurred_at booked_at"


class BareLedger:
    """One connection and the rows of the batch in hand."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._wallets: dict[str, dict[str, Any]] = {}
        self._ids: list[int] = []
        self._now = NEVER
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._tiers: dict[str, tuple[str, datetime, datetime | None]] = {}

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch, one transaction."""
        connection = self._connection
        headers = [dict(record.headers) for record in records]
        events = [from_json(record.value or b"") for record in records]
        self._rows = {name: [] for name in ("purchase", "lot", "posting", "purchase_return", "outbox")}
        self._tiers = {}
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock_shared(6, 49)")
            now = self._now = datetime.now(UTC)
            new = {
                row[0] for row in await connection.fetch(_INBOX, [h["ce_id"].decode() for h in headers], now)
            }
            fresh = [event for event, h in zip(events, headers, strict=True) if h["ce_id"].decode() in new]
            await self._lock(sorted({event["identity_id"] for event in fresh}), len(fresh))
            bought = [event for event in fresh if "return_id" not in event]
            returned = [event for event in fresh if "return_id" in event]
            for event in bought:
                self._earn(event)
            await self._copy("purchase", PURCHASE)
            await self._copy("lot", LOT)
            if returned:
                await self._take_back(returned)
                await self._copy("purchase_return", RETURN)
            await self._copy("posting", POSTING)
            await self._store()
            await connection.execute("SELECT pg_current_xact_id()")
            await self._copy("outbox", OUTBOX)
            await connection.execute(_POSITION, records[-1].offset + 1, now, PLACE.topic, PLACE.partition)

    async def _lock(self, identity_ids: list[str], facts: int) -> None:
        found = await self._connection.fetch(_LOCK, identity_ids)
        self._wallets = {row["identity_id"]: dict(row) for row in found}
        missing = [identity_id for identity_id in identity_ids if identity_id not in self._wallets]
        first = await self._connection.fetch(_IDS, -(-(facts * 3 + len(missing)) // blocks.BLOCK))
        self._ids = [at for row in reversed(first) for at in reversed(range(row[0], row[0] + blocks.BLOCK))]
        if missing:
            ids = [self._ids.pop() for _ in missing]
            await self._connection.execute(_CREATE, ids, missing, NEVER)
            for row_id, identity_id in zip(ids, missing, strict=True):
                values = (row_id, identity_id, identity_id, 0, 0, None, None, NEVER)
                self._wallets[identity_id] = dict(zip(WALLET, values, strict=True))

    def _earn(self, event: dict[str, Any]) -> None:
        wallet, row_id, amount_minor = (
            self._wallets[event["identity_id"]],
            self._ids.pop(),
            event["amount_minor"],
        )
        at, now, points = datetime.fromisoformat(event["occurred_at"]), self._now, amount_minor // 100
        lines = [
            {
                "quantity": line["quantity"],
                "amount_minor": line["amount_minor"],
                "sku": line["sku"],
                "category": line.get("category"),
                "brand": line.get("brand"),
            }
            for line in event["lines"]
        ]
        wallet["last_booked_at"] = max(now, wallet["last_booked_at"])
        self._rows["purchase"].append(
            (row_id, event["purchase_id"], wallet["id"], event["identity_id"], event["customer_id"], event["source"],
             event["order_id"], at, now, event["currency"], amount_minor, to_json(lines).decode(),
             "earned" if points else "zero")
        )  # fmt: skip
        if points:
            lot_id = self._ids.pop()
            self._rows["lot"].append(
                (lot_id, wallet["id"], event["identity_id"], row_id, "base", 1, points, amount_minor, None, at, 0,
                 points, 0, 0, 0, 0, 0)
            )  # fmt: skip
            self._post(1, row_id, (1, 2), wallet, lot_id, points, at)
            self._tell("points_earned", event, at, points, f"txn_purchase_{row_id}")
        self._count(wallet, at, at + YEAR, amount_minor, event)

    async def _take_back(self, events: Sequence[dict[str, Any]]) -> None:
        rows = await self._connection.fetch(_BOUGHT, [event["purchase_id"] for event in events])
        bought = {row[0]: tuple(row)[1:] for row in rows}
        lot_ids, taken = [], []
        for event in events:
            purchase_row, wallet_id, purchased_at, currency, lines, lot_id, issued, base = bought[
                event["purchase_id"]
            ]
            wallet, row_id = self._wallets[event["identity_id"]], self._ids.pop()
            at, unit = datetime.fromisoformat(event["occurred_at"]), event["lines"][0]
            bought_line = from_json(lines)[0]
            quantity, amount = bought_line["quantity"], bought_line["amount_minor"]
            worth = amount * unit["unit_to"] // quantity
            points = issued * worth // base if lot_id is not None else 0
            wallet["last_booked_at"] = max(self._now, wallet["last_booked_at"])
            units = to_json([{name: unit[name] for name in ("line", "unit_from", "unit_to")}]).decode()
            self._rows["purchase_return"].append(
                (row_id, event["return_id"], purchase_row, wallet_id, purchased_at, at, self._now, currency, worth,
                 units, points > 0)
            )  # fmt: skip
            if points:
                lot_ids.append(lot_id)
                taken.append(points)
                self._post(2, row_id, (2, 1), wallet, lot_id, points, at)
                self._tell("points_reversed", event, at, points, f"txn_return_{row_id}")
            self._count(wallet, at, purchased_at + YEAR, -worth, event)
        await self._connection.execute(_TAKE_BACK, lot_ids, taken)

    def _post(
        self,
        kind: int,
        row_id: int,
        way: tuple[int, int],
        wallet: dict[str, Any],
        lot: int,
        points: int,
        at: datetime,
    ) -> None:
        wallet["active"] += points if way[1] == 2 else -points
        posting_id = self._ids.pop()
        self._rows["posting"].append(
            (posting_id, kind, row_id, 1, *way, wallet["id"], lot, points, at, wallet["last_booked_at"])
        )

    def _count(
        self,
        wallet: dict[str, Any],
        at: datetime,
        drops_at: datetime,
        amount_minor: int,
        event: dict[str, Any],
    ) -> None:
        before = _tier_of(wallet["spend"])
        wallet["spend"] += amount_minor
        wallet["spend_at"] = max(at, wallet["spend_at"] or at)
        wallet["spend_drop_at"] = min(drops_at, wallet["spend_drop_at"] or drops_at)
        tier = _tier_of(wallet["spend"])
        if tier != before:
            due_at = wallet["spend_drop_at"] if tier != "member" else None
            self._tiers[wallet["owner_id"]] = (tier, at, due_at)
            more = {
                "tier": tier,
                "previous": before,
                "since": event["occurred_at"],
                "spend_minor": wallet["spend"],
            }
            self._tell("tier_changed", event, at, 0, "", **more)

    def _tell(
        self, fact: str, event: dict[str, Any], at: datetime, points: int, name: str, **more: Any
    ) -> None:
        event_id, identity_id, type_ = new_event_id(), event["identity_id"], f"loyalty.{fact}.v1"
        headers = {
            "ce_specversion": "1.0", "ce_id": str(event_id), "ce_source": "/huitou/loyalty", "ce_type": type_,
            "ce_time": event["occurred_at"], "ce_subject": identity_id, "content-type": "application/json",
        }  # fmt: skip
        payload = {
            "identity_id": identity_id, "customer_id": event["customer_id"], "occurred_at": event["occurred_at"],
            "cause": event["cause"], "programme": "default", "points": points, "transaction_id": name, **more,
        }  # fmt: skip
        self._rows["outbox"].append(
            (event_id, "identity", identity_id, type_, "huitou.points", identity_id, to_json(headers).decode(),
             to_json(payload).decode(), at, self._now)
        )  # fmt: skip

    async def _copy(self, table: str, columns: str) -> None:
        await self._connection.copy_records_to_table(
            table, records=self._rows[table], columns=columns.split()
        )

    async def _store(self) -> None:
        rows = [
            (
                wallet["id"],
                wallet["active"],
                wallet["last_booked_at"],
                wallet["spend"],
                wallet["spend_at"],
                wallet["spend_drop_at"],
            )
            for wallet in self._wallets.values()
        ]
        await self._connection.execute(_STORE, *map(list, zip(*sorted(rows), strict=True)))
        if self._tiers:
            tiers = [(owner_id, *state) for owner_id, state in sorted(self._tiers.items())]
            await self._connection.execute(_TIERS, *map(list, zip(*tiers, strict=True)))


def _tier_of(spend_minor: int) -> str:
    return next(tier for least, tier in reversed(TIERS) if spend_minor >= least or least == 0)
