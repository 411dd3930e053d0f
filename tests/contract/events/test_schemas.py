"""Facts about the committed schemas and examples, and about what a published event may become."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.events import ALL, BY_TYPE, compatibility, publication, schema
from shared.events import __main__ as contracts
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from tests.contract.events.shapes import EVENTS, EXAMPLES

Change = Callable[[dict[str, Any]], object]


def test_what_is_committed_is_what_the_models_generate() -> None:
    assert contracts.differing() == [], "run `make contracts`"


@pytest.mark.parametrize("event", EVENTS)
def test_a_schema_is_a_schema(event: type[Event]) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema.path(event).read_text(encoding="utf-8")))


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_has_two_examples_and_one_of_them_is_minimal(event: type[Event]) -> None:
    examples = schema.examples(event)
    required = set(schema.generate(event)["required"])

    assert len(examples) >= 2
    assert set(examples["minimal.json"]) == required


@pytest.mark.parametrize(("event", "name"), EXAMPLES)
def test_an_example_reads_and_writes_the_same(event: type[Event], name: str) -> None:
    example = schema.examples(event)[name]

    read = event.model_validate_json(json.dumps(example))

    assert json.loads(read.model_dump_json(exclude_none=True)) == {**_defaults(read), **example}
    jsonschema.validate(example, schema.generate(event), jsonschema.Draft202012Validator)


def test_the_examples_belong_to_events() -> None:
    folders = {path.name for path in schema.EXAMPLES.iterdir() if path != schema.DIGESTS}

    assert folders == set(BY_TYPE)


def test_every_promise_is_kept() -> None:
    assert publication.broken() == []


def test_every_event_and_every_example_is_published() -> None:
    assert set(publication.promised_schemas()) == {event.type for event in ALL}, "run `make contracts`"
    assert publication.promised_digests() == publication.digests(), "run `make contracts`"


def test_an_example_that_is_deleted_or_changed_breaks_a_promise() -> None:
    promises = publication.promised_digests()
    path = next(iter(promises))

    assert list(publication.broken_examples({"gone.v1/full.json": "0"})) == [
        "example gone.v1/full.json: it was deleted"
    ]
    assert list(publication.broken_examples({**promises, path: "0"})) == [f"example {path}: it was changed"]


def test_an_event_that_is_taken_away_breaks_a_promise() -> None:
    promise = schema.generate(PurchaseRecorded)

    assert list(publication.broken_schemas({"profile.purchase_dreamt.v1": promise})) == [
        "profile.purchase_dreamt.v1: the event was taken away"
    ]


def test_a_field_that_is_taken_away_breaks_the_promise_of_the_committed_schema() -> None:
    promise = copy.deepcopy(schema.generate(PurchaseRecorded))
    promise["properties"]["gift"] = {"type": "boolean", "default": False}

    assert list(publication.broken_schemas({PurchaseRecorded.type: promise})) == [
        "profile.purchase_recorded.v1 .gift: the field was taken away"
    ]


def test_nothing_is_written_over_a_broken_promise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schema, "DIGESTS", tmp_path / "SHA256SUMS")
    schema.DIGESTS.write_text("0  profile.purchase_recorded.v1/full.json\n", encoding="utf-8")

    assert contracts.main(["write"]) == 1
    assert schema.DIGESTS.read_text(encoding="utf-8") == "0  profile.purchase_recorded.v1/full.json\n"


def test_an_event_may_gain_an_optional_field_and_better_words() -> None:
    old = schema.generate(PurchaseRecorded)
    new = copy.deepcopy(old)
    new["properties"]["gift"] = {"type": "boolean", "default": False}
    new["$defs"]["PurchaseLine"]["properties"]["season"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    new["properties"]["source"]["description"] = "Better words."

    assert compatibility.breaks(old, new) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda new: new["properties"].pop("store"), "taken away"),
        (lambda new: new["required"].append("store"), "required now"),
        (lambda new: new["required"].remove("source"), "optional now"),
        (lambda new: new["properties"]["source"].update(maxLength=63), "maxLength"),
        (lambda new: new["properties"]["source"].update(maxLength=65), "maxLength"),
        (lambda new: new["properties"]["source"].pop("pattern"), "pattern"),
        (lambda new: new["properties"]["store"]["anyOf"][0].update(maxLength=3), "maxLength"),
        (lambda new: new["properties"]["store"]["anyOf"].pop(), "anyOf"),
        (lambda new: new["properties"]["lines"].update(maxItems=2_000), "maxItems"),
        (lambda new: new["$defs"]["PurchaseLine"]["properties"]["quantity"].update(type="string"), "type"),
        (lambda new: new["$defs"]["PurchaseLine"]["required"].append("brand"), "required now"),
        (lambda new: new["$defs"]["Cause"]["properties"].pop("kind"), "taken away"),
        (lambda new: new.update(additionalProperties=False), "additionalProperties"),
    ],
)
def test_any_other_change_is_a_new_version(change: Change, word: str) -> None:
    old = schema.generate(PurchaseRecorded)
    new = copy.deepcopy(old)

    change(new)

    assert any(word in sentence for sentence in compatibility.breaks(old, new))


def _defaults(event: Event) -> dict[str, Any]:
    """Optional fields are written also when they have their default, but for null."""
    fields = type(event).model_fields
    named = {name for name, field in fields.items() if not field.is_required() and field.default is not None}
    untold = event.model_copy(update={name: fields[name].default for name in named})
    written: dict[str, Any] = json.loads(untold.model_dump_json(include=named))
    return written
