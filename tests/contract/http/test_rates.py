"""Every operation has its rate limits: computed from the operations of all services."""

from shared.http.rates import STRICTER, Rate, Rule
from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http.asking import ask, named_in_path
from tests.parts import tokens
from tests.parts.opened import Opened
from tests.parts.tokens import Subject

OPERATIONS: dict[Rate, str] = {
    "lookup": "look_up_customer",
    "redemption": "redeem_points",
    "claim": "claim_purchase",
    "complaint": "open_complaint",
    "token": "issue_token",
}
"""The operations that can be misused, by their rate."""


def limited(house: Opened, **quotas: int) -> Opened:
    """Return the same service with these quotas."""
    again = house.again(**quotas)
    again.of_owner, again.owner = house.of_owner, house.owner
    return again


async def test_every_operation_refuses_the_request_after_the_last_and_says_so_in_the_document(
    house: Opened,
) -> None:
    small = limited(house, rate_operator_per_minute=2)
    for route in small.routes:
        described = small.app.openapi()["paths"][route.path_format][route.method.lower()]
        if route.operation.allow.public:
            assert ("429" in described["responses"]) == (route.operation.rate is not None)
            continue
        subject = tokens.operator("admin", name=f"a-{route.operation.id}")
        answers = [await ask(small, route, ids_of(small, route), subject=subject) for _ in range(3)]
        for left, answer in zip((1, 0, 0), answers, strict=True):
            assert answer.headers["ratelimit"] == f'"operator";r={left};t=60', route.operation.id
            assert answer.headers["ratelimit-policy"] == '"operator";q=2;w=60'
        assert [answer.status_code == 429 for answer in answers] == [False, False, True]
        assert answers[-1].json()["code"] == "rate_limited"
        assert int(answers[-1].headers["retry-after"]) == 60
        examples = described["responses"]["429"]["content"]["application/problem+json"]["examples"]
        assert "rate_limited" in examples, route.operation.id


async def test_the_operations_that_can_be_misused_have_a_stricter_rate(house: Opened) -> None:
    declared = {route.operation.rate: route.operation.id for route in house.routes if route.operation.rate}

    assert declared.items() <= OPERATIONS.items()
    assert len(declared) == {"profile": 3, "loyalty": 1, "feedback": 1, "scoring": 0}[house.service.name]


async def test_a_stricter_rate_is_met_before_the_general_one(house: Opened) -> None:
    for route in house.routes:
        for counted, rule in STRICTER.get(route.operation.rate, {}).items() if route.operation.rate else ():
            subject = tokens.customer(house.owner)
            if counted == "partner":
                subject = house.with_every_scope("mart")
            await _met(limited(house, **{rule.setting: 1}), route, rule, subject)


async def _met(small: Opened, route: Route, rule: Rule, subject: Subject) -> None:
    answers = [await ask(small, route, ids_of(small, route), subject=subject) for _ in range(2)]
    assert [answer.status_code == 429 for answer in answers] == [False, True]
    assert answers[-1].headers["ratelimit"] == f'"{rule.name}";r=0;t={rule.seconds}'


async def test_an_operator_is_not_held_by_the_rates_of_customers(house: Opened) -> None:
    strict = {rule.setting: 1 for rules in STRICTER.values() for rule in rules.values()}
    small = limited(house, **strict)
    for route in small.routes:
        if route.operation.rate and not route.operation.allow.public:
            for _ in range(3):
                answer = await ask(small, route, ids_of(small, route), subject=tokens.operator("admin"))
                assert answer.status_code != 429


def ids_of(house: Opened, route: Route) -> dict[str, str]:
    """Return ids for the path of an operation: the owner's where it has such a thing."""
    return {name: house.of_owner.get(name, new_id("sad")) for name in named_in_path(route) if name != "kind"}
