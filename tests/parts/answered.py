"""The codes of refusals that the services answered over HTTP in this run: the run of all tests must meet every documented one."""

import re

import httpx2
import pytest

EVERYTHING = "not bench and not chaos and not compose and not long"
"""The marks of `make test`, the run of all tests."""
CODES: set[str] = set()
"""The codes that this process has met. In a parallel run the controller gets those of its workers."""
OUTPUT = "answered_codes"
PROBLEM = "application/problem+json"
_CODE = re.compile(rb'"code": ?"([a-z0-9_]+)"')


def note_raw(answers: bytes) -> None:
    """Note the codes of the refusals in what was read from a connection."""
    if PROBLEM.encode() in answers:
        CODES.update(code.decode() for code in _CODE.findall(answers))


async def note(response: httpx2.Response) -> None:
    """Note the code of an answer that is a refusal."""
    is_refusal = response.headers.get("content-type", "").startswith(PROBLEM)
    if is_refusal and await response.aread():  # the answer to a HEAD has no body
        CODES.add(response.json()["code"])


def documented() -> set[str]:
    """Return every code that some operation documents."""
    from huitou import registry  # only the run of all tests waits for every service to be loaded
    from shared.http.app import build_app
    from shared.http.openapi import operations, refusals

    return {
        error.code
        for service in registry.services()
        for route in operations(build_app(service).router.routes)
        for error in refusals(route.operation)
    }


def is_everything(config: pytest.Config) -> bool:
    """Return whether this run was asked for all tests."""
    option = config.option
    return (
        config.args_source is pytest.Config.ArgsSource.TESTPATHS
        and option.markexpr == EVERYTHING
        and not (option.keyword or option.collectonly or getattr(option, "lf", False))
    )
