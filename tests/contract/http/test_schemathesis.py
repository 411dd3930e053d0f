"""Requests that Schemathesis generates from the OpenAPI documents; every answer must be as its document says.

`make test` asks a seeded sample of the operations a few times. `make test-long` asks all of them for a minute per service;
HTTP_FUZZ_SECONDS sets another time, HTTP_FUZZ_DATABASE=postgresql the other database, and TEST_SEED repeats a run.
"""

import math
import os
import random
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import CacheConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.engine import events

# It takes the place of the library's check of valid requests.
import tests.contract.http.refused_by_meaning  # noqa: F401
from tests.conftest import SEED
from tests.parts import tokens
from tests.parts.databases import Kind
from tests.parts.opened import ADMIN, SERVICES, Opened, served
from tests.parts.sampling import LONG, sample
from tests.parts.tokens import Subject

GIVEN_SECONDS = os.environ.get("HTTP_FUZZ_SECONDS")
EXHAUSTIVE = LONG or GIVEN_SECONDS is not None
"""Whether a service is asked for a time, or a sample of its operations a few times."""
SECONDS = float(GIVEN_SECONDS or 60)
"""The time for one service, all subjects together. A sample ends long before."""
DATABASE: Kind = "postgresql" if os.environ.get("HTTP_FUZZ_DATABASE") == "postgresql" else "sqlite"
SHARES = (0.625, 0.125, 0.125, 0.125)
"""The shares of that time: an admin reaches every operation; a viewer, a customer and a partner are refused by most."""
OPERATIONS_MAX = (8, 2, 2, 2)
"""How many operations of one service each subject asks in a sample."""
TIMEOUT_SECONDS = 120 + 5 * SECONDS
"""One schema is drawn from before the time is looked at again, and the machine may be busy."""
EXAMPLES_OF_A_SAMPLE = 4
"""How many generated requests an operation gets in a sample."""
EXAMPLES_MIN = 25
EXAMPLES_PER_SECOND = 20
"""A long run is also given more examples per operation, so that it does not end early."""
FAILURES_SHOWN_MAX = 20

CHECKS = {
    "not_a_server_error": {"expected-statuses": ["2xx", "304", "4xx"]},
    "negative_data_rejection": {"expected-statuses": ["4xx"]},
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "404"]},
}
"""All checks of the library, with the statuses that it does not expect by itself."""

Findings = dict[str, str]


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("name", SERVICES)
def test_every_answer_is_as_the_document_says(name: str, tmp_path: Path, seeded: random.Random) -> None:
    asked: Counter[str] = Counter()
    findings: Findings = {}
    with served(name, tmp_path, DATABASE) as (house, address):
        subjects = (
            ADMIN,
            tokens.operator("viewer"),
            tokens.customer(house.owner),
            house.with_every_scope("mart"),
        )
        every = [route.operation.id for route in house.routes]
        for subject, share, most in zip(subjects, SHARES, OPERATIONS_MAX, strict=True):
            chosen = every if EXHAUSTIVE else sample(seeded, every, most)
            _ask(house, subject, address, SECONDS * share, chosen, asked, findings)

    assert asked.total() > (len(every) if EXHAUSTIVE else OPERATIONS_MAX[0]), "hardly anything was asked"
    shown = "\n\n".join(list(findings.values())[:FAILURES_SHOWN_MAX])
    assert not findings, f"{len(findings)} findings (seed {SEED}):\n\n{shown}"


def _ask(
    house: Opened,
    subject: Subject,
    address: str,
    seconds: float,
    operation_ids: Collection[str],
    asked: Counter[str],
    findings: Findings,
) -> None:
    pinned = house.of_owner if subject == ADMIN else {}
    project = _project(house.token(subject), address, seconds, pinned)
    config = SchemathesisConfig(
        seed=SEED,
        max_time=math.ceil(seconds) if EXHAUSTIVE else None,
        projects=ProjectsConfig(default=project),
        cache=CacheConfig(enabled=False),
    )
    document = schemathesis.openapi.from_dict(house.app.openapi(), config=config)
    for event in engine.from_schema(document.include(operation_id=list(operation_ids))).execute():
        if isinstance(event, events.ScenarioFinished):
            asked[f"{event.phase.name}: {event.label}"] += len(event.recorder.interactions)
            _collect(event.recorder, subject, findings)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            findings[f"error {error!r}"] = f"the run itself: {error!r}"


def _project(token: str, address: str, seconds: float, pinned: Mapping[str, str]) -> ProjectConfig:
    """Return how to ask. `pinned` are the values of path parameters: ids that were made up would see only 404s."""
    examples = max(EXAMPLES_MIN, int(seconds * EXAMPLES_PER_SECOND)) if EXHAUSTIVE else EXAMPLES_OF_A_SAMPLE
    return ProjectConfig.from_dict(
        {
            "base-url": address,
            "headers": {"Authorization": f"Bearer {token}"},
            "continue-on-failure": True,
            "parameters": {f"path.{name}": value for name, value in pinned.items()},
            "checks": CHECKS,
            "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
            "phases": {"stateful": {"enabled": EXHAUSTIVE}, "coverage": {"enabled": EXHAUSTIVE}},
        }
    )


def _collect(recorder: Any, subject: Subject, findings: Findings) -> None:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            answer = recorder.interactions[case_id].response
            words = f"{recorder.label} as {subject.kind} {subject.roles}: {check.name}: {failure.title}: {failure.message}"
            body = "" if answer is None else f"{answer.status_code} {answer.content[:400]!r}"
            findings.setdefault(
                f"{recorder.label} {check.name} {failure.title}",
                f"{words}\n{check.failure_info.code_sample}\n{body}",
            )
