"""Fits: asked for over HTTP, run in a worker process, published as versions that answer."""

import asyncio
import json
import os
import random
import sys
from datetime import date
from pathlib import Path

import pytest

from services.scoring.labels import jobs
from services.scoring.labels.storage import statements
from services.scoring.main import EMBEDDED_BATCH_MAX
from services.scoring.models.queries import models
from shared.events.base import Event
from shared.jobs import limits
from shared.jobs.working import do_chunk, take
from tests.scoring import cdnow, running
from tests.scoring.running import Scoring, at, bought, customer, run_fits

pytestmark = pytest.mark.slow

SAMPLE = {"r": 0.24259, "alpha": 4.41360, "a": 0.79292, "b": 2.42591}


async def load_sample(scoring: Scoring) -> dict[str, str]:
    """The CDNOW 1/10 sample through the real handlers; returns the identity of each customer."""
    identities = {purchase.identity_id: "" for purchase in cdnow.purchases(sample=True)}
    identities = {name: running.customer() for name in identities}
    events = [
        bought(
            identities[purchase.identity_id],
            purchase.occurred_at,
            purchase.amount_minor,
            units=purchase.units,
            currency="USD",
        )
        for purchase in cdnow.purchases(sample=True)
    ]
    for start in range(0, len(events), EMBEDDED_BATCH_MAX):
        await scoring.deliver(*events[start : start + EMBEDDED_BATCH_MAX])
    return identities


