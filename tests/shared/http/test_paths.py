"""A path with encoded slashes is parted at its other slashes only, and holds the text that was sent."""

from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.paths import keep_encoded_slashes, with_slashes


def parts_of(raw: bytes) -> list[str]:
    """The segments of the path as a router parts it, as a route takes them."""
    scope: dict[str, Any] = {"raw_path": raw, "path": unquote(raw.partition(b"?")[0].decode("latin-1"))}
    keep_encoded_slashes(scope)
    return [with_slashes({"part": part})["part"] for part in scope["path"].split("/")]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=9), min_size=1, max_size=4))
def test_each_segment_is_the_text_that_was_encoded(texts: list[str]) -> None:
    assert parts_of("/".join(quote(text, safe="") for text in texts).encode()) == texts


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"a%2fb%2Fc/d?e%2Ff", ["a/b/c", "d"]),
        (b"%2f%ff%FF\xff/a", ["/���", "a"]),
        (b"%2f%e4%b8/%ad", ["/�", "�"]),
        (b"%2f%2/%", ["/%2", "%"]),
        (b"%252f%2f", ["%2f/"]),
    ],
)
def test_bytes_that_are_no_text_are_no_slashes(raw: bytes, parts: list[str]) -> None:
    assert parts_of(raw) == parts
