"""Paths in which an id holds slashes: `/v1/customers/ext:gid%3A%2F%2Fshop%2F1` has three segments, not six.

A server decodes a path before it is routed, so an encoded slash would part the id that it belongs to. It is kept as one
character of no text until the path is parted.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

_SLASH = "\ue02f"
"""A character for private use: it stands for an encoded slash until the route is found."""
_ENCODED_SLASH = re.compile(rb"%2f", re.IGNORECASE)
_MARK = b"\xff"
"""A byte that no text in UTF-8 has. It stands for an encoded slash while the other characters are decoded, which costs little."""
_NO_TEXT = re.compile(rb"\xff|%ff", re.IGNORECASE)


def keep_encoded_slashes(scope: MutableMapping[str, Any]) -> None:
    """Put the path of a request that has encoded slashes into a form that a router parts at the other slashes only."""
    raw: bytes = scope.get("raw_path") or b""
    if _ENCODED_SLASH.search(raw):
        path = _NO_TEXT.sub(b"%fe", raw.partition(b"?")[0])  # as little a text, and no mark
        decoded = unquote_to_bytes(_ENCODED_SLASH.sub(_MARK, path)).replace(_MARK, _SLASH.encode())
        scope["path"] = decoded.decode("utf-8", "replace")


def with_slashes(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a path with the slashes that were encoded in it."""
    return {
        name: value.replace(_SLASH, "/") if isinstance(value, str) else value
        for name, value in parameters.items()
    }
