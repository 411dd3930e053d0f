"""Every text of the documents has its Chinese, and no Chinese is left of a text that is gone."""

from collections import Counter
from typing import Any

import pytest

from huitou import registry
from shared.events import asyncapi
from shared.http import translation
from shared.http.app import build_app
from shared.service import Service

DOCUMENTS: dict[str, Any] = {service.name: build_app(service).openapi() for service in registry.services()}
FACTS = asyncapi.document()


def _own(service: Service) -> translation.Sentences:
    return translation.sentences(service.words / translation.FILE)


SHARED = translation.sentences(translation.SHARED)


@pytest.mark.parametrize("service", registry.services(), ids=lambda service: service.name)
def test_every_text_of_a_document_has_its_chinese(service: Service) -> None:
    texts = set(translation.texts(DOCUMENTS[service.name]))
    known = {**SHARED, **_own(service)}

    assert len(texts) > 200
    assert sorted(texts - known.keys()) == [], f"write these into {service.words / translation.FILE}"


def test_every_text_of_the_facts_has_its_chinese() -> None:
    assert sorted(set(translation.texts(FACTS)) - SHARED.keys()) == []


def test_no_chinese_is_left_of_a_text_that_is_gone() -> None:
    used = {name: set(translation.texts(document)) for name, document in DOCUMENTS.items()}
    everywhere = set().union(*used.values(), translation.texts(FACTS))

    assert sorted(SHARED.keys() - everywhere) == []
    for service in registry.services():
        assert sorted(_own(service).keys() - used[service.name]) == []


def test_a_text_of_several_services_is_translated_once() -> None:
    counted = Counter(text for service in registry.services() for text in _own(service))
    counted.update(SHARED.keys())

    assert [text for text, count in counted.items() if count > 1] == []


def test_the_chinese_keeps_the_code_words_of_the_english() -> None:
    known = {**SHARED, **{text: zh for service in registry.services() for text, zh in _own(service).items()}}
    lost = [
        (word, english)
        for english, chinese in known.items()
        for word in translation.code_words(english)
        if f"`{word}`" not in chinese
    ]

    assert lost == []
