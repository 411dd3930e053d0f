"""What judges a round finds what is wrong: each sort of loss, doubling, ghost and disorder, made here by hand."""

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest

from shared.bus import Record
from tests.chaos import books, facts, logged, oracle, report, rounds, test_chaos
from tests.chaos.books import Books
from tests.chaos.by_hand import BOUGHT, BUYER, asked, bought, effect, process, record, standing, waited
from tests.chaos.endings import Endings
from tests.chaos.facts import PAID, REGISTERED
from tests.chaos.journal import Asked, Journal, Kind
from tests.chaos.oracle import Expected
from tests.parts.embedded import EmbeddedStack


def found(more: Sequence[Asked], records: Sequence[Record]) -> list[str]:
    born = record("huitou.customers", 0, REGISTERED, ("purchase", "pur_1"))
    return facts.wrong(Books([born, effect("purchase", "pur_1", 0), *records]), [BOUGHT, *more])


def test_what_was_answered_and_is_there_once_is_right_also_when_it_was_sent_twice() -> None:
    twice = [effect("redemption", "red_1", 0), effect("redemption", "red_1", 1)]

    assert found([asked("redemption", "red_1", 2, 3)], twice) == []


def test_what_was_answered_and_is_in_no_topic_is_found() -> None:
    assert found([asked("adjustment", "adj_1", 2, 3)], []) == [
        "adjustment adj_1 was answered and is in no topic"
    ]


def test_one_fact_told_by_two_events_is_found() -> None:
    events = [effect("complaint", "cmp_1", 0, "one"), effect("complaint", "cmp_1", 1, "other")]

    (wrong,) = found([asked("complaint", "cmp_1", 2, 3)], events)

    assert wrong.startswith("complaint cmp_1 is in its topic 2 times")


def test_what_nobody_asked_for_is_found_and_so_is_what_was_made_of_it() -> None:
    derived = record("huitou.points", 1, "loyalty.points_earned.v1", ("purchase", "pur_9"))
    stranger = record("huitou.scores", 0, "scoring.score_updated.v1", ("model", "rfm:1"), buyer="cus_z")

    wrong = found([], [effect("redemption", "red_9", 0), derived, stranger])

    assert [difference.partition(" for ")[0] for difference in wrong] == ["nobody asked"] * 3


def test_a_remedy_that_is_paid_twice_or_never_settled_is_found() -> None:
    paid = [
        record("huitou.points", 0, PAID[0], ("remedy", "rem_1"), event_id=event_id) for event_id in ("a", "b")
    ]

    wrong = found([asked("remedy", "rem_1", 2, 3)], [effect("remedy", "rem_1", 0), *paid])

    assert wrong[0].startswith("made more than once of one cause")
    assert wrong[1:] == ["of rem_1 there is no feedback.remedy_settled.v1"]


def test_an_event_that_is_sent_again_as_something_else_is_found() -> None:
    again = [
        effect("return", "ret_1", 1),
        effect("purchase", "pur_1", 2, event_id="profile.purchase_returned.v1 ret_1"),
    ]

    (wrong,) = found([asked("return", "ret_1", 2, 3)], again)

    assert "was sent again as something else" in wrong


def test_order_is_judged_by_first_occurrence_in_every_topic() -> None:
    for kind in ("purchase", "return", "redemption", "adjustment", "complaint", "remedy"):
        first, second = asked(kind, "1", 0, 1), asked(kind, "2", 2, 3)
        overtaken = [effect(kind, "2", 0), effect(kind, "1", 1)]
        sent_again = [effect(kind, "1", 0), effect(kind, "2", 1), effect(kind, "1", 2)]

        assert len(facts.out_of_order(Books(overtaken), [first, second])) == 1
        assert facts.out_of_order(Books(sent_again), [first, second]) == []


def test_what_was_asked_at_the_same_time_or_waits_for_its_purchase_may_come_in_any_order() -> None:
    overtaken = Books([effect("return", "2", 0), effect("return", "1", 1)])

    assert facts.out_of_order(overtaken, [asked("return", "1", 0, 2), asked("return", "2", 1, 3)]) == []
    assert facts.out_of_order(overtaken, [asked("return", "1", 0, 1, 202), asked("return", "2", 2, 3)]) == []


