"""Every operation of every service, asked by somebody who has only read its OpenAPI document.

A short round by default; HTTP_FUZZ_SECONDS=60 a service for a long one, HTTP_FUZZ_DATABASE=postgresql for one on the
other database, TEST_SEED to repeat a run.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import CacheConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.engine import events

from tests.conftest import SEED
from tests.contract.http.opened import SERVICES, Opened, served
from tests.parts.databases import Kind
from tests.parts.sampling import limit
from tests.parts.tokens import Subject

SECONDS = float(os.environ.get("HTTP_FUZZ_SECONDS", limit(5, 60)))
"""How long one service is asked, all its subjects together."""
DATABASE: Kind = "postgresql" if os.environ.get("HTTP_FUZZ_DATABASE") == "postgresql" else "sqlite"
SHARES = (0.625, 0.125, 0.125, 0.125)
"""Of that time: an admin reaches every operation, a viewer, a customer and a partner are turned away from most."""
TIMEOUT_SECONDS = 120 + 5 * SECONDS
"""One schema is drawn from before the time is looked at again, and the machine may be busy."""
EXAMPLES_MAX = 25
EXAMPLES_A_SECOND = 20
"""A long run is also given more examples an operation, so that it does not end early."""
FAILURES_TOLD_MAX = 20

CHECKS = {
    "not_a_server_error": {"expected-statuses": ["2xx", "4xx"]},
    "positive_data_acceptance": {"enabled": False},
    "use_after_free": {"enabled": False},
    "ensure_resource_availability": {"enabled": False},
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "404"]},
}
"""All checks of the library but those that know too little: what a valid document asks for may well be refused."""

Findings = dict[str, str]


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("name", SERVICES)
def test_whoever_asks_gets_what_the_document_says(name: str, tmp_path: Path) -> None:
    asked: Counter[str] = Counter()
    found: Findings = {}
    with served(name, tmp_path, DATABASE) as (house, address):
        who = (house.operator(), house.operator("viewer"), house.customer(house.owner), house.partner("mart"))
        for subject, share in zip(who, SHARES, strict=True):
            _ask(house, subject, address, SECONDS * share, asked, found)

    assert asked.total() > len(house.routes), f"hardly anything was asked within {SECONDS} s"
    told = "\n\n".join(list(found.values())[:FAILURES_TOLD_MAX])
    assert not found, f"{len(found)} findings (seed {SEED}):\n\n{told}"


def _ask(
    house: Opened, subject: Subject, address: str, seconds: float, asked: Counter[str], found: Findings
) -> None:
    pinned = house.of_owner if subject == house.operator() else {}
    project = _project(house.token(subject), address, seconds, pinned)
    config = SchemathesisConfig(
        seed=SEED,
        max_time=math.ceil(seconds),
        projects=ProjectsConfig(default=project),
        cache=CacheConfig(enabled=False),
    )
    document = schemathesis.openapi.from_dict(house.app.openapi(), config=config)
    for event in engine.from_schema(document).execute():
        if isinstance(event, events.ScenarioFinished):
            asked[f"{event.phase.name}: {event.label}"] += len(event.recorder.interactions)
            _collect(event.recorder, subject, found)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            error = event.value if isinstance(event, events.NonFatalError) else event.exception
            found[f"error {error!r}"] = f"the run itself: {error!r}"


def _project(token: str, address: str, seconds: float, pinned: Mapping[str, str]) -> ProjectConfig:
    """How to ask; `pinned` are path parameters that are always these: made-up ids alone would see nothing but 404s."""
    examples = max(EXAMPLES_MAX, int(seconds * EXAMPLES_A_SECOND))
    return ProjectConfig.from_dict(
        {
            "base-url": address,
            "headers": {"Authorization": f"Bearer {token}"},
            "continue-on-failure": True,
            "parameters": {f"path.{name}": value for name, value in pinned.items()},
            "checks": CHECKS,
            "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
            "phases": {"stateful": {"enabled": False}},
        }
    )


def _collect(recorder: Any, subject: Subject, found: Findings) -> None:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            answer = recorder.interactions[case_id].response
            words = f"{recorder.label} as {subject.kind} {subject.roles}: {check.name}: {failure.title}: {failure.message}"
            body = "" if answer is None else f"{answer.status_code} {answer.content[:400]!r}"
            found.setdefault(
                f"{recorder.label} {check.name} {failure.title}",
                f"{words}\n{check.failure_info.code_sample}\n{body}",
            )
