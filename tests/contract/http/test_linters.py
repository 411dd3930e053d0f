"""Two linters find nothing in the committed documents. The files of their rules say what is not asked for, and why."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts import npm

pytestmark = [pytest.mark.node, pytest.mark.slow]
DOCUMENTS = sorted((npm.FOLDER.parents[1] / "docs/openapi").glob("*.json"))


def spectral(*documents: Path) -> list[str]:
    """Return what Spectral finds, whatever its severity."""
    rules = str(npm.FOLDER / "spectral.yaml")
    ended = npm.run(
        "spectral", "lint", "--quiet", "-f", "json", "-F", "hint", "-r", rules, *map(str, documents)
    )
    assert ended.returncode in (0, 1), ended.stderr
    findings: list[dict[str, Any]] = json.loads(ended.stdout)
    return [f"{finding['code']}: {'/'.join(map(str, finding['path']))}" for finding in findings]


def redocly(*documents: Path) -> list[str]:
    """Return what Redocly finds, whatever its severity."""
    rules = str(npm.FOLDER / "redocly.yaml")
    ended = npm.run("redocly", "lint", "--format", "json", "--config", rules, *map(str, documents))
    assert ended.returncode in (0, 1), ended.stderr
    findings = [finding for report in _reports(ended.stdout) for finding in report["problems"]]
    return [f"{finding['ruleId']}: {finding['message']}" for finding in findings]


def _reports(text: str) -> Iterator[dict[str, Any]]:
    """Yield the reports that stand one behind the other, one for each document."""
    while text := text.strip():
        report, end = json.JSONDecoder().raw_decode(text)
        yield report
        text = text[end:]


Linter = Callable[..., list[str]]
each_linter = pytest.mark.parametrize("linter", [spectral, redocly])


@each_linter
def test_a_linter_finds_nothing(linter: Linter) -> None:
    assert len(DOCUMENTS) == 4
    assert linter(*DOCUMENTS) == []


@each_linter
def test_a_linter_finds_an_operation_without_an_id(linter: Linter, tmp_path: Path) -> None:
    document = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))
    document["paths"] = dict(list(document["paths"].items())[:1])
    for operation in document["paths"][next(iter(document["paths"]))].values():
        del operation["operationId"]
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document), encoding="utf-8")

    assert any(finding.startswith("operation-operationId") for finding in linter(broken))


def test_spectral_allows_only_health_to_be_asked_without_a_token(tmp_path: Path) -> None:
    document = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))
    path = next(path for path, methods in document["paths"].items() if "get" in methods)
    document["paths"] = {path: document["paths"][path]}
    document["paths"][path]["get"]["security"] = []
    public = tmp_path / "public.json"
    public.write_text(json.dumps(document), encoding="utf-8")

    assert any(finding.startswith("owasp:api2:2023-read-restricted") for finding in spectral(public))