PURCHASE = effect("purchase", "pur_1", 0, "evt_1")


def test_books_that_balance_show_no_difference_and_poison_is_nobodys() -> None:
    held = standing(PURCHASE)
    strange = effect("return", "ret_9", 1, "bad")
    held.records.append(replace(strange, headers=(*strange.headers[:2], ("ce_source", b"/elsewhere"))))
    held.aside["loyalty"] = [("discarded", "bad"), ("parked", None)]

    assert books.differences(held, {"bad"}) == []


def test_what_is_in_an_outbox_and_no_topic_or_the_other_way_round_is_found() -> None:
    lost, ghost = standing(PURCHASE), standing(PURCHASE)
    lost.outboxes["scoring"]["evt_2"] = True
    ghost.outboxes["profile"].clear()

    assert books.differences(lost, set()) == ["scoring wrote evt_2 and never published it"]
    assert books.differences(ghost, set()) == ["profile published evt_1 and never wrote it"]


def test_what_a_consumer_never_saw_or_nobody_sent_is_found() -> None:
    held = standing(PURCHASE)
    held.inboxes = {"loyalty": set(), "feedback": {"evt_1", "evt_9"}}

    assert books.differences(held, set()) == [
        "loyalty never saw evt_1", "feedback saw evt_9, which nobody sent"
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["dead", "queued", "discarded", "parked"])
def test_what_is_set_aside_for_good_or_is_one_of_ours_is_found(state: str) -> None:
    held = standing(PURCHASE)
    held.aside["feedback"] = [(state, "evt_1")]

    assert len(books.differences(held, set())) == 1


def told(kind: Kind, body: dict[str, Any], status: int = 201, **answer: str) -> Asked:
    return Asked(kind, "", "", body, "", 2, status, {"customer_id": BUYER, **answer}, 3)


def test_the_oracle_counts_each_kind_of_request_that_was_accepted_and_none_that_was_refused() -> None:
    back = {"order_id": "1", "return_id": "r", "lines": [{"line": 1, "quantity": 1}]}
    asked_ = [
        bought("1", 200_000), told("return", back), told("return", back),
        told("redemption", {"points": 100}), told("redemption", {"points": 1_000}, 409),
        told("adjustment", {"points": -7}), told("adjustment", {"points": 900}, 404),
        told("complaint", {"customer": {"id": BUYER}}, id="cmp_1"),
        told("remedy", {"points": 50}, complaint_id="cmp_1"),
    ]  # fmt: skip

    assert oracle.expected(asked_, datetime.now(UTC)) == {
        BUYER: Expected(points=1_000 - 100 - 7 + 50, spend_minor=100_000, purchases=1)
    }


DUE = {"points": 2_000, "held": 0, "spend_minor": 200_000, "code": "silver", "n": 1}


@pytest.mark.parametrize(
    "wrong", [{}, {"points": 1_999}, {"held": 1}, {"spend_minor": 0}, {"code": "gold"}, {"n": 2}]
)
async def test_a_customer_of_whom_the_product_says_something_else_is_found(wrong: dict[str, Any]) -> None:
    says = DUE | wrong
    member = {
        "points": {"active": says["points"], "held": says["held"]}, "tier": {"spend_minor": says["spend_minor"], "code": says["code"]}
    }  # fmt: skip

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=member if "members" in request.url.path else {"n": says["n"]})

    stack, due = EmbeddedStack(), oracle.expected([bought("1", 200_000)], datetime.now(UTC))[BUYER]
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        difference = await rounds.compare(client, stack, BUYER, due, deadline=0)
    stack.close()

    assert bool(difference) is bool(wrong)


def test_one_customer_who_became_two_is_found() -> None:
    orders = [bought("1", 100, "cus_a"), bought("2", 100, "cus_b")]

    assert rounds.split(Journal(orders)) == ["c is two customers: cus_b and cus_a"]


