"""What judges holds, gifts, rewards, activities and budgets counts each as it should, and finds what is wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos import facts, oracle, quotas
from tests.chaos.books import Books
from tests.chaos.by_hand import BOUGHT, BUYER, bought, record
from tests.chaos.facts import REGISTERED
from tests.chaos.journal import Asked, Kind
from tests.chaos.oracle import Expected
from tests.chaos.promises import CHECK_IN, MUG, MUGS, ORDERS, SURVEY, VISITS, VISITS_CEILING

NOW = datetime.now(UTC)
LATER = (NOW + timedelta(hours=1)).isoformat()
FRIEND = "cus_b"


def told(
    kind: Kind, answer: Mapping[str, Any], body: Mapping[str, Any] | None = None, status: int = 201
) -> Asked:
    answered = {"id": "1", "customer_id": BUYER, **answer}
    return Asked(kind, "loyalty", "", dict(body or {}), "", 2, status, answered, 3)


def held(hold_id: str, points: int, **more: Any) -> Asked:
    return told("hold", {"id": hold_id, "points": points, "expires_at": LATER}, more)


def committed(hold_id: str, redeemed: int, order_id: str) -> Asked:
    answer = {"id": hold_id, "redeemed": redeemed, "redemption_id": f"red_{hold_id}"}
    return told("commit", answer, {"order": {"source": "chaos", "order_id": order_id}}, 200)


def acted(activity_id: str, kind: str, points: int = 0) -> Asked:
    return told("activity", {"id": activity_id, "points": points}, {"kind": kind})


def of(*requests: Asked) -> Expected:
    return oracle.expected(requests, NOW)[BUYER]


def test_a_hold_counts_until_it_ends_and_no_longer_than_its_time() -> None:
    open_ = of(held("h1", 40))
    ended = of(
        held("h1", 40),
        held("h2", 30, replaces="h1"),
        told("hold_cancellation", {"id": "h2"}, status=200),
    )

    assert (open_.held(NOW), open_.held(NOW + timedelta(hours=2))) == (40, 0)
    assert ended.held(NOW) == 0
    assert (open_.points, ended.points) == (0, 0)


def test_a_commit_spends_what_it_redeemed_and_units_that_go_back_bring_their_part_back() -> None:
    returned = told("return", {}, {"order_id": "1", "return_id": "r", "lines": [{"line": 1, "quantity": 1}]})
    spent = [held("h1", 101), committed("h1", 101, "1"), bought("1", 200_000)]

    assert of(*spent).points == 2_000 - 101
    assert of(*spent, returned).points == 1_000 - 101 + 51
    assert of(*spent).held(NOW) == 0


def test_what_another_member_paid_does_not_come_back() -> None:
    returned = told("return", {}, {"order_id": "1", "return_id": "r", "lines": [{"line": 1, "quantity": 2}]})
    paid = committed("h1", 100, "1")

    assert of(held("h1", 100), paid, bought("1", 200_000, FRIEND), returned).points == -100


def test_gifts_and_rewards_move_points_once() -> None:
    claims = [told("reward_claim", {"id": claim_id}, {"reward": MUG}) for claim_id in ("c1", "c2", "c3")]
    undone = [
        told("reward_cancellation", {"id": "c1"}, status=200),
        told("reward_fulfilment", {"id": "c2"}, status=200),
        told("reward_return", {"id": "c2"}, status=200),
    ]
    gift = told("transfer", {}, {"to": FRIEND, "points": 7})
    counted = oracle.expected([*claims, *undone, gift], NOW)

    assert counted[BUYER].points == -30 - 7
    assert counted[FRIEND].points == 7


def test_surveys_have_a_cap_and_a_goal_and_visits_what_their_budget_let_through() -> None:
    surveys = [acted(f"s{number}", SURVEY) for number in range(4)]
    visits = [acted("v1", CHECK_IN, 7), acted("v2", CHECK_IN, 4)]
    undone = [
        told("activity_reversal", {"id": activity_id}, status=200) for activity_id in ("s0", "s1", "v1")
    ]

    assert of(*surveys, *visits).points == 12 + 50 + 11
    assert of(*surveys, *visits, *undone).points == 10 + 4


def test_orders_ahead_have_a_bonus_and_every_second_one_completes_the_goal() -> None:
    orders = [bought(str(number), 0) for number in range(3)]
    for order in orders:
        order.body["purchased_at"] = LATER
    returned = told("return", {}, {"order_id": "0", "return_id": "r", "lines": [{"line": 1, "quantity": 2}]})

    assert of(*orders) == Expected(points=3 * 20 + 30)
    assert of(*orders, returned) == Expected(points=2 * 20 + 30)
    assert quotas.differences(orders, 0, {ORDERS: 60}) == []


@pytest.mark.parametrize(
    ("mugs", "visits", "count"),
    [(1, 11, 0), (2, 11, 1), (1, 4, 1)],
)
def test_pieces_and_points_that_are_counted_otherwise_are_found(mugs: int, visits: int, count: int) -> None:
    asked = [
        told("reward_claim", {"id": "c1"}, {"reward": MUG}), acted("v1", CHECK_IN, 7), acted("v2", CHECK_IN, 4)
    ]  # fmt: skip

    assert len(quotas.differences(asked, mugs, {VISITS: visits})) == count


def test_more_than_there_was_is_found() -> None:
    claims = [told("reward_claim", {"id": str(number)}, {"reward": MUG}) for number in range(MUGS + 1)]
    visits = [acted(str(number), CHECK_IN, 7) for number in range(VISITS_CEILING // 7 + 1)]

    assert len(quotas.differences([*claims, *visits], MUGS + 1, {})) == 2


def test_each_change_of_a_claim_and_each_commit_is_told_once() -> None:
    requests = [
        BOUGHT,
        told("reward_claim", {"id": "c1"}),
        told("reward_cancellation", {"id": "c1"}, status=200),
        committed("h1", 5, "1"),
        acted("a1", CHECK_IN),
    ]
    events = [
        record("huitou.customers", 0, REGISTERED, ("purchase", "pur_1")),
        record("huitou.purchases", 0, "profile.purchase_recorded.v1", ("purchase", "pur_1")),
        record("huitou.points", 0, "loyalty.reward_claimed.v1", ("reward_claim", "c1")),
        record("huitou.points", 1, "loyalty.reward_cancelled.v1", ("reward_claim", "c1")),
        record("huitou.points", 2, "loyalty.points_redeemed.v1", ("redemption", "red_h1")),
        record("huitou.points", 3, "loyalty.points_earned.v1", ("activity", "a1")),
    ]
    stranger = record("huitou.points", 4, "loyalty.points_reversed.v1", ("activity_reversal", "a1"))

    assert facts.wrong(Books(events), requests) == []
    for missing in events[2:5]:
        assert len(facts.wrong(Books([event for event in events if event is not missing]), requests)) == 1
    assert len(facts.wrong(Books([*events, stranger]), requests)) == 1
