"""A set of keys of somebody else's is used as far as it can be."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.auth.errors import KeysUnavailable
from shared.auth.keyset import KeySource
from shared.auth.signing import ensure_signing_key, mint
from shared.auth.verifying import Verifier
from shared.clock import ManualClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

BROKEN: dict[str, dict[str, Any]] = {
    "a kind of the future": {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
    "no kind": {"x": "AAAA"},
    "a kind that is no text": {"kty": ["EC"], "crv": "P-256", "x": "AAAA", "y": "AAAA"},
    "another curve": {"kty": "EC", "crv": "brainpoolP256r1", "x": "AAAA", "y": "AAAA"},
    "half a point": {"kty": "EC", "crv": "P-256", "x": "AAAA"},
    "a point off the curve": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
    "no base64": {"kty": "RSA", "n": "\u00e9", "e": "AQAB"},
    "a number for a text": {"kty": "OKP", "crv": "Ed25519", "x": 5},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_key_that_cannot_be_used_does_not_take_the_others_with_it(
    tmp_path: Path, broken: dict[str, Any]
) -> None:
    key = ensure_signing_key(tmp_path)
    token = mint(key, "operator", "ana", now=NOW, ttl=timedelta(minutes=10))
    path = tmp_path / "provider.json"
    path.write_text(json.dumps({"keys": [{"kid": "b", **broken}, key.as_dict(private=False)]}))
    verifier = Verifier(KeySource(path), ManualClock(NOW))

    assert (await verifier.verify(token)).id == "ana"
    assert await verifier.keys.find("b") is None


async def test_a_set_of_keys_that_is_nested_too_deep_is_an_outage(tmp_path: Path) -> None:
    token = mint(ensure_signing_key(tmp_path), "operator", "ana", now=NOW, ttl=timedelta(minutes=10))
    path = tmp_path / "provider.json"
    path.write_text("[" * 60_000)

    with pytest.raises(KeysUnavailable):
        await Verifier(KeySource(path), ManualClock(NOW)).verify(token)