async def fitted(scoring: Scoring, kind: str, **body: object) -> dict[str, object]:
    """Ask for a fit, run the job, and read the answer at its location."""
    async with scoring.operator() as client:
        asked = await client.post(f"/v1/models/{kind}/fits", json=body)
        assert asked.status_code == 202, asked.text
        assert asked.json()["status"] == "queued"
        assert await run_fits(scoring) == 1
        answer = await client.get(asked.headers["Location"])
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def worker_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the worker processes be a program that reads a pipe until it is killed, and return the pipe."""
    pipe, interpreter = tmp_path / "pipe", tmp_path / "python"
    os.mkfifo(pipe)
    interpreter.write_text(f"#!/bin/sh\nexec cat <'{pipe}'\n")
    interpreter.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    return pipe


async def test_the_sample_fits_to_the_published_numbers_and_answers_with_them(scoring: Scoring) -> None:
    identities = await load_sample(scoring)
    fit = await fitted(scoring, "bg_nbd", until="1997-09-30")
    result = fit["result"]
    assert isinstance(result, dict)
    assert (fit["status"], result["status"], result["version"], result["customers"]) == (
        "done",
        "published",
        1,
        2357,
    )
    assert {name: result["parameters"][name] for name in SAMPLE} == pytest.approx(SAMPLE, abs=1e-5)
    assert result["log_likelihood"] == pytest.approx(-9582.4292, abs=1e-4)

    spend = (await fitted(scoring, "gamma_gamma", until="1997-09-30", currency="USD"))["result"]
    assert isinstance(spend, dict)
    assert spend["customers"] == 946
    assert spend["log_likelihood"] == pytest.approx(-4055.9177, abs=1e-4)

    cuts = (await fitted(scoring, "rfm", until="1997-09-30"))["result"]
    assert isinstance(cuts, dict)
    assert cuts["customers"] == 2357

    async with scoring.operator() as client:
        answer = (await client.get(f"/v1/customers/{identities['0001']}/scores?as_of=1997-09-30")).json()
        today = (await client.get(f"/v1/customers/{identities['0001']}/scores")).json()
    assert answer["bg_nbd"]["x"] == 2
    assert (answer["bg_nbd"]["t_x_weeks"], answer["bg_nbd"]["T_weeks"]) == pytest.approx(
        (30.43, 38.86), abs=0.005
    )
    assert answer["bg_nbd"]["model"] == {"version": 1, "until": "1997-09-30", "look_ahead": False}
    assert answer["gamma_gamma"]["expected_spend_minor"] == pytest.approx(2465, abs=10)
    assert answer["rfm"]["m"] is not None
    assert today["rfm"]["recency_days"] > 10_000


async def test_a_fit_at_a_past_day_ignores_returns_that_came_later(scoring: Scoring) -> None:
    before = running.noon(date(2026, 1, 10))
    people, events = [customer() for _ in range(60)], list[Event]()
    for number, who in enumerate(people):
        first, second = (
            bought(who, before),
            bought(who, running.noon(date(2026, 2, 1 + number % 20)), units=2),
        )
        events += [first, second]
        if number % 3 == 0:
            events.append(running.returned(second, running.noon(date(2026, 4, 1)), 1000, unit_to=2))
    await scoring.deliver(*events)
    then = (await fitted(scoring, "rfm", until="2026-03-01"))["result"]
    now = (await fitted(scoring, "rfm"))["result"]
    assert isinstance(then, dict)
    assert isinstance(now, dict)
    assert then["parameters"]["frequency"] == [1, 2, 2, 2], "everybody had bought twice"
    assert then["parameters"]["recency"][-1] == 24
    assert now["parameters"]["recency"][-1] == (running.NOW.date() - date(2026, 1, 10)).days


async def test_a_fit_with_a_closed_gate_is_kept_and_never_answers(scoring: Scoring) -> None:
    for number in range(5):
        who = customer()
        await scoring.deliver(*(bought(who, at(50 + days + number)) for days in range(0, 40, 10)))
    fit = await fitted(scoring, "rfm")
    result = fit["result"]
    assert isinstance(result, dict)
    assert (result["status"], result["gates"]) == ("rejected", {"enough_customers": False})
    assert result["figures"] == {"customers": 5, "customers_min": 50}
    async with scoring.operator() as client:
        shown = (await client.get("/v1/models")).json()["items"]
        versions = (await client.get("/v1/models/rfm")).json()["versions"]
    assert [(card["kind"], card["version"], card["in_force"]) for card in shown] == [
        ("rfm", 0, True),
        ("bg_nbd", 0, True),
    ]
    assert [(card["version"], card["status"]) for card in versions] == [(1, "rejected"), (0, "published")]


async def test_a_shop_in_which_nobody_leaves_gets_a_model_that_says_so(scoring: Scoring) -> None:
    chance = random.Random(5)
    people = [customer() for _ in range(80)]
    events = [
        bought(who, at(chance.uniform(0.1, 300))) for who in people for _ in range(chance.randrange(2, 12))
    ]
    gone = customer()
    events += [bought(gone, at(560)), bought(gone, at(380))]
    for start in range(0, len(events), EMBEDDED_BATCH_MAX):
        await scoring.deliver(*events[start : start + EMBEDDED_BATCH_MAX])

    fit = await fitted(scoring, "bg_nbd")

    result = fit["result"]
    assert isinstance(result, dict)
    assert (result["status"], result["note"], result["parameters"]["a"]) == (
        "published",
        "no_dropout_seen",
        0,
    )
    assert result["figures"]["gain_over_nbd"] < 2
    assert result["figures"]["holdout_days"] == 90
    async with scoring.operator() as client:
        card = (await client.get("/v1/models/bg_nbd")).json()["versions"][0]
        answer = (await client.get(f"/v1/customers/{gone}/scores")).json()
        once = (await client.get("/v1/models")).json()["items"][1]
    assert (card["in_force"], card["note"], card["figures"]) == (True, "no_dropout_seen", result["figures"])
    assert once["version"] == 1
    assert (answer["bg_nbd"]["p_alive"], answer["bg_nbd"]["note"]) == (1.0, "no_dropout_seen")
    assert answer["rfm"]["segment"] == "lost"
    assert 0 < answer["bg_nbd"]["expected_purchases_90d"] < 5


async def test_a_few_huge_orders_do_not_keep_a_shop_from_its_model_of_spend(scoring: Scoring) -> None:
    chance = random.Random(9)
    people, partners = [customer() for _ in range(120)], [customer() for _ in range(6)]
    events = [
        bought(who, at(days), chance.randrange(2_000, 4_000) * mean // 3)
        for who in people
        for mean in [chance.randrange(2, 5)]
        for days in (9, 30, 60)
    ]
    events += [bought(who, at(days), 10**13 - days) for who in partners for days in (9, 30, 60)]
    for start in range(0, len(events), EMBEDDED_BATCH_MAX):
        await scoring.deliver(*events[start : start + EMBEDDED_BATCH_MAX])

    result = (await fitted(scoring, "gamma_gamma"))["result"]

    assert isinstance(result, dict)
    assert (result["status"], result["note"], result["customers"]) == ("published", "spends_left_out", 120)
    assert result["figures"]["customers_left_out"] == 6
    async with scoring.operator() as client:
        card = (await client.get("/v1/models/gamma_gamma")).json()["versions"][0]
        answer = (await client.get(f"/v1/customers/{people[0]}/scores")).json()["gamma_gamma"]
    assert (card["in_force"], card["note"], card["figures"]) == (True, "spends_left_out", result["figures"])
    assert answer["note"] == "spends_left_out"
    assert 1_000 < answer["expected_spend_minor"] < 6_000


async def test_a_closed_gate_does_not_keep_out_what_predicts_better(scoring: Scoring) -> None:
    """Twenty steady customers are too few for a fit of their own, but the shipped model says that they have left."""
    people = [customer() for _ in range(20)]
    for number, who in enumerate(people):
        await scoring.deliver(*(bought(who, at(3 + number % 5 + 20 * week)) for week in range(14)))

    fit = await fitted(scoring, "bg_nbd")

    result = fit["result"]
    assert isinstance(result, dict)
    assert result["gates"] | {"converged": True} == {
        "finite": True, "converged": True, "enough_customers": False, "predicts": True,
    }  # fmt: skip
    assert result["status"] == "published"
    figures = result["figures"]
    came = figures["holdout_purchase_days"]
    assert abs(figures["predicted"] - came) < abs(figures["predicted_in_force"] - came)
    async with scoring.operator() as client:
        answer = (await client.get(f"/v1/customers/{people[0]}/scores")).json()
    assert answer["bg_nbd"]["confidence"] == "low"


async def test_a_fit_without_customers_fails_and_says_why(scoring: Scoring) -> None:
    fit = await fitted(scoring, "bg_nbd")
    assert (fit["status"], fit["failure"], fit["result"]) == ("failed", "no_customers", None)


async def test_a_fit_that_was_cut_off_begins_again_and_is_given_up_after_some_attempts(
    scoring: Scoring,
) -> None:
    kinds = {kind.operation: kind for kind in scoring.service.job_kinds}
    async with scoring.operator() as client:
        first = (await client.post("/v1/models/rfm/fits", json={})).json()["id"]
        assert await take(scoring.runtime, kinds) is not None, "and its worker dies"
        begun = (await client.get(f"/v1/fits/{first}")).json()
        assert (begun["status"], begun["progress"]) == ("running", 0.5)
        assert begun["started_at"] is not None
        scoring.clock.advance(limits.LEASE)
        assert await run_fits(scoring) == 1, "taken up again by the next holder of the lease"
        second = (await client.post("/v1/models/rfm/fits", json={})).json()["id"]
        for _ in range(limits.ATTEMPTS_MAX):
            assert await take(scoring.runtime, kinds) is not None
            scoring.clock.advance(limits.LEASE)
        assert await run_fits(scoring) == 0
        ended = [(await client.get(f"/v1/fits/{name}")).json() for name in (first, second)]
        given_up = (await client.get(f"/v1/jobs/{ended[1]['job_id']}")).json()
    assert [(fit["status"], fit["failure"]) for fit in ended] == [
        ("failed", "no_customers"),
        ("failed", "cut_off"),
    ]
    assert (given_up["state"], given_up["code"]) == ("failed", "chunk_failed")


async def test_a_fit_is_followed_and_cancelled_as_a_job_and_its_process_ends(
    scoring: Scoring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "KEEP_EVERY_SECONDS", 0.01)
    held_by_worker = worker_that_never_ends(tmp_path, monkeypatch)
    kinds = {kind.operation: kind for kind in scoring.service.job_kinds}
    async with scoring.operator() as client:
        fit = (await client.post("/v1/models/rfm/fits", json={"until": "2026-03-01"})).json()
        path = f"/v1/jobs/{fit['job_id']}"
        job = (await client.get(path)).json()
        assert (job["operation"], job["state"], job["total"]) == ("request_fit", "queued", 1)
        assert job["parameters"] == {
            "fit_id": fit["id"],
            "kind": "rfm",
            "until": "2026-03-01",
            "publish": True,
            "round_days": False,
        }
        taken = await take(scoring.runtime, kinds)
        assert taken is not None
        assert json.loads(taken.held.parameters) == {"fit_id": fit["id"], "outcome": None}
        computing = asyncio.create_task(do_chunk(scoring.runtime, taken))
        with await asyncio.to_thread(held_by_worker.open, "wb", 0) as pipe:  # as soon as the process reads it
            pipe.write(b"it runs")
            cancelled = (await client.post(f"{path}:cancel")).json()
            assert await computing is None
            with pytest.raises(BrokenPipeError):
                pipe.write(b"nobody reads it any more")
        shown = (await client.get(f"/v1/fits/{fit['id']}")).json()
    assert cancelled["state"] == "cancelled"
    assert (shown["status"], shown["failure"], shown["result"]) == ("failed", "cancelled", None)


async def test_a_fit_that_made_no_version_is_an_item_that_failed(scoring: Scoring) -> None:
    fit = await fitted(scoring, "rfm")
    async with scoring.operator() as client:
        job = (await client.get(f"/v1/jobs/{fit['job_id']}")).json()
        (error,) = (await client.get(f"/v1/jobs/{fit['job_id']}/errors")).json()["items"]
    assert (job["state"], job["done"], job["failed"], job["result"]) == ("done", 0, 1, None)
    assert (error["row"], error["code"]) == (0, "no_customers")


async def test_a_fit_of_days_to_come_and_of_an_unknown_kind_are_refused(scoring: Scoring) -> None:
    async with scoring.operator() as client:
        later = await client.post("/v1/models/rfm/fits", json={"until": "2026-08-02"})
        unknown = await client.post("/v1/models/magic/fits", json={})
        currency = await client.post("/v1/models/gamma_gamma/fits", json={"currency": "QQQ"})
        missing = await client.get("/v1/fits/fit_nothing")
    assert (later.status_code, later.json()["code"]) == (422, "fit_beyond_today")
    assert unknown.status_code == 422
    assert (currency.status_code, currency.json()["code"]) == (422, "unknown_currency")
    assert (missing.status_code, missing.json()["code"]) == (404, "fit_not_found")


async def test_a_viewer_may_not_ask_for_a_fit(scoring: Scoring) -> None:
    async with scoring.operator("viewer") as client:
        assert (await client.post("/v1/models/rfm/fits", json={})).status_code == 403


async def test_new_cut_points_sweep_all_labels_once(scoring: Scoring) -> None:
    people = [customer() for _ in range(100)]
    for start in range(0, 100, 50):
        await scoring.deliver(
            *(bought(who, at(1 + number)) for number, who in enumerate(people[start : start + 50], start))
        )
    before = len(await scoring.told())
    fit = await fitted(scoring, "rfm")
    assert fit["status"] == "done"
    assert await jobs.sweep(scoring.runtime) == 100
    assert await jobs.sweep(scoring.runtime) == 0
    told = (await scoring.told())[before:]
    assert {(event.moved_by, event.model_version, event.cause.id) for event in told} == {
        ("model", 1, "rfm:1")
    }
    async with scoring.database.read() as read:
        said = await statements.of_customers(read, people)
        used = await models.all_in_force(read, running.NOW.date(), "UTC")
    assert used["rfm", ""].model.version == 1
    names = {who: statement.label for who, statement in said.items()}
    assert (names[people[0]], names[people[99]]) == ("new", "lost")
    assert len(told) == len({event.customer_id for event in told}), "each at most once"


async def test_a_fit_does_not_stop_the_loop(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(30)), bought(who, at(20)))
    async with scoring.operator() as client:
        await client.post("/v1/models/bg_nbd/fits", json={})
    running_fit, beats = asyncio.create_task(run_fits(scoring)), 0
    while not running_fit.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert beats > 20, "the worker starts Python, NumPy and SciPy while the loop goes on"
