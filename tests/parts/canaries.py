"""Texts that must not be found in any file of a home, and the search for them in every way in which they could be written."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

NAME, LATIN = "欧阳震华", "Wilhelmina-Canaryson"
PHONE, EMAIL = "13912345678", "canary.person@example.org"
CANARIES = (NAME, LATIN, PHONE, EMAIL)
ABROAD = f"+86 {PHONE}"
"""The phone as people write it for callers from abroad."""


def written(text: str) -> dict[str, bytes]:
    """Return a text in each encoding in which it could stand in a file."""
    utf8 = text.encode()
    ways = {
        "UTF-8": utf8,
        "UTF-16LE": text.encode("utf-16-le"),
        "UTF-16BE": text.encode("utf-16-be"),
        "GBK": text.encode("gbk"),
        "hex": utf8.hex().encode(),
        "HEX": utf8.hex().upper().encode(),
        "JSON": json.dumps(text)[1:-1].encode(),
        "URL": quote(text, safe="").encode(),
    }
    for shift in range(3):  # what stands before it decides which base64 a text has
        coded = base64.b64encode(b"\0" * shift + utf8)
        first, end = -(-shift * 4 // 3), (shift + len(utf8)) * 4 // 3
        ways[f"base64 after {shift}"] = coded[first:end]
    return ways


def found(folder: Path, text: str) -> Iterator[str]:
    """Yield the files below a folder that hold a text, each with the encoding."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            yield from (f"{path.name}: {way}" for way, needle in written(text).items() if needle in content)
