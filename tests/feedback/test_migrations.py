"""What the migration leaves behind beyond the declared tables."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from services.feedback.complaints.domain.complaint import NOTHING_DUE, OrderReference
from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.storage.tables import (
    ComplaintRecord,
    FollowUpRecord,
    complaint,
    follow_up,
    message,
    transition,
)
from services.feedback.orders.queries.orders import find_order
from services.feedback.orders.storage.tables import order_fact
from services.feedback.remedies.storage.tables import remedy
from services.feedback.sla.domain.policy import Attributes, Metric
from services.feedback.sla.storage import rules
from services.feedback.sla.storage.tables import calendar, sla_clock, sla_event, sla_policy
from shared.db import columns_of
from shared.db.migrations import Migrations
from shared.identity.brought import note_issuers
from shared.vault import Vault, subject_key
from tests.feedback.running import NOW, Feedback, customer
from tests.parts import databases, services


async def test_one_calendar_and_one_policy_are_there_from_the_start(feedback: Feedback) -> None:
    assert (await feedback.count(calendar), await feedback.count(sla_policy)) == (1, 1)
    async with feedback.database.read() as read:
        goals = (await rules.load(read)).goals(Attributes("web", "normal"), NOW)
    assert set(goals) == {Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE}
    assert {(goal.promise.seconds, goal.calendar.id) for goal in goals.values()} == {(86_400, "24x7")}


@pytest.mark.parametrize(
    "statement",
    [
        delete(transition),
        update(sla_policy).values(position=5),
        delete(sla_policy),
        update(transition).values(action="start"),
        update(sla_event).values(reason="x"),
        update(complaint).values(contact_at=NOW.replace(year=2020)),
        delete(complaint),
        update(complaint).values(status="closed"),
    ],
)
async def test_the_database_itself_keeps_what_was_written(feedback: Feedback, statement: object) -> None:
    complaint_id = await feedback.open(contact_at=NOW.replace(day=8))
    await feedback.act(complaint_id, ComplaintAction.START)
    with pytest.raises(DBAPIError):
        async with feedback.database.begin() as tx:
            await tx.execute(statement)  # type: ignore[arg-type]


@pytest.mark.both_databases
async def test_orders_of_the_first_revision_are_of_the_issuer_of_their_identity(
    kind: databases.Kind, tmp_path: Path
) -> None:
    """Their issuer was never told. It is known as soon as the registration of the identity is told again."""
    described = services.service_with("feedback", tmp_path)
    shops, acmes = customer(), customer()
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            for who, order_id in ((shops, "1"), (acmes, "2")):
                await tx.execute(
                    text(
                        "INSERT INTO identity (identity_id, owner_id, ownership_version) VALUES (:who, :who, 0)"
                    ),
                    {"who": who},
                )
                old = sa.table(
                    "order_fact",
                    *(
                        sa.column(column.name, column.type)
                        for column in order_fact.columns
                        if column.name != "issuer"
                    ),
                )
                await tx.execute(
                    sa.insert(old).values(
                        purchase_id=f"pur_{order_id}", source="web", order_id=order_id, identity_id=who,
                        occurred_at=NOW, currency="CNY", amount_minor=5, lines=(),
                    )
                )  # fmt: skip

        await Migrations(described.migrations, described.metadata).upgrade(database)

        async def seen(order_id: str, issuer: str) -> bool:
            async with database.read() as read:
                found = await find_order(
                    read, "web", order_id, issuer=issuer, customer_id="", only_issuer=True
                )
            return found is not None

        assert [await seen("1", "shop"), await seen("2", "shop")] == [True, True]
        async with database.begin() as tx:
            await note_issuers(tx, [(acmes, "partner:acme")])
        assert [await seen("1", "shop"), await seen("2", "shop")] == [True, False]
        assert [await seen("1", "partner:acme"), await seen("2", "partner:acme")] == [False, True]
        with pytest.raises(DBAPIError):
            async with database.begin() as tx:
                await tx.execute(delete(order_fact))


@pytest.mark.both_databases
async def test_a_shop_of_the_first_revision_promises_every_answer_from_now_on_and_keeps_its_remedies(
    kind: databases.Kind, tmp_path: Path
) -> None:
    described = services.service_with("feedback", tmp_path)
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            await tx.execute(sa.insert(_as_first(complaint)).values(**COMPLAINT))
            for number, retry_of in enumerate((None, "rem_0", "rem_0")):
                await tx.execute(
                    sa.insert(_as_first(remedy)).values(**REMEDY, id=f"rem_{number}", retry_of=retry_of)
                )

        await databases.upgrade(database, described, VAULT)

        async with database.read() as read:
            versions = await read.all(
                sa.select(sla_policy.c.version, sla_policy.c.apply_to_open).order_by(sla_policy.c.version)
            )
            retries = await read.all(sa.select(remedy.c.id, remedy.c.retry_of).order_by(remedy.c.id))
            goals = (await rules.load(read)).goals(Attributes("web", "normal"), datetime.now(UTC))
            times = await read.all(sa.select(complaint.c.due_at, complaint.c.updated_at))
        assert [tuple(version) for version in versions] == [(1, False), (2, True)]
        assert set(goals) == {Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE}
        assert [tuple(row) for row in times] == [(NOTHING_DUE, NOW)]
        assert [tuple(retry) for retry in retries] == [("rem_0", None), ("rem_1", "rem_0"), ("rem_2", None)]


@pytest.mark.both_databases
async def test_what_people_wrote_before_is_sealed_and_operators_become_pseudonyms(
    kind: databases.Kind, tmp_path: Path
) -> None:
    described = services.service_with("feedback", tmp_path)
    keys, rows = VAULT.mint(["cus_1"])
    named, wiped = {"order_source": "web", "order_id": "A-1"}, {"id": "cmp_2", "identity_id": "cus_2"}
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            await tx.insert_records(subject_key, rows)
            first = _as_first(complaint, *named)
            await tx.execute(sa.insert(first).values(**COMPLAINT, **named, owner="ana"))
            await tx.execute(
                sa.insert(first).values(**COMPLAINT | wiped | named | {"number": "C-2"}, owner=None)
            )
            for number, author in enumerate(("ana", "cus_1")):
                await tx.execute(sa.insert(message).values(**MESSAGE, id=f"msg_{number}", author=author))
            for number, (actor, by) in enumerate(
                (("agent", "ana"), ("customer", "acme"), ("system", "merge"))
            ):
                await tx.execute(
                    sa.insert(transition).values(**MOVED, id=f"tra_{number}", actor_kind=actor, actor=by)
                )
            for complaint_id in ("cmp_1", "cmp_2"):
                attempt = ATTEMPT | {"id": f"fol_{complaint_id}", "complaint_id": complaint_id}
                await tx.execute(sa.insert(_as_first(follow_up, "method")).values(**attempt))

        await databases.upgrade(database, described, VAULT)

        async with database.read() as read:
            before, erased = await read.read_records(
                ComplaintRecord, sa.select(*columns_of(complaint, ComplaintRecord)).order_by(complaint.c.id)
            )
            asked, unknown = await read.read_records(
                FollowUpRecord, sa.select(*columns_of(follow_up, FollowUpRecord)).order_by(follow_up.c.id)
            )
            authors = await read.all(sa.select(message.c.author).order_by(message.c.id))
            actors = await read.all(sa.select(transition.c.actor).order_by(transition.c.id))
        ana = VAULT.conceal("ana")
        assert (before.owner, before.opened_by_id, asked.by) == (ana, ana, ana)
        assert [row.author for row in authors] == [ana, "cus_1"]
        assert [row.actor for row in actors] == [ana, "acme", "merge"]
        assert before.order_sealed is not None
        order = OrderReference.of(keys.open("cus_1", "complaint.order/cmp_1", before.order_sealed))
        assert order == OrderReference("web", "A-1")
        assert asked.method_sealed is not None
        assert keys.open("cus_1", "follow_up.method/fol_cmp_1", asked.method_sealed) == "phone"
        assert (erased.order_sealed, unknown.method_sealed) == (None, None)
        with pytest.raises(DBAPIError):
            async with database.begin() as tx:
                await tx.execute(delete(follow_up))


@pytest.mark.both_databases
async def test_a_complaint_of_before_is_due_with_its_earliest_promise_and_was_updated_by_its_last_message(
    kind: databases.Kind, tmp_path: Path
) -> None:
    described = services.service_with("feedback", tmp_path)
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            await tx.execute(sa.insert(_as_first(complaint)).values(**COMPLAINT))
            said = MESSAGE | {"booked_at": NOW.replace(hour=14), "author": "cus_1"}
            await tx.execute(sa.insert(message).values(**said, id="msg_1"))
            for number, (hour, fulfilled_at) in enumerate(((13, NOW), (15, None), (16, None)), 1):
                clock = CLOCK | {"ordinal": number, "due_at": NOW.replace(hour=hour)}
                await tx.execute(sa.insert(sla_clock).values(**clock, fulfilled_at=fulfilled_at))

        await databases.upgrade(database, described, VAULT)

        async with database.read() as read:
            times = await read.all(sa.select(complaint.c.due_at, complaint.c.updated_at))
        assert [tuple(row) for row in times] == [(NOW.replace(hour=15), NOW.replace(hour=14))]


def _as_first(table: sa.Table[Any], *dropped: str) -> sa.TableClause:
    """Return a table with the columns that the first revision had; `dropped` are those that are there no more."""
    kept = [sa.column(column.name, column.type) for column in table.columns if column.name not in NEW]
    gone: list[sa.ColumnClause[str]] = [sa.column(name) for name in dropped]
    return sa.table(table.name, *kept, *gone)


VAULT = Vault("feedback", {1: b"1" * 32}, b"r" * 32)
NEW = {"rules_applied", "order_sealed", "method_sealed", "due_at", "updated_at"}
MESSAGE = {
    "complaint_id": "cmp_1", "cycle": 1, "kind": "note", "channel": "web", "visible": False, "occurred_at": NOW,
    "booked_at": NOW, "body_sealed": b"x", "delivery": "sent",
}  # fmt: skip
MOVED = {
    "complaint_id": "cmp_1", "cycle": 1, "action": "start", "from_status": "received", "to_status": "in_progress",
    "occurred_at": NOW, "booked_at": NOW, "backdated": False,
}  # fmt: skip
ATTEMPT = {
    "cycle": 1, "attempt": 1, "method": "phone", "result": "unreached", "by": "ana", "done_at": NOW,
}  # fmt: skip


COMPLAINT = {
    "id": "cmp_1", "number": "C-260310-1", "identity_id": "cus_1", "customer_id": "cus_1", "channel": "web",
    "opened_by": "agent", "opened_by_id": "ana", "contact_at": NOW, "received_at": NOW, "title_sealed": b"x",
    "body_sealed": b"x", "status": "received", "priority": "normal", "cycle": 1, "review_level": 0,
    "escalation_level": 0, "version": 1,
}  # fmt: skip
CLOCK = {
    "complaint_id": "cmp_1", "metric": "next_response", "cycle": 1, "policy_id": "default", "policy_version": 1,
    "calendar_id": "24x7", "calendar_version": 1, "target_seconds": 60, "started_at": NOW, "pauses": (),
    "verdict": "running", "estimated": False,
}  # fmt: skip
REMEDY = {
    "complaint_id": "cmp_1", "cycle": 1, "kind": "points", "points": 5, "status": "granted", "requested_by": "ana",
    "reason_sealed": b"x", "granted_at": NOW, "deadline_at": NOW,
}  # fmt: skip
