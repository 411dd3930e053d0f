"""The demo is a real shop: whole baskets, points that can be traced, complaints with remedies, books that balance."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from huitou import tokens
from huitou.demo import baskets, complaints, coupons, people, rewards, rules, stories
from huitou.exits import Exit
from services.scoring.models.domain.kinds.rfm import Segment
from shared.trust import authorities
from tests.parts.installations import Installation, Up, has_curl, tried

DAY = date(2026, 3, 1)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("demo") / "home")


@pytest.fixture(scope="module")
def told(shop: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with shop.up() as up:
        yield up


def _bearer(shop: Installation, token: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token or (shop.home / 'tokens' / 'admin').read_text().strip()}"}


def _get(shop: Installation, offset: int, path: str, token: str | None = None) -> Any:
    answer = httpx2.get(
        f"http://127.0.0.1:{shop.port_base + offset}{path}",
        headers=_bearer(shop, token),
        timeout=30,
        verify=authorities(),
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_console_is_named_before_the_demo_is_loaded(shop: Installation, told: Up) -> None:
    complained = told.err.read_text()

    assert complained.index(f"http://127.0.0.1:{shop.port_base}.") < complained.index("customers")


@pytest.mark.skipif(not has_curl(), reason="curl is not installed")
def test_the_four_commands_work_as_printed_on_a_customer_of_the_demo(told: Up) -> None:
    commands = tried(told.told)

    outputs = [
        subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
        for command in commands
    ]

    member, purchase, ledger, scores = (json.loads(output) for output in outputs)
    assert member["points"]["active"] > 0
    assert purchase["customer_id"] == member["customer_id"] == scores["customer_id"]
    assert ledger["items"]
    assert scores["rfm"]["currency"] == "USD"


def test_the_last_purchases_were_yesterday(shop: Installation, told: Up) -> None:
    newest = _get(shop, 1, f"/v1/purchases?source={baskets.SOURCE}&limit=1")["items"][0]

    bought = datetime.fromisoformat(newest["purchased_at"]).date()
    assert bought == (datetime.now(UTC) - timedelta(days=1)).date()


def test_remedies_of_the_demo_are_settled(shop: Installation, told: Up) -> None:
    listed = _get(shop, 3, "/v1/complaints?limit=200")["items"]
    remedies = [
        remedy
        for complaint in listed
        for remedy in _get(shop, 3, f"/v1/complaints/{complaint['id']}")["remedies"]
    ]

    assert len(listed) == complaints.COUNT
    assert remedies
    assert {remedy["status"] for remedy in remedies} == {"settled"}


def test_complaints_of_the_demo_are_in_many_states_and_some_are_late(shop: Installation, told: Up) -> None:
    listed = _get(shop, 3, "/v1/complaints?limit=200")["items"]

    statuses = Counter(complaint["status"] for complaint in listed)
    assert statuses.keys() >= {
        "received",
        "acknowledged",
        "in_progress",
        "waiting_customer",
        "answered",
        "closed",
    }
    assert {complaint["outcome"] for complaint in listed if complaint["status"] == "closed"} == {
        "satisfied",
        "withdrawn",
    }
    verdicts = {clock["verdict"] for complaint in listed for clock in complaint["clocks"]}
    assert verdicts >= {"running", "met", "breached"}


def test_members_of_the_demo_have_every_tier_and_spent_owe_and_got_back_points(
    shop: Installation, told: Up
) -> None:
    members = {
        story.name: _get(shop, 2, f"/v1/members/{_customer(shop, story.name)}") for story in stories.STORIES
    }

    assert {member["tier"]["code"] for member in members.values()} == {"member", "silver", "gold"}
    ledgers = {
        name: {
            entry["kind"]
            for entry in _get(shop, 2, f"/v1/members/{member['customer_id']}/ledger?limit=50")["items"]
        }
        for name, member in members.items()
    }
    assert ledgers["gold"] >= {"redemption", "hold"}
    assert ledgers["silver"] >= {"adjustment", "return", "opening"}
    assert members["owing"]["points"]["active"] < 0 or members["owing"]["points"].get("owed") == 300


def test_a_large_adjustment_of_the_demo_waits_for_a_second_person(shop: Installation, told: Up) -> None:
    (proposed,) = _get(shop, 2, "/v1/approvals?state=proposed")["items"]

    assert proposed["customer_id"] == _customer(shop, "gold")
    assert (proposed["fields"], proposed["proposed_by"]) == (
        {"points": stories.PROPOSED_POINTS},
        f"operator:{stories.PROPOSER}",
    )


def test_tea_earns_twice_by_the_second_rulebook_of_the_demo(shop: Installation, told: Up) -> None:
    second, first = _get(shop, 2, "/v1/rulebooks")["items"]
    document = _get(shop, 2, f"/v1/rulebooks/{second['id']}")["document"]
    sold = {line.get("category") for purchase in baskets.purchases(DAY) for line in purchase["lines"]}

    assert (first["version"], second["version"]) == (1, 2)
    assert second["state"] in ("scheduled", "in_force")
    assert [rule["code"] for rule in document["rules"]] == [
        "base",
        rules.TEA_TWICE,
        rules.CHECK_IN,
        rules.BIRTHDAY,
    ]
    assert [goal["code"] for goal in document["goals"]] == [rules.EVERY_FIFTH]
    promotions = [rules.FROM_30, rules.THREE_TEAS, rules.SPRING_10]
    assert [offer["code"] for offer in document["promotions"]] == promotions
    visits = _get(shop, 2, "/v1/activities?sort=occurred_at")["items"]
    assert [(activity["kind"], activity["points"]) for activity in visits] == [
        (rules.CHECK_IN, rules.CHECK_IN_POINTS),
        (rules.CHECK_IN, rules.VISITS_MAX - rules.CHECK_IN_POINTS),
        (rules.BIRTHDAY, rules.BIRTHDAY_POINTS),
    ]
    assert sold.issuperset(rules.TEAS)
    assert f'"sku":"{rules.BANNER_SKU}"' in told.told


def test_the_demo_has_a_coupon(shop: Installation) -> None:
    (coupon,) = _get(shop, 2, "/v1/coupons")["items"]

    assert (coupon["code"], coupon["document"]["text"]) == (coupons.SPRING, "SPRING10")
    assert coupon["document"]["promotions"] == [rules.SPRING_10]


def test_customers_of_the_demo_claimed_rewards(shop: Installation, told: Up) -> None:
    catalogue = {reward["code"]: reward for reward in _get(shop, 2, "/v1/rewards")["items"]}
    claims = _get(shop, 2, "/v1/reward-claims")["items"]
    offers = _get(shop, 2, f"/v1/members/{_customer(shop, 'gold')}/rewards")["items"]

    assert catalogue.keys() == rewards.CATALOGUE.keys()
    assert {code: reward["stock"]["used"] for code, reward in catalogue.items()} == {
        rewards.MUG: 1,
        rewards.TASTING: 1,
        rewards.MONEY_OFF: 0,
        rewards.TREE: 1,
    }
    assert Counter(claim["state"] for claim in claims) == {"fulfilled": 2, "claimed": 1, "cancelled": 1}
    hindered = {offer["code"]: offer["hindrances"] for offer in offers if offer["hindrances"]}
    assert hindered == {rewards.TASTING: ["limit_reached"]}


def test_one_receipt_of_the_demo_is_anonymous_and_one_was_claimed(shop: Installation, told: Up) -> None:
    (anonymous,) = _get(shop, 1, "/v1/purchases?anonymous=true")["items"]
    (claimed,) = _get(shop, 1, f"/v1/purchases?source={stories.SOURCE}&order_id=receipt-2")["items"]
    silver = _customer(shop, stories.CLAIMANT)
    entries = _get(shop, 2, f"/v1/members/{silver}/ledger?limit=50")["items"]
    earned = {entry["order"]["order_id"] for entry in entries if entry["order"]}

    assert (anonymous["order_id"], anonymous["customer_id"]) == ("receipt-1", None)
    assert claimed["customer_id"] == silver
    assert claimed["claimed_at"] is not None
    assert "receipt-2" in earned


def test_the_partner_of_the_demo_sees_its_customers_order(shop: Installation, told: Up) -> None:
    token = shop.run("token", "--partner", tokens.EXAMPLE_PARTNER).stdout.strip()
    seen = _get(shop, 1, "/v1/purchases", token=token)["items"]

    assert [purchase["source"] for purchase in seen] == [tokens.EXAMPLE_PARTNER]


def test_the_scores_of_the_demo_have_every_label(shop: Installation, told: Up) -> None:
    after, missing = "", set(Segment)
    while missing:
        page = _get(shop, 1, f"/v1/customers?limit=200{after}")
        for customer in page["items"]:
            scores = _get(shop, 4, f"/v1/customers/{customer['id']}/scores")
            if scores["rfm"]:  # null for who returned everything
                missing.discard(Segment(scores["rfm"]["segment"]))
        assert not missing or page["next_cursor"], missing
        after = f"&cursor={page['next_cursor']}"


def _customer(shop: Installation, name: str) -> str:
    identifier = {"external_id": stories.external_id(name)}
    answer = httpx2.post(
        f"http://127.0.0.1:{shop.port_base + 1}/v1/customers:lookup", headers=_bearer(shop), json=identifier
    )
    return str(answer.json()["id"])


def test_the_books_balance_while_it_runs_and_in_a_copy_that_was_made_meanwhile(
    shop: Installation, told: Up, tmp_path: Path
) -> None:
    copy = Installation(tmp_path / "copy")

    saved = shop.run("backup", str(copy.home))
    verified = [installation.run("verify", "--json") for installation in (shop, copy)]

    assert saved.returncode == Exit.DONE, saved.stderr
    assert [json.loads(report.stdout) for report in verified] == [{"ok": True, "drifts": []}] * 2
    with copy.up() as up:
        assert "customers" not in up.err.read_text(), "a loaded demo is not loaded again"
        assert _get(copy, 1, "/v1/purchases?limit=1") == _get(shop, 1, "/v1/purchases?limit=1")


def test_a_backup_never_writes_over_anything(shop: Installation, told: Up, tmp_path: Path) -> None:
    (tmp_path / "photo").write_text("mine")

    said = shop.run("backup", str(tmp_path))

    assert said.returncode == Exit.USAGE
    assert "not an empty folder" in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photo"]


def test_it_starts_again_with_what_was_there_and_loads_nothing_twice(shop: Installation, told: Up) -> None:
    before = _get(shop, 1, "/v1/purchases?limit=1")
    assert told.stop() == Exit.DONE

    with shop.up() as up:
        after = _get(shop, 1, "/v1/purchases?limit=1")
        complained = up.err.read_text()

    assert after == before
    assert "customers" not in complained, "a loaded demo is not loaded again"


def test_the_file_holds_whole_baskets_of_a_share_of_the_households() -> None:
    read = list(baskets.purchases(DAY))

    lines = [line for purchase in read for line in purchase["lines"]]
    assert len(read) == baskets.BASKETS <= 10_000
    assert len({purchase["order_id"] for purchase in read}) == len(read)
    assert max(purchase["purchased_at"] for purchase in read)[:10] == "2026-03-01"
    assert min(line["quantity"] for line in lines) >= 1
    assert any(line["quantity"] > 10_000 for line in lines), "fuel is sold in thousandths"
    assert all("category" in line or "name" not in line for line in lines)


def test_the_people_are_nobody_and_always_the_same() -> None:
    everybody = [people.person(household) for household in baskets.households()]

    assert everybody == [people.person(household) for household in baskets.households()]
    assert all(person.email.endswith("@example.com") for person in everybody)
    assert 0.3 < sum(not person.name.isascii() for person in everybody) / len(everybody) < 0.7
