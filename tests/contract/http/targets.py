"""The apps that are sent bad input, one request with bad input, and what is wrong with the answer to it."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from services.console.main import create_app
from services.console.settings import Settings as ConsoleSettings
from shared.clock import ManualClock
from shared.limits import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX
from tests.contract.http.places import Schema
from tests.parts import tokens
from tests.parts.databases import Kind
from tests.parts.opened import ADMIN, SERVICES, opened

TARGETS = (*SERVICES, "till", "console")
"""The four services, the kernel's toy service, and the console."""
NOBODY_LISTENS = 1
"""A port below 1024 that no service of ours can have."""
REFUSED_BY_MEANING = (403, 404, 409, 413, 422)
"""The statuses by which a well-formed request may be refused."""
BROKEN = {("till", "void_sale"), ("till", "meet_bug"), ("till", "get_surprise")}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def parameters(self) -> Sequence[Mapping[str, Any]]:
        """The parameters in the path, the query and the headers."""
        parameters: Sequence[Mapping[str, Any]] = self.described.get("parameters", ())
        return parameters

    def named(self, place: str) -> Iterator[tuple[str, Schema]]:
        """Yield the names and schemas of the parameters of one place: `path`, `query`."""
        return ((p["name"], p["schema"]) for p in self.parameters if p["in"] == place)

    @property
    def content(self) -> Mapping[str, Any] | None:
        """The schema of the JSON body and its example; None without a body."""
        body = self.described.get("requestBody")
        content: Mapping[str, Any] | None = body and body["content"].get("application/json")
        return content

    @property
    def sent(self) -> tuple[bytes | None, Headers]:
        """The body of the example as it is sent, of whatever type, with the header that names its type; None without a body."""
        body = self.described.get("requestBody")
        if body is None:
            return None, ()
        ((media_type, content),) = body["content"].items()
        example = content["example"]
        encoded = example
        if media_type == "application/json":
            encoded = json.dumps(example)
        elif media_type == "application/x-www-form-urlencoded":
            encoded = urlencode(example)
        return encoded.encode(), ((b"content-type", media_type.encode()),)

    @property
    def takes_a_key(self) -> bool:
        """Whether there is an Idempotency-Key."""
        return any(parameter["name"] == "Idempotency-Key" for parameter in self.parameters)

    @property
    def body_bytes_max(self) -> int:
        """The largest body."""
        return BATCH_BODY_BYTES_MAX if self.path.endswith(":batch") else BODY_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Target:
    """An app that runs in this process, and what is needed to ask it."""

    name: str
    document: Mapping[str, Any]
    client: httpx2.AsyncClient
    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 3, 10, tzinfo=UTC)))
    """The clock of the service. The console has none."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids of what is there, by the name of the path parameter that takes them."""

    @property
    def checks_queries(self) -> bool:
        """Whether parameters that are unknown or given twice are refused by name. A page takes what a link to it adds."""
        return self.name != "console"

    @property
    def all_operations(self) -> list[Operation]:
        """Every operation of the document."""
        return [
            Operation(method.upper(), path, described)
            for path, methods in self.document["paths"].items()
            for method, described in methods.items()
        ]

    @property
    def operations(self) -> list[Operation]:
        """Every operation, but for those that the toy service has in order to break."""
        return [
            operation
            for operation in self.all_operations
            if (self.name, operation.described["operationId"]) not in BROKEN
        ]

    def path(self, operation: Operation, **ids: str) -> str:
        """Return the path with these ids in it, and else with ids of what is there."""
        names = [name for name, _ in operation.named("path")]
        known = dict.fromkeys(names, "bg_nbd") | dict(self.ids)
        return operation.path.format_map(known | ids)


@dataclass(frozen=True, slots=True)
class Case:
    """One request with bad input, and the answers that are right."""

    kind: str
    method: str
    path: str
    statuses: Sequence[int]
    """The refusals that are right."""
    may_pass: bool = False
    """Whether it may also be accepted."""
    operation: Operation | None = None
    content: bytes | None = None
    headers: Headers = ()
    codes: Sequence[str] = ()
    """The codes of the problem that are right; empty for any."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """The codes of the wrong fields, by pointer; all of them."""
    secret: str = ""
    """A text that no refusal may repeat."""
    allow: str = ""
    """The methods that a refusal must name in its header Allow."""


@asynccontextmanager
async def open_target(
    name: str, folder: Path, kind: Kind, *, later: timedelta = timedelta()
) -> AsyncIterator[Target]:
    """Run a service with something in it, or the console with no service around it. It is asked `later` than it was filled."""
    if name == "console":
        app = create_app(ConsoleSettings(port_base=NOBODY_LISTENS))
        async with app.router.lifespan_context(app), tokens.client(app, None, raises=False) as client:
            yield Target(name, app.openapi(), client)
        return
    async with opened(name, folder, kind) as house:
        house.clock.advance(later)
        if later and "approval_id" in house.of_owner:
            house.of_owner["approval_id"] = await house.propose()
        async with house.client(ADMIN) as client:
            yield Target(name, house.app.openapi(), client, house.clock, house.of_owner)


async def send(target: Target, case: Case) -> httpx2.Response:
    """Send a case. A job that it began is cancelled, because a principal has few open jobs."""
    answer = await target.client.request(
        case.method, case.path, content=case.content, headers=list(case.headers)
    )
    begun = answer.headers.get("location", "")
    if begun.startswith("/v1/jobs/"):
        await target.client.post(f"{begun}:cancel")
    return answer


def faults(target: Target, case: Case, answer: httpx2.Response) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with an answer."""
    status = answer.status_code
    if answer.is_success and not case.may_pass:
        yield f"{status}: it was accepted"
    if not REQUEST_ID.fullmatch(answer.headers["request-id"]):
        yield f"its request id is {answer.headers['request-id']!r}"
    if answer.is_success:
        return
    if status not in case.statuses:
        yield f"{status} is none of {case.statuses}: {answer.text[:300]}"
        return
    if "x-a" in answer.headers:
        yield "a line of the request became a header"
    if case.secret and case.secret in answer.text:
        yield f"it repeats {case.secret[:20]}: {answer.text[:300]}"
    yield from _faults_of_a_problem(case, answer)


def _faults_of_a_problem(case: Case, answer: httpx2.Response) -> Iterator[str]:
    if answer.headers["content-type"] != "application/problem+json":
        yield f"it is {answer.headers['content-type']}"
        return
    problem = answer.json()
    code = problem["code"]
    if case.allow and answer.headers["allow"] != case.allow:
        yield f"it allows {answer.headers['allow']}, not {case.allow}"
    if problem["request_id"] != answer.headers["request-id"]:
        yield "its request ids differ"
    if (problem["status"], problem["type"]) != (answer.status_code, f"/problems/{code}"):
        yield f"its status and type are {problem['status']} and {problem['type']}"
    if not problem["title"] or not problem["detail"] or code == "internal_error":
        yield f"it says too little: {problem}"
    if case.codes and code not in case.codes:
        yield f"its code is {code}, not {case.codes}"
    if case.errors:
        errors = {error["pointer"]: error["code"] for error in problem.get("errors", ())}
        if errors != case.errors:
            yield f"its errors are {errors}, not {case.errors}"
    documented = case.operation is None or str(answer.status_code) in case.operation.described["responses"]
    if not documented and code not in ("not_found", "method_not_allowed"):
        yield f"{answer.status_code} {code} is not documented"
