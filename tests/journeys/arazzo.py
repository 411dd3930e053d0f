"""A runner of Arazzo 1.0 documents: their steps are sent to a product, and what they promise of the answers is compared.

It knows the part of Arazzo that docs/journeys uses: operations of OpenAPI documents, parameters, JSON bodies, runtime expressions,
simple criteria, outputs, and failure actions that retry. Anything else is an error, so that no promise is passed over.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import yaml

Document = dict[str, Any]
Wait = Callable[[float], Awaitable[None]]
Send = Callable[[str, httpx2.Request], Awaitable[httpx2.Response]]
"""Sends a request to the service of this name."""

TRIES_MAX = 100
_EXPRESSION = re.compile(r"\$[A-Za-z][A-Za-z0-9_.]*(?:#/[^\s}]*)?")
_EMBEDDED = re.compile(r"\{(\$[^}]+)\}")
_CONDITION = re.compile(r"(?P<left>\$\S+) (?P<operator>==|!=) (?P<right>.+)")
_SOURCE = re.compile(r"\$sourceDescriptions\.(?P<source>\w+)\.(?P<operation>\w+)")
_WORDS = {"true": True, "false": False, "null": None}
_STEP_PARTS = {
    "stepId", "description", "operationId", "parameters", "requestBody", "successCriteria", "onFailure", "outputs", "x-zh",
}  # fmt: skip


class StepFailed(AssertionError):
    """An answer was not what its step promises."""


@dataclass(frozen=True)
class Journey:
    """One Arazzo document, and the operations of its sources by source and id: the method and the path."""

    name: str
    document: Document
    operations: Mapping[tuple[str, str], tuple[str, str]]


def read(path: Path) -> Journey:
    """Read a document and the OpenAPI documents that it names."""
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    operations: dict[tuple[str, str], tuple[str, str]] = {}
    for source in document["sourceDescriptions"]:
        described = json.loads((path.parent / source["url"]).read_text(encoding="utf-8"))
        for template, methods in described["paths"].items():
            for method, operation in methods.items():
                operations[source["name"], operation["operationId"]] = (method.upper(), template)
    return Journey(path.name.removesuffix(".arazzo.yaml"), document, operations)


@dataclass
class Run:
    """One execution of a workflow."""

    journey: Journey
    inputs: Mapping[str, Any]
    send: Send
    wait: Wait
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The outputs of the steps so far, by step."""

    async def workflow(self, workflow: Document) -> dict[str, Any]:
        """Do the steps of a workflow in order, and return its outputs. Raises StepFailed."""
        missing = set(workflow["inputs"]["required"]) - self.inputs.keys()
        assert not missing, f"{self.journey.name} needs {missing}"
        for step in workflow["steps"]:
            assert step.keys() <= _STEP_PARTS, f"this runner does not know all of {sorted(step)}"
            await self._step(step, workflow.get("parameters", []))
        return {name: self._value(text) for name, text in workflow.get("outputs", {}).items()}

    async def _step(self, step: Document, common: list[Document]) -> None:
        retries = step.get("onFailure", [])
        assert all(action["type"] == "retry" for action in retries), "only retries are known"
        tries = 1 + sum(action["retryLimit"] for action in retries)
        assert tries <= TRIES_MAX
        for last in [False] * (tries - 1) + [True]:
            answer = await self._request(step, common)
            failed = [
                criterion["condition"]
                for criterion in step["successCriteria"]
                if not self._holds(criterion["condition"], answer)
            ]
            if not failed:
                break
            if last:
                raise StepFailed(
                    f"{self.journey.name}/{step['stepId']}: {failed} of {answer.status_code} {answer.text}"
                )
            await self.wait(retries[0]["retryAfter"])
        self.outputs[step["stepId"]] = {
            name: self._value(text, answer) for name, text in step.get("outputs", {}).items()
        }

    async def _request(self, step: Document, common: list[Document]) -> httpx2.Response:
        named = _SOURCE.fullmatch(step["operationId"])
        assert named is not None, step["operationId"]
        method, path = self.journey.operations[named["source"], named["operation"]]
        headers: dict[str, str] = {}
        query: dict[str, str] = {}
        for parameter in [*common, *step.get("parameters", [])]:
            value = str(self._value(parameter["value"]))
            match parameter["in"]:
                case "path":
                    path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
                case "query":
                    query[parameter["name"]] = value
                case _:
                    headers[parameter["name"]] = value
        assert "{" not in path, f"{step['stepId']} leaves a parameter of {path} open"
        body = step.get("requestBody")
        request = httpx2.Request(
            method,
            f"http://service{path}",
            params=query or None,
            headers=headers,
            json=self._value(body["payload"]) if body else None,
        )
        return await self.send(named["source"], request)

    def _holds(self, condition: str, answer: httpx2.Response) -> bool:
        parts = _CONDITION.fullmatch(condition)
        assert parts is not None, f"this runner does not know {condition}"
        same = bool(self._value(parts["left"], answer) == self._operand(parts["right"], answer))
        return same if parts["operator"] == "==" else not same

    def _operand(self, text: str, answer: httpx2.Response) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if text.startswith("'"):
            return text.strip("'")
        return self._value(text, answer) if text.startswith("$") else json.loads(text)

    def _value(self, value: Any, answer: httpx2.Response | None = None) -> Any:
        """Return a value with its runtime expressions replaced."""
        if isinstance(value, dict):
            return {name: self._value(inner, answer) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, answer) for inner in value]
        if not isinstance(value, str):
            return value
        if _EXPRESSION.fullmatch(value):
            return self._expression(value, answer)
        return _EMBEDDED.sub(lambda embedded: str(self._expression(embedded[1], answer)), value)

    def _expression(self, text: str, answer: httpx2.Response | None) -> Any:
        name, _, pointer = text.partition("#")
        match name.split("."):
            case ["$inputs", key]:
                return self.inputs[key]
            case ["$steps", step, "outputs", key]:
                return self.outputs[step][key]
            case ["$statusCode"] if answer is not None:
                return answer.status_code
            case ["$response", "body"] if answer is not None:
                return _at(answer.json(), pointer)
        raise AssertionError(f"this runner does not know {text}")


def _at(document: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer (RFC 6901), or None if there is none."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(name)] if name.isdigit() and int(name) < len(document) else None
        else:
            document = document.get(name) if isinstance(document, dict) else None
    return document
