"""The sentence that a command prints when the product refuses its call."""

import httpx2
from pydantic import JsonValue

from huitou.client import problem

PROBLEM = {"content-type": "application/problem+json"}


def refusal(document: JsonValue) -> httpx2.Response:
    return httpx2.Response(422, json=document, headers=PROBLEM)


def test_a_refusal_of_fields_names_each_field_and_what_is_wrong_with_it() -> None:
    document: JsonValue = {
        "title": "The request cannot be accepted",
        "detail": "See `errors` for each field that has to be changed.",
        "code": "invalid_request",
        "errors": [
            {"pointer": "/path/kind", "detail": "Allowed here: rfm.", "code": "enum"},
            {"pointer": "/until", "detail": "A date is needed.", "code": "date"},
        ],
    }

    assert problem(refusal(document)) == (
        "The request cannot be accepted: /path/kind: Allowed here: rfm. "
        "/until: A date is needed. [invalid_request]"
    )


def test_a_refusal_without_fields_is_its_detail() -> None:
    document: JsonValue = {"title": "No such tier", "detail": "There is no tier x.", "code": "tier_not_found"}

    assert problem(refusal(document)) == "There is no tier x. [tier_not_found]"


def test_a_service_that_cannot_answer_sends_its_reader_to_the_status_and_not_to_headers() -> None:
    document: JsonValue = {
        "title": "Not available at the moment",
        "detail": "Try again after Retry-After, with the same Idempotency-Key.",
        "code": "unavailable",
    }

    sentence = problem(refusal(document))

    assert "`huitou status`" in sentence
    assert sentence.endswith("[unavailable]")
    assert "Idempotency-Key" not in sentence
