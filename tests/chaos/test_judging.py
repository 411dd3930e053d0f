"""What judges a round finds what is wrong: each sort of loss, doubling, ghost and disorder, made here by hand."""

import json
from collections.abc import Sequence

from shared.bus import Record
from tests.chaos import facts, report, test_chaos
from tests.chaos.books import Books
from tests.chaos.facts import PAID, REGISTERED
from tests.chaos.journal import Asked, Kind

BUYER = "cus_a"
PLACES = {
    "purchase": ("profile.purchase_recorded.v1", "huitou.purchases"),
    "return": ("profile.purchase_returned.v1", "huitou.purchases"),
    "redemption": ("loyalty.points_redeemed.v1", "huitou.points"),
    "adjustment": ("loyalty.points_reversed.v1", "huitou.points"),
    "complaint": ("feedback.complaint_opened.v1", "huitou.feedback"),
    "remedy": ("feedback.remedy_granted.v1", "huitou.feedback"),
}


def asked(kind: Kind, fact_id: str, sent_at: float, answered_at: float, status: int = 201) -> Asked:
    answer = {"id": fact_id, "customer_id": BUYER}
    return Asked(kind, "", "", {}, "", sent_at, status, answer, answered_at)


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

    assert [each.partition(" for ")[0] for each in wrong] == ["nobody asked"] * 3


def test_a_remedy_that_is_paid_twice_or_never_settled_is_found() -> None:
    paid = [record("huitou.points", 0, PAID[0], ("remedy", "rem_1"), event_id=each) for each in ("a", "b")]

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
