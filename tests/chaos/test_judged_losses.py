"""What judges a loss finds what is wrong with it: what was not named, what was taken too much, what was accepted meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos import books, facts, judged_losses, rounds
from tests.chaos.books import Books
from tests.chaos.by_hand import BOUGHT, asked, bought, effect, process, record, standing, waited
from tests.chaos.endings import Endings
from tests.chaos.facts import PAID, REGISTERED
from tests.chaos.gate import Gate
from tests.chaos.journal import Asked, Journal, Loss

SAVED, LOST, BACK = 10.0, 20.0, 30.0
OLD = asked("purchase", "pur_1", 8, 9, service="profile")
NEW = asked("purchase", "pur_2", 11, 12, service="profile")


def after_a_loss(*more: Asked, named: dict[str, int] | None = None) -> tuple[Books, Journal]:
    """A purchase before the backup, and one after it that profile has lost; both are in the topic."""
    held = standing(effect("purchase", "pur_1", 0), effect("purchase", "pur_2", 1))
    del held.outboxes["profile"]["profile.purchase_recorded.v1 pur_2"]
    loss = Loss("profile", LOST, SAVED, 0, BACK, {"huitou.purchases/0": 2} if named is None else named)
    return held, Journal([OLD, NEW, *more], losses=[loss])


def test_what_a_service_has_lost_and_named_is_what_came_after_the_backup() -> None:
    held, journal = after_a_loss()

    lost = judged_losses.lost(held, journal)

    assert judged_losses.wrong(held, journal) == []
    assert lost == {"profile.purchase_recorded.v1 pur_2"}
    assert books.differences(held, set(), lost) == []
    assert [request.answer["id"] for request in journal.asked if journal.is_lost(request)] == ["pur_2"]


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({}, "published profile.purchase_recorded.v1 pur_2 and never wrote it"),
        ({"huitou.purchases/0": 1}, "and does not name it"),
        (
            {"huitou.purchases/0": 2, "huitou.purchases/1": 2},
            "names huitou.purchases/1, of which it has lost",
        ),
    ],
)
def test_what_is_lost_and_not_named_and_what_is_named_and_not_lost_is_found(
    named: dict[str, int], says: str
) -> None:
    held, journal = after_a_loss(named=named)

    wrong = judged_losses.wrong(held, journal)
    wrong += books.differences(held, set(), judged_losses.lost(held, journal))

    assert any(says in difference for difference in wrong), wrong


def test_what_was_lost_though_the_backup_had_it_or_is_still_there_though_it_had_not_is_found() -> None:
    held, journal = after_a_loss()
    journal.asked[1].answered_at = 9.5
    assert judged_losses.wrong(held, journal) == ["purchase pur_2 was lost, and not with the database"]
    journal.asked[1].answered_at = 12

    held.outboxes["profile"]["profile.purchase_recorded.v1 pur_2"] = True
    assert "purchase pur_2 came after the backup, and is still there" in judged_losses.wrong(held, journal)


@pytest.mark.parametrize(
    ("answered_at", "service", "found_"), [(25, "profile", 1), (31, "profile", 0), (25, "loyalty", 0)]
)
def test_what_a_service_accepts_while_it_has_lost_what_it_needs_is_found(
    answered_at: float, service: str, found_: int
) -> None:
    held, journal = after_a_loss(asked("return", "ret_1", 24, answered_at, service=service))

    wrong = judged_losses.wrong(held, journal)

    assert len([difference for difference in wrong if "had lost what it needs" in difference]) == found_


def test_the_oracle_counts_what_others_have_learned_and_not_what_loyalty_alone_knew() -> None:
    _, journal = after_a_loss(asked("redemption", "red_1", 11, 12, service="loyalty"))
    journal.losses.append(replace(journal.losses[0], service="loyalty"))

    assert [request.answer["id"] for request in journal.counted] == ["pur_1", "pur_2"]


def test_what_a_service_made_again_of_its_causes_counts_once_and_a_remedy_that_it_forgot_is_not_settled() -> (
    None
):
    again = [
        record("huitou.points", at, PAID[0], ("remedy", "rem_1"), event_id=event_id)
        for at, event_id in enumerate("ab")
    ]
    born = record("huitou.customers", 0, REGISTERED, ("purchase", "pur_1"))
    all_ = Books([born, effect("purchase", "pur_1", 0), effect("remedy", "rem_1", 0, "granted"), *again])
    requests = [BOUGHT, asked("remedy", "rem_1", 2, 3)]

    assert facts.wrong(all_, requests, {"a", "granted"}) == []
    assert len(facts.wrong(all_, requests, {"granted"})) == 1
    assert len(facts.wrong(all_, requests, {"a"})) == 1


def test_a_customer_who_was_lost_may_come_again_as_another_one() -> None:
    first, again = bought("1", 100, "cus_a"), bought("2", 100, "cus_b")
    first.service = again.service = "profile"
    first.answered_at, again.answered_at = 12, 40
    loss = Loss("profile", LOST, SAVED, 0, BACK)

    assert rounds.split(Journal([first, again], losses=[loss])) == []
    first.answered_at = 9
    assert rounds.split(Journal([first, again], losses=[loss])) == ["c is two customers: cus_b and cus_a"]


async def test_a_closed_gate_waits_for_what_is_under_way_and_lets_nothing_begin() -> None:
    gate, done = Gate(), list[str]()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def work(name: str) -> None:
        async with gate.working():
            began.set()
            await may_end.wait()
            done.append(name)

    async def close() -> None:
        async with gate.closed():
            done.append("closed")
            later = asyncio.create_task(work("later"))
            await asyncio.sleep(0)
            done.append("open")
        await later

    first = asyncio.create_task(work("first"))
    await began.wait()
    closing = asyncio.create_task(close())
    await asyncio.sleep(0)
    assert done == []
    may_end.set()
    await asyncio.gather(first, closing)

    assert done == ["first", "closed", "open", "later"]


def test_who_must_not_start_and_ends_with_the_right_code_is_no_finding(tmp_path: Path) -> None:
    servers = {
        name: process(tmp_path, name, f"raise SystemExit({code})")
        for name, code in (("right", 8), ("wrong", 1))
    }
    endings = Endings(servers)
    for server in servers.values():
        server.start()
        waited(server)

    assert endings.refuses("right", 8)
    assert endings.refuses("wrong", 8)
    assert endings.take() == ["wrong ended by itself with 1"]
