"""What the migration leaves behind beyond the declared tables."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from services.feedback.complaints.domain.machine import Action
from services.feedback.complaints.storage.tables import complaint, transition
from services.feedback.customers import storage
from services.feedback.orders.queries.orders import find_order
from services.feedback.orders.storage.tables import order_fact
from services.feedback.sla.domain.policy import Attributes, Metric
from services.feedback.sla.storage import rules
from services.feedback.sla.storage.tables import calendar, sla_event, sla_policy
from shared.db.migrations import Migrations
from tests.feedback.running import NOW, Feedback, customer
from tests.parts import databases, services


async def test_one_calendar_and_one_promise_are_there_from_the_start(feedback: Feedback) -> None:
    assert (await feedback.count(calendar), await feedback.count(sla_policy)) == (1, 1)
    async with feedback.database.read() as read:
        goals = (await rules.load(read)).goals(Attributes("web", "normal"), NOW)
    assert list(goals) == [Metric.FIRST_RESPONSE]
    assert (goals[Metric.FIRST_RESPONSE].promise.seconds, goals[Metric.FIRST_RESPONSE].calendar.id) == (
        86_400,
        "24x7",
    )


@pytest.mark.parametrize(
    "statement",
    [
        delete(transition),
        update(transition).values(action="start"),
        update(sla_event).values(reason="x"),
        update(complaint).values(contact_at=NOW.replace(year=2020)),
        delete(complaint),
        update(complaint).values(status="closed"),
    ],
)
async def test_the_database_itself_keeps_what_was_written(feedback: Feedback, statement: object) -> None:
    complaint_id = await feedback.open(contact_at=NOW.replace(day=8))
    await feedback.act(complaint_id, Action.START)
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
            await storage.add(tx, [storage.BroughtRecord(acmes, "partner:acme")])
        assert [await seen("1", "shop"), await seen("2", "shop")] == [True, False]
        assert [await seen("1", "partner:acme"), await seen("2", "partner:acme")] == [False, True]
        with pytest.raises(DBAPIError):
            async with database.begin() as tx:
                await tx.execute(delete(order_fact))
