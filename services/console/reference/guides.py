"""One page per journey: its steps in words, with the requests and what to expect of the answers."""

import re
from collections.abc import Iterator, Mapping

from services.console.journeys import SUFFIX, Journey
from services.console.merging import OWNER, Part
from services.console.reference import operations
from services.console.reference.pages import Page, Section, as_json, code, link, table
from services.console.reference.words import WORDS, named
from shared.http.language import Language

PLACE = "guides"
_SOURCE = re.compile(r"\$sourceDescriptions\.(\w+)\.(\w+)")

Document = Mapping[str, Part]


def pages(language: Language, document: Document, journeys: Mapping[str, Journey]) -> Iterator[Page]:
    """Yield the pages of all journeys. `document` has the operations that their steps call."""
    known = {
        (operation[OWNER], operation["operationId"].removesuffix(f"_of_{operation[OWNER]}")): (
            path, method, operation,
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }  # fmt: skip
    for journey in journeys.values():
        yield _page(language, journey, known)


def _page(language: Language, journey: Journey, known: Mapping[tuple[str, str], Part]) -> Page:
    words, info = WORDS[language], journey.document["info"]
    sections: list[Section] = []
    number = 0
    for workflow in journey.document["workflows"]:
        sections.append(
            Section(workflow["workflowId"], _said(language, workflow, "summary"), _needs(language, workflow))
        )
        for step in workflow["steps"]:
            number += 1
            sections.append(_step(language, workflow, step, number, known))
    document = f"[{journey.name}{SUFFIX}](/journeys/{journey.name}{SUFFIX})"
    return Page(
        path=f"{PLACE}/{journey.name}",
        title=_said(language, info, "title"),
        summary=f"{_said(language, info, 'summary')}\n\n{words['from_document'].format(document=document)}",
        group=words["guides"],
        sections=sections,
    )


def _said(language: Language, part: Document, name: str) -> str:
    """Return a text of an Arazzo document in a language."""
    return str(part.get("x-zh", {}).get(name, part.get(name, "")) if language == "zh" else part.get(name, ""))


def _needs(language: Language, workflow: Document) -> str:
    words = WORDS[language]
    rows = [
        (code(f"$inputs.{name}"), _said(language, about, "description"))
        for name, about in workflow["inputs"]["properties"].items()
    ]
    return "\n\n".join(
        part
        for part in (
            _said(language, workflow, "description"), table((words["needs"], words["meaning"]), rows),
        )
        if part
    )  # fmt: skip


def _step(
    language: Language, workflow: Document, step: Document, number: int, known: Mapping[tuple[str, str], Part]
) -> Section:
    words = WORDS[language]
    source = _SOURCE.fullmatch(step["operationId"])
    assert source is not None, step["operationId"]
    title, parts = step["stepId"], [_said(language, step, "description")]
    if (found := known.get((source[1], source[2]))) is not None:
        path, method, operation = found
        title = operation["summary"]
        call = link(code(f"{method.upper()} {path}"), language, operations.PLACE, operation["operationId"])
        parts.append(named(language, f"**{words['request']}**", call))
    given = [*workflow.get("parameters", ()), *step.get("parameters", ())]
    rows = [(code(item["name"]), code(item["value"])) for item in given]
    parts.append(table((words["parameter"], words["meaning"]), rows))
    if "requestBody" in step:
        parts.append(as_json(step["requestBody"]["payload"]))
    expected = "\n".join(f"* {code(criterion['condition'])}" for criterion in step["successCriteria"])
    parts.append(_under(language, "expected", expected))
    parts += [
        words["again"].format(seconds=action["retryAfter"], times=action["retryLimit"])
        for action in step.get("onFailure", ())
    ]
    if outputs := step.get("outputs"):
        kept = "\n".join(f"* {code(name)}: {code(value)}" for name, value in outputs.items())
        parts.append(_under(language, "keeps", kept))
    return Section(step["stepId"], f"{number}. {title}", "\n\n".join(part for part in parts if part))


def _under(language: Language, word: str, lines: str) -> str:
    """Return a list below the word that says what it lists."""
    return f"{named(language, f'**{WORDS[language][word]}**', '').rstrip()}\n\n{lines}"
