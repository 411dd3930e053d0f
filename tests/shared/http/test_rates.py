"""Rate limits over HTTP: the headers are true, one request more is refused, and waiting as told helps."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from shared.http import limiter
from shared.http.rates import GENERAL, RULES, UNKNOWN_ADDRESS, network_of
from tests.parts import tokens
from tests.parts.databases import Kind
from tests.parts.till import SALE, Till, gathered, open_till

ANA, BO = "cus_01k2m9d6v4e8r7a1b2c3d4e5fa", "cus_01k2m9d6v4e8r7a1b2c3d4e5fb"
SALES = f"/v1/customers/{ANA}/sales"
CUSTOMER, STRICT, ADDRESS = 5, 3, 4
QUOTAS = {
    "rate_customer_per_minute": CUSTOMER,
    "rate_redemption_customer_per_minute": STRICT,
    "rate_address_per_minute": ADDRESS,
    "rate_partner_per_minute": 0,
}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for draws on a machine that others use too."""
    monkeypatch.setattr(limiter, "DRAW_SECONDS_MAX", 30.0)


@pytest.fixture
async def till(kind: Kind, tmp_path: Path) -> AsyncIterator[Till]:
    """A till with small quotas on each database."""
    async with open_till(tmp_path, kind, **QUOTAS) as opened:
        yield opened


@pytest.fixture
async def one_till(tmp_path: Path) -> AsyncIterator[Till]:
    """The same on SQLite."""
    async with open_till(tmp_path, "sqlite", **QUOTAS) as opened:
        yield opened


