"""Requests, records, books and processes made by hand, for the tests of what judges a round."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from huitou.settings import SERVICES
from shared.bus import Record
from tests.chaos import books
from tests.chaos.books import HANDLES, Books
from tests.chaos.journal import Asked, Kind
from tests.parts.processes import PartMissing, Server

BUYER = "cus_a"
PLACES = {
    "purchase": ("profile.purchase_recorded.v1", "huitou.purchases"),
    "return": ("profile.purchase_returned.v1", "huitou.purchases"),
    "redemption": ("loyalty.points_redeemed.v1", "huitou.points"),
    "adjustment": ("loyalty.points_reversed.v1", "huitou.points"),
    "complaint": ("feedback.complaint_opened.v1", "huitou.feedback"),
    "remedy": ("feedback.remedy_granted.v1", "huitou.feedback"),
}


def asked(
    kind: Kind, fact_id: str, sent_at: float, answered_at: float, status: int = 201, service: str = ""
) -> Asked:
    answer = {"id": fact_id, "customer_id": BUYER}
    return Asked(kind, service, "", {}, "", sent_at, status, answer, answered_at)


def record(
    topic: str, offset: int, type_: str, cause: tuple[str, str], *, event_id: str = "", buyer: str = BUYER
) -> Record:
    service = type_.partition(".")[0]
    names = {
        "ce_id": event_id or f"{type_} {cause[1]}", "ce_type": type_, "ce_source": f"/huitou/{service}"
    }  # fmt: skip
    body = {"identity_id": buyer, "cause": {"kind": cause[0], "id": cause[1]}}
    headers = tuple((name, value.encode()) for name, value in names.items())
    return Record(topic, 0, offset, buyer.encode(), headers, json.dumps(body).encode(), 0)


def effect(kind: str, fact_id: str, offset: int, event_id: str = "") -> Record:
    type_, topic = PLACES[kind]
    return record(topic, offset, type_, (kind, fact_id), event_id=event_id)


BOUGHT = asked("purchase", "pur_1", 0, 1)


def standing(*records: Record) -> Books:
    """Books that balance: each record written by the service that says so, and seen by whoever handles it."""
    held = Books(list(records), aside={})
    for service in SERVICES:
        own = [record for record in records if books.header(record, "ce_source") == f"/huitou/{service}"]
        held.outboxes[service] = {books.event_id(record): True for record in own}
    for consumer, types in HANDLES.items():
        seen = [record for record in records if books.header(record, "ce_type").startswith(types)]
        held.inboxes[consumer] = {books.event_id(record) for record in seen}
    return held


def bought(order_id: str, amount_minor: int, buyer: str = BUYER) -> Asked:
    body = {
        "order_id": order_id, "purchased_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(), "currency": "CNY",
        "customer": {"external_id": "c"}, "lines": [{"quantity": 2, "amount_minor": amount_minor}],
    }  # fmt: skip
    answer = {"id": f"pur_{order_id}", "customer_id": buyer}
    return Asked("purchase", "", "", body, "", 0, 201, answer, 1)


def process(folder: Path, name: str, does: str) -> Server:
    return Server(name, [sys.executable, "-c", does], log=folder / f"{name}.log")


def waited(server: Server) -> None:
    with pytest.raises(PartMissing):
        server.wait_until(lambda: False, seconds_max=30)
