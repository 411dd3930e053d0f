"""Opaque cursors. They are signed and cannot be read, and are bound to the list, the filters and the order that they were made for.

A sort key may hold the number of a row, from which a reader could count rows.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pydantic import JsonValue

from shared.errors import DomainError, Kind
from shared.http.models import CURSOR_MAX
from shared.vault import Vault

R = TypeVar("R")

SIGNATURE_BYTES = 16
DIGEST_BYTES = 32
_PURPOSE, _MASK = "cursor", "cursor.mask"


class CursorInvalid(DomainError):
    """A cursor that was not made by this list with these filters."""

    kind, code = Kind.INVALID, "cursor_invalid"


class Cursors:
    """The writer and reader of the cursors of one requested list.

    `bound` is everything that decides which rows the list has and in which order: the filters, the order, the owner of the
    rows. The position is the sort key of the last row of a page. Its last part makes it unique.
    """

    def __init__(self, vault: Vault, operation: str, bound: Mapping[str, JsonValue]) -> None:
        self._vault = vault
        named = [operation, dict(bound)]
        self._bound = json.dumps(named, sort_keys=True, separators=(",", ":"), default=str).encode()

    def write(self, position: Sequence[JsonValue]) -> str:
        """Return the cursor of the page that begins after `position`."""
        body = json.dumps(list(position), separators=(",", ":")).encode()
        signature = self._sign(body)
        text = base64.urlsafe_b64encode(signature + self._masked(signature, body)).rstrip(b"=").decode()
        assert len(text) <= CURSOR_MAX, "a sort key is short"
        return text

    def read(self, cursor: str | None) -> list[JsonValue] | None:
        """Return the position that a cursor stands for, or None for the first page. Raises CursorInvalid."""
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CursorInvalid from None
        signature = raw[:SIGNATURE_BYTES]
        body = self._masked(signature, raw[SIGNATURE_BYTES:])
        if not hmac.compare_digest(signature, self._sign(body)):
            raise CursorInvalid
        position: list[JsonValue] = json.loads(body)
        return position

    def page(
        self, rows: Sequence[R], limit: int, position: Callable[[R], Sequence[JsonValue]]
    ) -> tuple[Sequence[R], str | None]:
        """Return the rows to show, out of `limit + 1` that were read, and the cursor of the next page or None."""
        if len(rows) <= limit:
            return rows, None
        shown = rows[:limit]
        return shown, self.write(position(shown[-1]))

    def _masked(self, signature: bytes, body: bytes) -> bytes:
        """Return a body with a mask put on it that follows from its signature, or with that mask taken off again."""
        blocks = range(-(-len(body) // DIGEST_BYTES))
        mask = b"".join(self._vault.digest(_MASK, signature + block.to_bytes(2)) for block in blocks)
        return bytes(byte ^ masking for byte, masking in zip(body, mask, strict=False))

    def _sign(self, body: bytes) -> bytes:
        bound = hashlib.sha256(self._bound).digest()
        return self._vault.digest(_PURPOSE, bound + body)[:SIGNATURE_BYTES]
