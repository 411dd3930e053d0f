"""One page per event: what happened, who publishes and reads it, and its fields."""

from collections.abc import Iterator, Mapping

from services.console.merging import Part
from services.console.reference.pages import Page, Section, as_json, code, fields, followed
from services.console.reference.words import WORDS, named
from shared.http.language import Language

PLACE = "events"

Document = Mapping[str, Part]


def pages(language: Language, document: Document) -> Iterator[Page]:
    """Yield the pages of all events of the AsyncAPI document, topic by topic."""
    schemas = document["components"]["schemas"]
    for name, channel in document["channels"].items():
        readers = [
            title.partition("_")[0]
            for title, operation in document["operations"].items()
            if operation["action"] == "receive" and operation["channel"]["$ref"] == f"#/channels/{name}"
        ]
        for event in channel["messages"]:
            yield _page(language, document["components"]["messages"][event], channel, readers, schemas)


def _page(
    language: Language, message: Document, channel: Document, readers: list[str], schemas: Document
) -> Page:
    words, name = WORDS[language], message["name"]
    _, payload = followed(message["payload"], schemas)
    examples = "\n\n".join(as_json(example["payload"]) for example in message["examples"][:1])
    return Page(
        path=f"{PLACE}/{name}",
        title=name,
        summary=" ".join(message["summary"].split()),
        group=channel["address"],
        about=[
            named(
                language, words["topic"], named(language, code(channel["address"]), channel["description"])
            ),
            named(language, words["publisher"], name.partition(".")[0]),
            named(language, words["readers"], words["comma"].join(readers)),
            named(language, words["key"], message["bindings"]["kafka"]["key"]["description"]),
        ],
        sections=[
            Section("payload", words["payload"], fields(language, payload, schemas)),
            Section("example", words["example"], examples),
        ],
    )
