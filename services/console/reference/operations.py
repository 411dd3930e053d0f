"""One page per operation, and the page about what all operations have in common."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from services.console.merging import OWNER, Part, own_tag
from services.console.reference.pages import Page, Section, as_json, block, code, fields, link, table, type_of
from services.console.reference.words import WORDS, heading, named
from shared.http.language import Language
from shared.http.problems import MEDIA_TYPE

PLACE = "operations"
_PLACES = {"path": "path", "query": "query", "header": "header_place"}

Document = Mapping[str, Part]


def pages(language: Language, document: Document) -> Iterator[Page]:
    """Yield the pages of all operations of the merged document, in its order."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _page(language, document, path, method.upper(), operation)


def _page(language: Language, document: Document, path: str, method: str, operation: Document) -> Page:
    words, service = WORDS[language], operation[OWNER]
    tried = f"{code(f'{method} {path}')} · [{words['try']}]({_trial(operation)})"
    about = [
        named(language, words["service"], service),
        named(language, words["call"], code(f"{method} {path.removeprefix(f'/{service}')}")),
        named(language, words["through_console"], tried),
    ]
    sections = [
        Section("parameters", words["parameters"], _parameters(language, document, operation)),
        Section("body", words["body"], _body(language, document, operation)),
        Section("example", words["example"], _curl(path, method, operation)),
        Section("answers", words["answers"], _answers(language, document, operation)),
        Section("refusals", words["refusals"], _refusals(language, operation)),
    ]
    return Page(
        path=f"{PLACE}/{operation['operationId']}",
        title=operation["summary"],
        summary=operation.get("description", ""),
        group=heading(language, service, own_tag(operation)),
        about=about,
        sections=[section for section in sections if section.body],
    )


def _trial(operation: Document) -> str:
    """Return the address of the operation on the page on which it can be tried."""
    return f"/docs#/{quote(operation['tags'][0])}/{quote(operation['operationId'])}"


def _parameters(language: Language, document: Document, operation: Document) -> str:
    words, schemas = WORDS[language], document["components"]["schemas"]
    rows = [
        (
            code(parameter["name"]),
            words[_PLACES[parameter["in"]]],
            type_of(language, parameter["schema"], schemas)
            + (f" · {words['required']}" if parameter["required"] else ""),
            parameter.get("description", ""),
        )
        for parameter in operation.get("parameters", ())
    ]
    return table((words["parameter"], words["in"], words["type"], words["meaning"]), rows)


def _body(language: Language, document: Document, operation: Document) -> str:
    body = operation.get("requestBody", {})
    parts = [body.get("description", "")]
    for kind, content in body.get("content", {}).items():
        parts += [
            code(kind),
            fields(language, content.get("schema", {}), document["components"]["schemas"]),
        ]
    return "\n\n".join(part for part in parts if part)


def _curl(path: str, method: str, operation: Document) -> str:
    """Return a command that calls the operation through the console, with the examples of the document."""
    query: list[str] = []
    lines = [] if operation.get("security") == [] else ['-H "Authorization: Bearer $TOKEN"']
    for parameter in operation.get("parameters", ()):
        if not parameter["required"] or "example" not in parameter:
            continue
        value = str(parameter["example"])
        match parameter["in"]:
            case "path":
                path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=":"))
            case "query":
                query.append(f"{parameter['name']}={quote(value, safe='')}")
            case _:
                lines.append(f'-H "{parameter["name"]}: {value}"')
    target = path + (f"?{'&'.join(query)}" if query else "")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        example = content.get("example")
        lines.append(f'-H "Content-Type: {kind}"')
        shown = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
        lines.append(f"--data-binary '{shown.strip()}'")
    first = f'curl -X {method} "$HUITOU{target}"' if method != "GET" else f'curl "$HUITOU{target}"'
    return block(" \\\n  ".join([first, *lines]), "sh")


def _answers(language: Language, document: Document, operation: Document) -> str:
    words, schemas = WORDS[language], document["components"]["schemas"]
    parts: list[str] = []
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            continue
        parts.append(f"### {status} {response['description']}")
        for kind, content in response.get("content", {}).items():
            shown = fields(language, content.get("schema", {}), schemas)
            parts += [shown or code(kind), as_json(content.get("example"))]
        rows = [
            (code(name), _header(header, document)) for name, header in response.get("headers", {}).items()
        ]
        parts.append(table((words["header"], words["meaning"]), rows))
    return "\n\n".join(part for part in parts if part)


def _header(header: Document, document: Document) -> str:
    if "$ref" in header:
        header = document["components"]["headers"][header["$ref"].rpartition("/")[2]]
    return str(header.get("description", ""))


def _refusals(language: Language, operation: Document) -> str:
    words = WORDS[language]
    rows = [
        (status, link(code(name), language, "errors", name), example["summary"])
        for status, name, example in refusals(operation)
    ]
    return f"{words['refusals_words']}\n\n{table((words['status'], words['code'], words['meaning']), rows)}"


def refusals(operation: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield the status, the code and the example of each refusal of an operation."""
    for status, response in operation["responses"].items():
        examples = response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
        for name, example in examples.items():
            yield status, name, example


def overview(language: Language, document: Document) -> Page:
    """Return the page about tokens, limits, rates and what else all operations have in common."""
    words = WORDS[language]
    first, _, rest = document["info"]["description"].partition("\n\n")
    return Page(
        path="overview",
        title=words["overview"],
        summary=first,
        sections=[
            Section("rules", words["more"], rest),
            *(
                Section(f"token-{name}", named(language, words["authorisation"], name), scheme["description"])
                for name, scheme in document["components"].get("securitySchemes", {}).items()
            ),
        ],
    )
