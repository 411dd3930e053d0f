"""Every text of an answer says who reads it: beside its field, by the mark `ReadBy`."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from huitou import registry
from shared.auth.principal import SubjectKind
from shared.http.app import kernel_routers
from shared.http.models import Response
from shared.http.readers import READER, ReadBy

IDS = {
    "id", "identity_id", "identity_ids", "customer_id", "purchase_id", "return_id", "remedy_id", "complaint_id", "event_id",
    "lot_id", "to_lot_id", "transaction_id", "policy_id", "calendar_id", "retry_of", "duplicate_of", "follows", "behind",
    "number", "next_cursor", "partner_id", "redemption_id", "activity_id", "replaces", "object_id", "objects", "operator_id", "request_id", "job_id",
}  # fmt: skip
"""Ids of ours, and pseudonyms."""
MERCHANTS = {
    "source", "order_id", "sku", "category", "brand", "channel", "store", "programme", "rule", "cap", "goal", "budget", "promotion", "activity", "ActivityOut.kind", "ActivityOut.facts", "RulebookDetailOut.document", "RulebookDraftDetailOut.document", "ProgrammeOut.document", "ProgrammeVersionDetailOut.document", "ProgrammeDraftOut.document", "RewardOut.document", "reward", "CouponOut.document", "coupon", "promotions", "text_en", "text_zh",
    "RulebookDraftOut.name", "RulebookDraftDetailOut.name", "RulebookDraftChangesOut.name", "name_en", "name_zh", "issuer",
}  # fmt: skip
"""Codes and names that the merchant gives to what it sells and configures."""
WORDS_OF_OURS = {
    "currency", "code", "priority", "refusal_code", "zone", "preparation", "gates", "figures", "consumer", "type", "topic",
    "monetary", "problem", "SetAsideRecord.headers", "roles", "operation", "AuditOut.outcome", "field", "before", "after",
    "ApiKeyOut.label", "CreatedApiKeyOut.label", "scopes", "CreatedApiKeyOut.key", "access_token", "token_type", "scope",
    "hash", "fact", "compared_with", "MonthOut.month", "programme_version", "SimulationOut.tier", "quote_hash", "rulebook_hash", "QuoteOut.tier", "PricesOut.tier", "PricesOut.key", "RewardClaimOut.tier",
    "JobOut.result", "JobOut.parameters", "JobOut.outcomes", "JobErrorOut.pointer",
    "ApprovalOut.address", "ApprovalOut.path", "ApprovalOut.fields", "ApprovalOut.created", "ApprovalOut.refusal",
}  # fmt: skip
"""Codes of ours, and what holds nothing but them."""
NO_TEXTS = IDS | MERCHANTS | WORDS_OF_OURS
"""The fields of answers that hold no text of a person. Every other field that can hold a text declares its readers."""

TEXTS = {
    "title", "body", "reason", "note", "method", "text", "key", "awaits", "BookedRedemptionOut.reference",
    "PurchaseLineOut.name", "JobErrorOut.detail", "RulebookChangeOut.detail", "ProgrammeChangeOut.detail",
    "decision", "owner_id",
}  # fmt: skip
"""Declared texts that are no identifier and no name: what people wrote, names of products, codes, and pseudonyms of operators. They are not masked."""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation, and those in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for inner in get_args(annotation):
        if get_origin(annotation) is not Literal:
            yield from _models(inner)


def _holds_text(annotation: Any) -> bool:
    """Return whether a field of this type can hold a text that is not one of declared values."""
    if get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return False
    if annotation in (str, Any, object):
        return True
    return any(_holds_text(inner) for inner in get_args(annotation))


def _answers() -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = set()
    for service in registry.services():
        kernel = (route for router in kernel_routers(service) for route in registry.routes_of(router))
        for route in (*registry.routes(service), *kernel):
            shown = [route.response_model, *(more.get("model") for more in route.responses.values())]
            for annotation in shown:
                found |= set(_models(annotation))
    return found


def _is_declared(field: FieldInfo) -> bool:
    return any(isinstance(mark, ReadBy) for mark in field.metadata)


def test_every_text_of_an_answer_says_who_reads_it() -> None:
    undeclared = [
        f"{model.__name__}.{name}"
        for model in _answers()
        for name, field in model.model_fields.items()
        if _holds_text(field.annotation) and not _is_declared(field)
        and not NO_TEXTS & {name, f"{model.__name__}.{name}"}
    ]  # fmt: skip
    assert undeclared == [], (
        "declare who reads these texts (shared/http/readers.py), or that they are codes (here)"
    )


def test_every_identifier_and_name_of_a_person_is_masked() -> None:
    unmasked = [
        (name, f"{model.__name__}.{name}")
        for model in _answers()
        for name, field in model.model_fields.items()
        if any(isinstance(mark, ReadBy) and mark.mask is None for mark in field.metadata)
    ]
    undeclared = [exact for name, exact in unmasked if not TEXTS & {name, exact}]
    assert undeclared == [], (
        "declare these as IDENTIFIER, PERSON or ACTOR (shared/http/readers.py), or as texts here"
    )
    assert TEXTS - {listed for names in unmasked for listed in names} == set()


def test_no_name_is_listed_for_nothing() -> None:
    named = {
        listed
        for model in _answers()
        for name, field in model.model_fields.items()
        if _holds_text(field.annotation) and not _is_declared(field)
        for listed in (name, f"{model.__name__}.{name}")
    }
    assert NO_TEXTS - named == set()


class _Answer(Response):
    secret: Annotated[str | None, ReadBy("operator")]
    named: Annotated[str, ReadBy("operator", "partner")]


@pytest.mark.parametrize(
    ("reader", "seen"),
    [("operator", ("why", "x")), ("partner", (None, "x")), ("customer", (None, "")), (None, (None, ""))],
)
def test_only_its_readers_get_a_text(reader: SubjectKind | None, seen: tuple[str | None, str]) -> None:
    token = READER.set(reader)
    try:
        shown = json.loads(_Answer(secret="why", named="x").model_dump_json())
    finally:
        READER.reset(token)
    assert (shown["secret"], shown["named"]) == seen
    described = _Answer.model_json_schema(mode="serialization")["properties"]
    assert (described["named"]["type"], described["secret"]["x-read-by"]) == ("string", ["operator"])
