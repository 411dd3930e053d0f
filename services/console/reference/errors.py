"""One page per error code: what it means, what to do, and which operations answer with it."""

from collections.abc import Iterator, Mapping

from services.console.merging import OWNER, Part, own_tag
from services.console.reference import operations
from services.console.reference.pages import Page, Section, as_json, link
from services.console.reference.words import WORDS, heading, named
from shared.http.documents import PROBLEMS
from shared.http.language import Language

PLACE = "errors"
SHARE_OF_ALL = 0.8
"""The share of all operations above which an error is said to be of any operation."""

Document = Mapping[str, Part]


def pages(language: Language, document: Document) -> Iterator[Page]:
    """Yield the pages of all codes, in the order of the alphabet."""
    examples: dict[str, Document] = dict(document[PROBLEMS])
    answered: dict[str, list[Document]] = {name: [] for name in examples}
    count = 0
    for methods in document["paths"].values():
        for operation in methods.values():
            count += 1
            for _, name, example in operations.refusals(operation):
                examples.setdefault(name, example["value"])
                answered.setdefault(name, []).append(operation)
    for name in sorted(examples):
        yield _page(language, name, examples[name], answered[name], count)


def _page(language: Language, name: str, example: Document, answered: list[Document], count: int) -> Page:
    words = WORDS[language]
    if not answered:
        where = words["before_operations"]
    elif len(answered) >= SHARE_OF_ALL * count:
        where = words["everywhere"]
    else:
        where = "\n".join(
            f"* {link(operation['summary'], language, operations.PLACE, operation['operationId'])}"
            + words["of_service"].format(
                words="", service=heading(language, operation[OWNER], own_tag(operation))
            )
            for operation in answered
        )
    return Page(
        path=f"{PLACE}/{name}",
        title=example["title"],
        summary=example["detail"],
        group=str(example["status"]),
        about=[
            named(language, words["code"], f"`{name}`"),
            named(language, words["status"], str(example["status"])),
        ],
        sections=[
            Section("where", words["where"], where),
            Section("example", words["example"], as_json(example)),
        ],
    )
