"""GET /v1/customers/{id}/scores."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.scoring.models.domain.kinds import BgNbd, bg_nbd
from tests.parts import databases
from tests.scoring import running
from tests.scoring.running import NOW, Scoring, at, bought, customer, erased, moved, registered, returned


async def scores(scoring: Scoring, customer_id: str, **query: str) -> dict[str, object]:
    async with scoring.operator("viewer") as client:
        answer = await client.get(f"/v1/customers/{customer_id}/scores", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


async def test_the_scores_of_a_customer_with_the_shipped_models(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(100), 5000), bought(who, at(30), 2500), bought(who, at(30), 500))
    body = await scores(scoring, who)
    prior = {"version": 0, "until": None, "look_ahead": False}
    assert body["customer_id"] == who
    assert (body["n"], body["as_of"], body["reason"]) == (3, "2026-08-01T12:00:00Z", None)
    assert body["rfm"] == {
        "recency_days": 30, "frequency": 3, "monetary_minor": 8000, "currency": "CNY", "other_currencies": [],
        "r": 5, "f": 3, "m": None, "segment": "potential_loyal", "model": prior, "confidence": "low",
    }  # fmt: skip
    repeat = bg_nbd.Repeat(x=1, t_x=10.0, T=100 / 7)
    assert body["bg_nbd"] == {
        "p_alive": pytest.approx(bg_nbd.p_alive(bg_nbd.SHIPPED, repeat)),
        "expected_purchases_90d": pytest.approx(bg_nbd.expected_purchases(bg_nbd.SHIPPED, repeat, 90 / 7)),
        "x": 1, "t_x_weeks": 10.0, "T_weeks": pytest.approx(100 / 7), "note": None, "model": prior,
        "confidence": "low",
    }  # fmt: skip
    assert body["gamma_gamma"] == {
        "expected_spend_minor": None, "currency": "CNY", "reason": "no_fit_for_currency", "note": None,
        "model": None,
    }  # fmt: skip


async def test_a_customer_who_bought_once_is_alive_by_definition_and_told_so(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(700)))
    answer = (await scores(scoring, who))["bg_nbd"]
    assert isinstance(answer, dict)
    assert (answer["p_alive"], answer["note"]) == (1.0, "no_repeat_yet")


async def test_as_of_a_day_means_its_end_and_returns_count_from_their_own_day(scoring: Scoring) -> None:
    who = customer()
    event = bought(who, datetime(1997, 9, 30, 23, 59, 59, tzinfo=UTC), 900, units=2)
    await scoring.deliver(bought(who, datetime(1997, 3, 1, tzinfo=UTC)), event)
    await scoring.deliver(returned(event, datetime(1997, 10, 5, tzinfo=UTC), 900, unit_to=2))
    assert (await scores(scoring, who, as_of="1997-09-29"))["n"] == 1
    then = await scores(scoring, who, as_of="1997-09-30")
    assert (then["n"], then["as_of"]) == (2, "1997-09-30")
    assert (await scores(scoring, who, as_of="1997-10-05"))["n"] == 1
    assert (await scores(scoring, who))["n"] == 1


async def test_as_of_an_instant_is_cut_exactly(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, datetime(2026, 7, 1, 10, tzinfo=UTC)))
    assert (await scores(scoring, who, as_of="2026-07-01T09:59:59Z"))["n"] == 0
    body = await scores(scoring, who, as_of="2026-07-01T18:00:00+08:00")
    assert (body["n"], body["as_of"]) == (1, "2026-07-01T10:00:00Z")


async def test_before_the_first_purchase_there_is_nothing_to_score(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(3)))
    body = await scores(scoring, who, as_of="2020-01-01")
    assert [body[name] for name in ("n", "reason", "rfm", "bg_nbd", "gamma_gamma")] == [
        0,
        "no_purchases",
        None,
        None,
        None,
    ]


async def test_a_purchase_ahead_of_the_clock_counts_from_its_instant_on_and_moves_no_time(
    scoring: Scoring,
) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(9)), bought(who, NOW + timedelta(minutes=4)))
    body = await scores(scoring, who)
    assert (body["n"], body["as_of"]) == (1, "2026-08-01T12:00:00Z")
    scoring.clock.advance(timedelta(minutes=4))
    body = await scores(scoring, who)
    assert (body["n"], body["as_of"]) == (2, "2026-08-01T12:04:00Z")


async def test_a_merged_id_leads_to_the_customer_who_owns_it_now(scoring: Scoring) -> None:
    survivor, loser = customer(), customer()
    await scoring.deliver(bought(survivor, at(9)), bought(loser, at(8)), moved(loser, survivor, loser, 1))
    body = await scores(scoring, loser)
    assert (body["customer_id"], body["n"]) == (survivor, 2)


async def test_other_currencies_are_listed_and_never_converted(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(
        bought(who, at(9), 700), bought(who, at(8), 900), bought(who, at(7), 50, currency="USD")
    )
    answer = (await scores(scoring, who))["rfm"]
    assert isinstance(answer, dict)
    assert (answer["monetary_minor"], answer["currency"], answer["frequency"]) == (1600, "CNY", 3)
    assert answer["other_currencies"] == [{"currency": "USD", "days": 1, "net_minor": 50}]


async def test_an_unknown_and_an_erased_customer_get_the_same_answer(scoring: Scoring) -> None:
    gone, never = customer(), customer()
    await scoring.deliver(bought(gone, at(9)), erased(gone))
    async with scoring.operator() as client:
        answers = [(await client.get(f"/v1/customers/{who}/scores")) for who in (gone, never, "nobody")]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (404, "customer_not_found")
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("as_of=2026-07-01T10:00:00", "naive_time"),
        ("as_of=2026-13-01", "date_invalid"),
        ("as_of=yesterday", "instant_invalid"),
        ("as_of=0001-01-01", "as_of_out_of_range"),
        ("as_off=2026-01-01", "unknown_parameter"),
    ],
)
async def test_a_wrong_as_of_is_refused_with_its_reason(tmp_path: Path, query: str, code: str) -> None:
    async with running.open_scoring("sqlite", tmp_path) as scoring, scoring.operator() as client:
        answer = await client.get(f"/v1/customers/{customer()}/scores?{query}")
    assert answer.status_code == 422
    assert code in {error["code"] for error in answer.json()["errors"]}, answer.text


async def test_a_customer_may_not_see_scores(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(registered(who))
    async with scoring.customer(who) as client:
        answer = await client.get(f"/v1/customers/{who}/scores")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_days_are_counted_in_the_shops_zone(kind: databases.Kind, tmp_path: Path) -> None:
    async with running.open_scoring(kind, tmp_path, zone="Asia/Shanghai") as scoring:
        who = customer()
        await scoring.deliver(bought(who, datetime(2026, 7, 1, 16, 30, tzinfo=UTC)))
        assert (await scores(scoring, who, as_of="2026-07-01"))["n"] == 0
        body = await scores(scoring, who, as_of="2026-07-02")
        answer = body["rfm"]
        assert isinstance(answer, dict)
        assert (body["n"], answer["recency_days"]) == (1, 0)


async def test_another_zone_is_refused_with_a_sentence(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(3)))
    elsewhere = scoring.again(zone="Asia/Shanghai")
    async with elsewhere.operator() as client:
        answer = await client.get(f"/v1/customers/{who}/scores")
    assert (answer.status_code, answer.json()["code"]) == (503, "zone_changed")
    assert "HUITOU_ZONE=UTC" in answer.json()["detail"]


def test_the_shipped_prior_is_a_model_like_any_other() -> None:
    assert BgNbd.model_validate(bg_nbd.SHIPPED.model_dump()) == bg_nbd.SHIPPED