def test_a_kind_of_request_that_was_never_accepted_is_found() -> None:
    kinds: tuple[Kind, ...] = get_args(Kind)
    journal = Journal([asked(kind, "1", 0, 1, 409 if kind == "remedy" else 201) for kind in kinds])

    assert journal.floor() == ["no remedy was accepted"]
    journal.asked.append(asked("remedy", "2", 2, 3))
    assert journal.floor() == []


def line(**entry: object) -> tuple[str, str]:
    return "loyalty-serve.log", json.dumps({"level": "error", **entry})


def test_an_error_of_our_own_loggers_is_found_and_a_library_s_only_told() -> None:
    said = [
        line(
            source="shared.http.edge", event="a request met a bug", exception="KeyError", where=["a.py:1 f"]
        ),
        line(
            source="shared.http.edge", event="a request met a bug", exception="KeyError", where=["a.py:1 f"]
        ),
        line(
            source="asyncio",
            event="Task exception was never retrieved",
            where=["aiokafka/client.py:482 send"],
        ),
        line(source="shared.outbox.relay", event="the outbox waits until it can be sent", level="warning"),
        ("loyalty-serve.log", "no JSON"),
    ]

    found = logged.errors(said)

    assert [error.is_ours for error in found] == [True, True, False]
    assert logged.judged(found) == [
        "logged 2 times: loyalty-serve.log: a request met a bug: KeyError at a.py:1 f"
    ]


WAITS = "import signal; signal.pause()"


def test_who_was_struck_has_not_ended_by_itself(tmp_path: Path) -> None:
    servers = {name: process(tmp_path, name, WAITS) for name in ("killed", "stopped", "lives")}
    endings = Endings(servers)
    for server in servers.values():
        server.start()

    endings.end("killed", signal.SIGKILL)
    endings.end("stopped", signal.SIGTERM)

    assert endings.take() == []
    endings.end("lives", signal.SIGKILL)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_who_ended_by_itself_is_found_once_also_when_a_strike_or_a_start_comes_after_it(
    tmp_path: Path, code: int
) -> None:
    servers = {
        name: process(tmp_path, name, f"raise SystemExit({code})") for name in ("struck", "started", "left")
    }
    endings = Endings(servers)
    for server in servers.values():
        server.start()
        waited(server)

    endings.end("struck", signal.SIGKILL)
    endings.starting("started")
    servers["started"].start()
    waited(servers["started"])

    one, other, third, again = sorted(endings.take())
    assert (one, other) == (f"left ended by itself with {code}", f"started ended by itself with {code}")
    assert (third, again) == (f"started ended by itself with {code}", f"struck ended by itself with {code}")
    assert endings.take() == []


def test_a_strike_that_does_not_explain_how_it_ended_is_found(tmp_path: Path) -> None:
    fails = "import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); print(flush=True); signal.pause()"
    server = process(tmp_path, "relay", fails)
    server.start()
    server.wait_until(lambda: bool(server.log.read_bytes()), seconds_max=30)
    endings = Endings({"relay": server})

    endings.end("relay", signal.SIGTERM)

    assert endings.take() == ["relay ended after SIGTERM with 3"]


def test_seeds_are_one_many_or_a_range() -> None:
    assert test_chaos.seeds("7") == [7]
    assert test_chaos.seeds("1 2,3 5..7") == [1, 2, 3, 5, 6, 7]
    assert test_chaos.seeds("") == [test_chaos.ANY]


def test_the_tables_add_up_what_rounds_showed() -> None:
    one = dict.fromkeys(report.SUMMED, 2) | {
        "stack": "distributed", "seed": 3, "minutes": 2.0, "customers": 9, "discarded": 1, "settled_seconds": 4.2,
        "faults": {"broker killed": 2}, "recoveries": {"broker killed": [1.0, 3.0]}, "takeovers": {},
    }  # fmt: skip

    lines = list(report.tables([one, one | {"seed": 4}]))

    assert "| broker killed | 4 | 2.0 s, 3.0 s |" in lines
    assert any("2 rounds, 4 faults, 4 requests" in line for line in lines)
