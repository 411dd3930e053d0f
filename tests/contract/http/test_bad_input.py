"""Bad input to every operation of the services, the console and the kernel's toy service: a refusal, never a 5xx.

The cases are computed from the OpenAPI documents: every kind of bad value of `bad_values` at every place of every example.
`make test` sends CASES_OF_A_KIND_MAX cases of each kind, so that its cost does not grow with the fields of the product.
"""

import io
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import attrgetter

import pytest

from shared import logs
from tests.contract.http import cases
from tests.contract.http.targets import TARGETS, Case, Target, faults, open_target, send
from tests.parts.databases import Kind
from tests.parts.opened import SERVICES
from tests.parts.sampling import sample_of_each

CASES_OF_A_KIND_MAX = 3
"""How many cases of each kind of bad input a sample sends to one target."""
TOLD_MAX = 10

Family = Callable[[Target], Iterator[Case]]
FAMILIES: tuple[Family, ...] = (
    cases.of_values,
    cases.of_missing_fields,
    cases.of_bodies,
    cases.of_ids,
    cases.of_parameters,
    cases.of_unknown_parameters,
    cases.of_headers,
    cases.of_keys,
    cases.of_paths,
)
REACH_THE_DATABASE: tuple[Family, ...] = (cases.of_values, cases.of_ids, cases.of_parameters)
"""The families that go to PostgreSQL as well, with what may be accepted: a database may choke on it."""
NONE_OF = {
    "console": {"of_values", "of_missing_fields", "of_bodies", "of_ids", "of_keys", "of_unknown_parameters"},
}
"""The families that a target has no place for."""


@pytest.fixture(scope="module")
async def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    """One running target, for all tests of a module: bad input leaves it as it was, or changes what does not matter."""
    name, kind = request.param
    async with open_target(name, tmp_path_factory.mktemp(name), kind) as opened:
        yield opened


def on(kind: Kind, names: Sequence[str]) -> list[tuple[str, Kind]]:
    """Return these targets on this database."""
    return [(name, kind) for name in names]


@pytest.mark.parametrize("family", FAMILIES, ids=attrgetter("__name__"))
@pytest.mark.parametrize("target", on("sqlite", TARGETS), indirect=True, ids="-".join)
async def test_bad_input_is_taken_or_refused_by_name(
    target: Target, family: Family, seeded: random.Random
) -> None:
    computed = list(family(target))
    assert bool(computed) != (family.__name__ in NONE_OF.get(target.name, ()))

    await send_sample(target, seeded, computed)


@pytest.mark.parametrize("family", REACH_THE_DATABASE, ids=attrgetter("__name__"))
@pytest.mark.parametrize("target", on("postgresql", SERVICES), indirect=True, ids="-".join)
async def test_bad_input_is_taken_or_refused_by_name_on_postgresql(
    target: Target, family: Family, seeded: random.Random
) -> None:
    await send_sample(target, seeded, [case for case in family(target) if case.may_pass])


@pytest.mark.parametrize(
    "target", [*on("sqlite", TARGETS), *on("postgresql", SERVICES)], indirect=True, ids="-".join
)
async def test_control_characters_are_refused_everywhere_and_nothing_is_logged(target: Target) -> None:
    written = io.StringIO()
    logs.configure(target.name, level="warning", stream=written)

    wrong = []
    try:
        for case in cases.of_control_characters(target):
            answer = await send(target, case)
            wrong += [f"{case.method} {case.path[:100]}: {fault}" for fault in faults(target, case, answer)]
    finally:
        logs.configure(target.name)

    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:TOLD_MAX])
    assert written.getvalue() == ""


async def send_sample(target: Target, seeded: random.Random, computed: Sequence[Case]) -> None:
    """Send some cases of each kind, and fail with everything that is wrong with their answers."""
    chosen = sample_of_each(seeded, computed, attrgetter("kind"), CASES_OF_A_KIND_MAX)

    wrong = []
    for case in chosen:
        answer = await send(target, case)
        wrong += [f"{case.kind}: {case.method} {case.path[:100]}: {f}" for f in faults(target, case, answer)]
    assert not wrong, f"{len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong[:TOLD_MAX])


@pytest.mark.parametrize("target", on("sqlite", SERVICES), indirect=True, ids="-".join)
async def test_an_id_with_a_nul_is_refused_as_its_operation_declares(target: Target) -> None:
    named = [(operation, name) for operation in target.operations for name, _ in operation.named("path")]
    for operation, name in named:
        answer = await target.client.request(operation.method, target.path(operation, **{name: "a%00b"}))
        declared = json.dumps(operation.described["responses"].get(str(answer.status_code)))

        assert answer.status_code in (404, 422), operation.path
        assert f'"{answer.json()["code"]}"' in declared, operation.path

    assert len(named) > 3