def told(answer: httpx2.Response) -> tuple[str, int, int]:
    """Return the rule, the requests that are left, and the seconds to wait, as the answer tells them."""
    found = re.fullmatch(r'"([a-z_]+)";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
    assert found is not None, answer.headers["ratelimit"]
    return found[1], int(found[2]), int(found[3])


async def test_each_answer_says_what_is_left_and_one_request_more_is_refused(till: Till) -> None:
    async with till.customer(ANA) as client:
        answers = [await client.get(SALES) for _ in range(CUSTOMER + 2)]

    assert [answer.status_code for answer in answers] == [200] * CUSTOMER + [429] * 2
    assert [told(answer) for answer in answers] == [
        ("customer", left, 60) for left in [*reversed(range(CUSTOMER)), 0, 0]
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {f'"customer";q={CUSTOMER};w=60'}
    refused = answers[-1]
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("rate_limited", "60")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "`customer` allows 5 requests in 60 s" in refused.json()["detail"]


async def test_waiting_as_told_helps_and_waiting_less_does_not(till: Till) -> None:
    till.clock.advance(timedelta(seconds=17.25))
    async with till.customer(ANA) as client:
        for _ in range(CUSTOMER):
            assert (await client.get(SALES)).status_code == 200
        refused = await client.get(SALES)
        wait = int(refused.headers["retry-after"])
        till.clock.advance(timedelta(seconds=wait - 1))
        early = await client.get(SALES)
        till.clock.advance(timedelta(seconds=1))
        again = await client.get(SALES)

    assert (refused.status_code, wait, told(refused)[2]) == (429, 43, 43)
    assert (early.status_code, early.headers["retry-after"]) == (429, "1")
    assert (again.status_code, told(again)) == (200, ("customer", CUSTOMER - 1, 60))


async def test_a_window_ends_exactly_at_its_border(till: Till) -> None:
    till.clock.advance(timedelta(seconds=60, microseconds=-1))
    async with till.customer(ANA) as client:
        last = await client.get(SALES)
        till.clock.advance(timedelta(microseconds=1))
        first = await client.get(SALES)

    assert told(last) == ("customer", CUSTOMER - 1, 1)
    assert told(first) == ("customer", CUSTOMER - 1, 60)


async def test_of_many_requests_at_once_exactly_the_quota_is_accepted(till: Till) -> None:
    async with till.customer(ANA) as client:
        answers = await gathered(4 * CUSTOMER, client, method="GET", url=SALES)

    assert sorted(answer.status_code for answer in answers) == [200] * CUSTOMER + [429] * 3 * CUSTOMER
    left = sorted(told(answer)[1] for answer in answers if answer.is_success)
    assert left == list(range(CUSTOMER))


async def test_an_operation_with_a_rate_of_its_own_counts_there_alone(till: Till) -> None:
    async with till.customer(ANA) as client:
        sold = [await client.post(SALES, json=SALE, headers=till.key()) for _ in range(STRICT + 1)]
        read = await client.get(SALES)

    assert [answer.status_code for answer in sold] == [201] * STRICT + [429]
    assert told(sold[-1])[0] == "redemption_customer"
    assert told(read) == ("customer", CUSTOMER - 1, 60)
    assert await till.count_sales() == STRICT


async def test_each_subject_has_windows_of_its_own(till: Till) -> None:
    async with till.customer(ANA) as ana, till.customer(BO) as bo:
        for _ in range(CUSTOMER + 1):
            refused = await ana.get(SALES)
        other = await bo.get(SALES.replace(ANA, BO))

    assert refused.status_code == 429
    assert (other.status_code, told(other)[1]) == (200, CUSTOMER - 1)


async def test_refused_and_failed_requests_count_and_say_what_is_left(one_till: Till) -> None:
    async with one_till.customer(ANA) as client:
        answers = [
            await client.get(SALES.replace(ANA, BO)),
            await client.get("/v1/surprises"),
            await client.get(SALES + "?limt=3"),
            await client.get(SALES + "/sal_none"),
        ]

    assert [answer.status_code for answer in answers] == [404, 403, 422, 404]
    assert [told(answer)[1] for answer in answers] == [4, 3, 2, 1]


async def test_a_bug_says_what_is_left(tmp_path: Path) -> None:
    async with open_till(tmp_path, "sqlite", rate_operator_per_minute=9) as till, till.client() as client:
        answer = await client.post("/v1/bugs")

    assert (answer.status_code, told(answer)) == (500, ("operator", 8, 60))


async def test_without_a_limit_nothing_is_told(one_till: Till) -> None:
    async with one_till.client(tokens.partner("mart", ("sales:write",))) as client:
        answer = await client.post(SALES, json=SALE, headers=one_till.key())

    assert answer.status_code == 201
    assert not {"ratelimit", "ratelimit-policy"} & set(answer.headers)


async def test_the_subjects_that_are_remembered_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "WINDOWS_MAX", 2)
    async with open_till(tmp_path, "sqlite", rate_partner_per_minute=1) as till:
        process, rule = limiter.Limiter(till.runtime), GENERAL["partner"]
        standings = [await process.count(rule, subject) for subject in ("a", "a", "b", "b", "c", "b", "a")]

    accepted = [standing is not None and standing.accepted for standing in standings]
    assert accepted == [True, False, True, False, True, False, True], (
        "the first is forgotten, the others are not"
    )


async def test_requests_without_a_valid_token_count_for_their_address_and_others_do_not(till: Till) -> None:
    async with till.client(None) as client:
        missing = [await client.get(SALES) for _ in range(ADDRESS - 1)]
        forged = {"Authorization": "Bearer a.b.c"}
        invalid = [await client.get(SALES, headers=forged) for _ in range(2)]
        public = await client.get("/health/live")
    async with till.customer(ANA) as client:
        valid = await client.get(SALES)

    assert [answer.status_code for answer in missing] == [401] * (ADDRESS - 1)
    assert [answer.status_code for answer in invalid] == [401, 429]
    assert told(invalid[-1]) == ("address", 0, 60)
    assert (valid.status_code, public.status_code) == (200, 200)
    assert "ratelimit" not in public.headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("nonsense", "x" * 9_000, True),
    ],
)
def test_one_client_is_an_ipv4_address_or_a_network_of_ipv6(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_a_text_that_is_no_address_gets_no_window_of_its_own() -> None:
    assert {network_of(text) for text in ("", "unix:", "1.2.3", "1.2.3.4.5", "::1/64")} == {UNKNOWN_ADDRESS}


async def test_the_refusal_speaks_the_readers_language(one_till: Till) -> None:
    async with one_till.customer(ANA) as client:
        for _ in range(CUSTOMER + 1):
            answer = await client.get(SALES, headers={"Accept-Language": "zh"})

    assert (answer.json()["title"], answer.headers["content-language"]) == ("请求过多", "zh")


async def test_refusals_are_counted_by_rule_and_name_no_subject(one_till: Till) -> None:
    async with one_till.customer(ANA) as client:
        for _ in range(CUSTOMER + 2):
            await client.get(SALES)
    async with one_till.client() as operator:
        shown = (await operator.get("/metrics")).text

    assert 'huitou_rate_refused_total{rule="customer",service="till"} 2.0' in shown
    assert 'huitou_rate_refused_total{rule="address",service="till"} 0.0' in shown
    assert 'huitou_rate_uncounted_total{service="till"} 0.0' in shown
    assert ANA not in shown


async def test_the_document_tells_the_rules_and_each_limited_operation_its_refusal(one_till: Till) -> None:
    document = one_till.app.openapi()
    for path in document["paths"].values():
        for described in path.values():
            limited = described["security"] != []
            assert ("429" in described["responses"]) is limited
            for response in described["responses"].values():
                assert ("RateLimit" in response.get("headers", {})) is limited
    sold = document["paths"]["/v1/customers/{customer_id}/sales"]["post"]
    refusal = sold["responses"]["429"]

    assert sold["x-rate"] == "redemption"
    assert "Retry-After" in refusal["headers"]
    example = refusal["content"]["application/problem+json"]["examples"]["rate_limited"]["value"]
    assert (example["code"], example["status"]) == ("rate_limited", 429)
    assert (
        "| `redemption_customer` | one customer | `redemption` | 3 per minute |"
        in document["info"]["description"]
    )
    assert all(f"| `{rule.name}` |" in document["info"]["description"] for rule in RULES)
