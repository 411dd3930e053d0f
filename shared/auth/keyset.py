"""Read the public keys that verify tokens from a JWKS file or address, and read them again when they change."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from shared import logs
from shared.trust import authorities

KEYS_MAX = 32
DOCUMENT_BYTES_MAX = 64 * 1024
FETCH_SECONDS_MAX = 3.0
REFRESH_SECONDS_MIN = 5.0
"""The shortest time between two readings, so that many invented key ids do not cause many readings."""
REFRESH_SECONDS_MAX = 300.0
"""The time after which the keys are read again. A withdrawn key is accepted for at most this time."""
RSA_BITS_MIN = 2048
ADDRESSES = ("http://", "https://")

log = logs.named(__name__, keys=("file", "host"))


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One public key and the only algorithms it may be used with."""

    key: Key
    algorithms: frozenset[str]


class KeySource:
    """A JWKS by file path or http(s) address."""

    def __init__(self, location: str | Path) -> None:
        self._location = str(location)
        self._keys: dict[str, VerifyingKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._content = b""
        self._reading = asyncio.Lock()
        self.version = 0
        """A number that grows when the keys change, so that remembered answers can be dropped."""
        self.problem: str | None = None
        """A sentence about why the last reading failed, or None if it did not fail."""

    async def find(self, kid: str) -> VerifyingKey | None:
        """Return the key with this id, or None. The keys are read again if they are old or lack the id."""
        if self.stale or (kid not in self._keys and (self._may_try or self._reading.locked())):
            await self._refresh()
        return self._keys.get(kid)

    async def look(self) -> None:
        """Read the keys if they are due, even before the first token was shown."""
        if self.stale:
            await self._refresh()

    @property
    def stale(self) -> bool:
        """Whether the keys must be read again before they are used."""
        overdue = self._read_at is None or time.monotonic() - self._read_at > REFRESH_SECONDS_MAX
        return overdue and self._may_try

    @property
    def empty(self) -> bool:
        """Whether no key has been read yet."""
        return not self._keys

    @property
    def _may_try(self) -> bool:
        return self._tried_at is None or time.monotonic() - self._tried_at > REFRESH_SECONDS_MIN

    async def _refresh(self) -> None:
        async with self._reading:
            if not self._may_try:
                return
            self._tried_at = time.monotonic()
            try:
                document = await self._document()
                keys = read(document)
            except (OSError, ValueError, RecursionError, httpx2.HTTPError) as error:
                self._say(f"The keys that verify tokens could not be read ({type(error).__name__}).")
                return
            self._say(None if keys else "The set of keys that verify tokens has no usable key.")
            self._read_at = time.monotonic()
            if document != self._content:
                self.version += 1
            self._keys, self._content = keys, document

    def _say(self, problem: str | None) -> None:
        """Remember the problem, and log it if there was none before."""
        if problem is not None and self.problem is None:
            if self._is_address:
                log.warning(problem, host=urlsplit(self._location).hostname)
            else:
                log.warning(problem, file=self._location)
        self.problem = problem

    @property
    def _is_address(self) -> bool:
        return self._location.lower().startswith(ADDRESSES)

    async def _document(self) -> bytes:
        if not self._is_address:
            return _bounded(await asyncio.to_thread(Path(self._location).read_bytes))
        async with (
            httpx2.AsyncClient(
                timeout=FETCH_SECONDS_MAX, follow_redirects=False, verify=authorities()
            ) as client,
            client.stream("GET", self._location) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for chunk in answer.aiter_bytes():
                content = _bounded(content + chunk)
            return content


def read(content: bytes) -> dict[str, VerifyingKey]:
    """Return the usable keys in the text of a JWKS document, by id.

    Raises ValueError or RecursionError if it is none, or is too large.
    """
    return usable(json.loads(_bounded(content)))


def usable(document: Any) -> dict[str, VerifyingKey]:
    """Return the keys of a JWKS document that may verify a token, by id: ES256, RS256 and Ed25519, no shared secrets.

    Keys of other kinds and broken keys are ignored (RFC 7517, section 5): they do not take the usable ones with them.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWKS document")
    keys: dict[str, VerifyingKey] = {}
    for entry in listed[:KEYS_MAX]:
        kid = entry.get("kid") if isinstance(entry, dict) else None
        if isinstance(kid, str) and entry.get("kty") != "oct" and entry.get("use", "sig") == "sig":
            try:
                key = import_key(entry)
            except (JoseError, ValueError, LookupError, TypeError):
                continue
            if algorithms := _algorithms(key):
                keys[kid] = VerifyingKey(key, algorithms)
    return keys


def _algorithms(key: Key) -> frozenset[str]:
    match key:
        case ECKey() if key.curve_name == "P-256":
            return frozenset({"ES256"})
        case RSAKey() if key.public_key.key_size >= RSA_BITS_MIN:
            return frozenset({"RS256"})
        case OKPKey() if key.curve_name == "Ed25519":
            return frozenset({"EdDSA", "Ed25519"})
    return frozenset()


def _bounded(content: bytes) -> bytes:
    if len(content) > DOCUMENT_BYTES_MAX:
        raise ValueError("the JWKS document is too large")
    return content
