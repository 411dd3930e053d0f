"""Read the installation's secret, and derive keys from it.

Each service has one key file, which is made at its first start. It has one line per generation, `number:base64 of 32
bytes`, and `#` starts a comment. New values are sealed with the highest generation. Keyed hashes use the lowest generation
in the file, so that they stay the same until they have been computed again.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.room import NO_ROOM
from shared.speech import words
from shared.vault.errors import VaultKeyBroken

KEY_BYTES = 32
GENERATION_MAX = 32_767
GENERATION_DIGITS_MAX = 100
"""The digits of a generation that are read as a number. Python refuses to read thousands."""


def load(path: Path) -> dict[int, bytes]:
    """Return the generations in a key file. A missing file is made, with a new secret.

    Raises VaultKeyBroken if the file cannot be read, made or understood.
    """
    try:
        if not path.exists():
            _make(path)
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise VaultKeyBroken(words(__name__, "vault_key_not_text", path=path)) from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise VaultKeyBroken(
            words(__name__, "vault_key_unreadable", path=path, error=error.strerror)
        ) from None
    return parse(text, str(path))


def parse(text: str, origin: str) -> dict[int, bytes]:
    """Return the generations in the text of a key file or setting.

    Raises VaultKeyBroken, whose message names `origin` and no secret.
    """
    generations: dict[int, bytes] = {}
    for number, line in enumerate(text.replace(",", "\n").splitlines(), start=1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue
        generation, _, encoded = entry.partition(":")
        if (
            not generation.isdecimal()
            or len(generation) > GENERATION_DIGITS_MAX
            or not 1 <= int(generation) <= GENERATION_MAX
            or int(generation) in generations
        ):
            raise VaultKeyBroken(words(__name__, "vault_key_generation", origin=origin, number=number))
        generations[int(generation)] = _decoded(
            encoded, words(__name__, "vault_key_entry", origin=origin, number=number)
        )
    if not generations:
        raise VaultKeyBroken(words(__name__, "vault_key_none", origin=origin))
    return generations


def derive(secret: bytes, *path: str) -> bytes:
    """Derive the key for one purpose (HKDF-SHA256, RFC 5869). Keys of different paths reveal nothing about each other."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info="|".join(("huitou", *path)).encode()).derive(secret)


def derive_all(generations: Mapping[int, bytes], *path: str) -> dict[int, bytes]:
    """Derive the key for one purpose from every generation."""
    return {generation: derive(secret, *path) for generation, secret in generations.items()}


def _decoded(encoded: str, origin: str) -> bytes:
    try:
        secret = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise VaultKeyBroken(words(__name__, "vault_key_not_base64", origin=origin)) from None
    if len(secret) != KEY_BYTES:
        raise VaultKeyBroken(
            words(__name__, "vault_key_size", origin=origin, expected=KEY_BYTES, size=len(secret))
        )
    return secret


def _make(path: Path) -> None:
    """Write a new key file, whole or not at all. If two processes do so, the first file stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"1:" + base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
