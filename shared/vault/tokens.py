"""Seal and open values in one format: `0x01 ‖ uint32 key id ‖ 12 nonce ‖ ciphertext ‖ 16 tag`.

The cipher is AES-256-GCM (NIST SP 800-38D). The associated data is `service|subject|field|schema`, so a token that was
copied to another row, field or service does not open.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from shared.vault.errors import UnreadableToken

FORMAT = b"\x01"
SUBJECT_KEY = 1 << 31
"""The high bit of the key id. It is set for a subject's key, and clear for the installation's key of that generation."""
PSEUDONYM = "~"
"""The first character of a pseudonym. No id of ours and no code begins with it."""
SCHEMA = 1
_NONCE_BYTES = 12
_HEAD_BYTES = 5
_TAG_BYTES = 16
_PSEUDONYM_BYTES_MIN = 2 + _TAG_BYTES + 1


def associated_data(service: str, subject: str, field: str) -> bytes:
    """Return the bytes that a token is bound to. The parts are our own words and ids, never free text."""
    assert "|" not in f"{subject}{field}", "a separator inside a part would make two places one"
    return f"{service}|{subject}|{field}|{SCHEMA}".encode()


def seal(key: AESGCM, key_id: int, text: str, bound_to: bytes) -> bytes:
    """Encrypt `text` under a new random nonce. One key may seal at most 2^32 tokens."""
    nonce = os.urandom(_NONCE_BYTES)
    return FORMAT + key_id.to_bytes(4, "big") + nonce + key.encrypt(nonce, text.encode(), bound_to)


def key_id(token: bytes) -> int:
    """Return the id of the key that sealed a token. Raises UnreadableToken if it is not a token of ours."""
    if len(token) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES or token[:1] != FORMAT:
        raise UnreadableToken("not a sealed value of a known format")
    return int.from_bytes(token[1:_HEAD_BYTES], "big")


def open_token(key: AESGCM, token: bytes, bound_to: bytes) -> str:
    """Decrypt a token. Raises UnreadableToken if it was altered or belongs to another place."""
    nonce = token[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    try:
        return key.decrypt(nonce, token[_HEAD_BYTES + _NONCE_BYTES :], bound_to).decode()
    except InvalidTag:
        raise UnreadableToken("sealed for another place, under another key, or altered") from None


def wrap(key: AESGCM, secret: bytes, bound_to: bytes) -> bytes:
    """Encrypt a subject's key under the installation's key: nonce, ciphertext and tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, secret, bound_to)


def unwrap(key: AESGCM, wrapped: bytes, bound_to: bytes) -> bytes:
    """Decrypt a subject's key. Raises UnreadableToken if the row was altered or belongs to another subject."""
    try:
        return key.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise UnreadableToken("a subject's key that the installation's key does not open") from None


def pseudonym(key: AESSIV, generation: int, name: str, bound_to: bytes) -> str:
    """Encrypt a name so that equal names give equal texts (AES-SIV, RFC 5297): it can be compared and filtered by."""
    sealed = generation.to_bytes(2, "big") + key.encrypt(name.encode(), [bound_to])
    return PSEUDONYM + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def pseudonym_parts(text: str) -> tuple[int, bytes]:
    """Return the generation of the key of a pseudonym, and its ciphertext. Raises UnreadableToken if it is none."""
    try:
        sealed = base64.urlsafe_b64decode(text.removeprefix(PSEUDONYM) + "==")
    except (binascii.Error, ValueError):
        raise UnreadableToken("not a pseudonym") from None
    if not text.startswith(PSEUDONYM) or len(sealed) < _PSEUDONYM_BYTES_MIN:
        raise UnreadableToken("not a pseudonym")
    return int.from_bytes(sealed[:2], "big"), sealed[2:]


def name_of(key: AESSIV, sealed: bytes, bound_to: bytes) -> str:
    """Decrypt the name behind a pseudonym. Raises UnreadableToken if it was altered or made elsewhere."""
    try:
        return key.decrypt(sealed, [bound_to]).decode()
    except InvalidTag:
        raise UnreadableToken("made by another service, under another key, or altered") from None
