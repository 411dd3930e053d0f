import asyncio
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from shared.auth import keyset
from shared.auth.errors import (
    KeysUnavailable,
    TokenAudience,
    TokenExpired,
    TokenInvalid,
    TokenSubject,
    TokenTooLong,
)
from shared.auth.keyset import KeySource
from shared.auth.principal import Principal
from shared.auth.signing import ensure_signing_key, mint, public_keys_path, signing_key_path
from shared.auth.verifying import Verifier, open_verifier
from shared.clock import ManualClock
from shared.errors import DomainError
from tests.parts import forging
from tests.parts.forging import ATTACKS, signed_without

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ISSUED = int(NOW.timestamp())
ANA = "cus_01k2m9d6v4e8r7a1b2c3d4e5fa"


class Issuer(forging.Issuer):
    """A home with its key, and a verifier for it."""

    def __init__(self, home: Path) -> None:
        self.clock = ManualClock(NOW)
        super().__init__(home, self.clock)
        self.verifier = open_verifier(home, self.clock)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


async def test_a_minted_token_says_who_it_stands_for(issuer: Issuer) -> None:
    ttl = timedelta(minutes=15)
    operator = mint(issuer.key, "operator", "ana", now=NOW, ttl=ttl, roles=["agent", "viewer"])
    partner = mint(issuer.key, "partner", "mart", now=NOW, ttl=ttl, scopes=["purchases:write"])
    customer = mint(issuer.key, "customer", ANA, now=NOW, ttl=ttl)

    assert await issuer.verifier.verify(operator) == Principal(
        "operator", "ana", frozenset({"agent", "viewer"})
    )
    found = await issuer.verifier.verify(partner)
    assert found == Principal("partner", "mart", scopes=frozenset({"purchases:write"}))
    assert (found.issuer, found.customer_id) == ("partner:mart", None)
    found = await issuer.verifier.verify(customer)
    assert (found.customer_id, found.issuer, found.key) == (ANA, "shop", f"customer:{ANA}")


async def test_a_customers_token_lives_fifteen_minutes_at_most(issuer: Issuer) -> None:
    with pytest.raises(AssertionError):
        mint(issuer.key, "customer", ANA, now=NOW, ttl=timedelta(minutes=16))
    for claims in ({"exp": ISSUED + 901}, {"iat": None}):
        with pytest.raises(TokenTooLong):
            await issuer.verifier.verify(issuer.sign({"aud": "storefront", "sub": ANA} | claims))


async def test_roles_and_scopes_count_only_for_the_kind_they_belong_to(issuer: Issuer) -> None:
    both = {"roles": ["admin"], "scope": "purchases:write"}

    customer = await issuer.verifier.verify(issuer.sign({"aud": "storefront", "sub": ANA} | both))
    partner = await issuer.verifier.verify(issuer.sign({"aud": "partners", "sub": "mart"} | both))
    operator = await issuer.verifier.verify(issuer.sign(both | {"roles": ["admin", "root"]}))

    assert customer == Principal("customer", ANA)
    assert partner == Principal("partner", "mart", scopes=frozenset({"purchases:write"}))
    assert operator == Principal("operator", "ana", roles=frozenset({"admin"}))


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Li Lei", "Li Lei"),
        (" 李雷 ", "李雷"),
        ("", None),
        ("a\nb", None),
        (7, None),
        (None, None),
        ("x" * 300, "x" * 200),
    ],
)
async def test_an_operators_token_may_tell_the_full_name(
    issuer: Issuer, told: object, name: str | None
) -> None:
    principal = await issuer.verifier.verify(issuer.sign({"name": told}))

    assert principal.name == name
    assert "Li Lei" not in repr(principal)
    partner = await issuer.verifier.verify(issuer.sign({"aud": "partners", "sub": "mart", "name": told}))
    assert partner.name is None


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_token_that_is_not_genuine_is_refused(
    issuer: Issuer, attack: Callable[[Issuer], str]
) -> None:
    await issuer.verifier.verify(issuer.sign())  # the keys are read: nothing is refused for want of them

    with pytest.raises(TokenInvalid):
        await issuer.verifier.verify(attack(issuer))


async def test_a_header_signed_as_it_should_be_is_accepted(issuer: Issuer) -> None:
    """The control of the attacks above: their signature is genuine, so it is the header that is refused."""
    assert (await issuer.verifier.verify(signed_without({"typ": "JWT"})(issuer))).id == "ana"


@pytest.mark.parametrize(
    ("claims", "refusal"),
    [
        ({"exp": ISSUED}, TokenExpired),
        ({"exp": ISSUED - 1}, TokenExpired),
        ({"nbf": ISSUED + 60}, TokenExpired),
        ({"iat": ISSUED + 60}, TokenExpired),
        ({"aud": "https://other.example"}, TokenAudience),
        ({"aud": None}, TokenAudience),
        ({"aud": ["operations", "storefront"]}, TokenAudience),
        ({"aud": {"operations": 1}}, TokenAudience),
    ],
)
async def test_a_genuine_token_for_another_time_or_place_is_refused_with_the_reason(
    issuer: Issuer, claims: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        await issuer.verifier.verify(issuer.sign(claims))


@pytest.mark.parametrize(
    ("audience", "subjects"),
    [
        ("storefront", ["ana", "cus_a", "ext:C-1", ANA.upper(), f"{ANA}x", f"pur_{ANA[4:]}", f"{ANA}\n"]),
        (
            "partners",
            ["a b", "a:b", "a/b", "", "-a", "ä", "a" * 65, "mart\n", "partner:mart", "ana@example.com"],
        ),
        ("operations", ["a b", "", "a\x00", "a" * 201, "ana\n"]),
    ],
)
async def test_a_subject_has_the_form_of_its_kind(issuer: Issuer, audience: str, subjects: list[str]) -> None:
    for subject in subjects:
        with pytest.raises(TokenSubject):
            await issuer.verifier.verify(issuer.sign({"aud": audience, "sub": subject}))


async def test_what_was_verified_is_remembered_and_forgotten_when_it_expires(issuer: Issuer) -> None:
    token = issuer.sign()
    first = await issuer.verifier.verify(token)
    assert issuer.verifier.recall(token) is first

    issuer.clock.advance(timedelta(seconds=600))

    assert issuer.verifier.recall(token) is None
    with pytest.raises(TokenExpired):
        await issuer.verifier.verify(token)


async def test_a_forged_copy_of_a_remembered_token_is_refused(issuer: Issuer) -> None:
    token = issuer.sign()
    await issuer.verifier.verify(token)

    forged = token[:-8] + ("A" * 8 if not token.endswith("A" * 8) else "B" * 8)
    with pytest.raises(TokenInvalid):
        await issuer.verifier.verify(forged)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_rs256_and_ed25519_of_a_provider_are_accepted_and_shared_secrets_are_not(
    issuer: Issuer, tmp_path: Path
) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "r"})
    edwards = OKPKey.generate_key("Ed25519", {"kid": "e"})
    secret = OctKey.generate_key(256, {"kid": "s"})
    small = RSAKey.generate_key(1024, {"kid": "w"})
    path = tmp_path / "jwks.json"
    keys = [key.as_dict(private=False) for key in (rsa, edwards, small)] + [secret.as_dict(private=True)]
    path.write_text(json.dumps({"keys": keys}))
    verifier = Verifier(KeySource(path), ManualClock(NOW))

    for alg, kid, key in (("RS256", "r", rsa), ("EdDSA", "e", edwards), ("Ed25519", "e", edwards)):
        token = jwt.encode({"alg": alg, "kid": kid}, issuer.claims, key, algorithms=[alg])
        assert (await verifier.verify(token)).id == "ana"
    for alg, kid, wrong in (("HS256", "s", secret), ("RS256", "w", small)):
        token = jwt.encode({"alg": alg, "kid": kid}, issuer.claims, wrong, algorithms=[alg])
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)


async def test_claims_that_are_nested_too_deep_are_refused(issuer: Issuer) -> None:
    token = jws.serialize_compact({"alg": "ES256", "kid": issuer.key.kid}, b"[" * 5_000, issuer.key)

    with pytest.raises(TokenInvalid):
        await issuer.verifier.verify(token)


async def test_keys_that_cannot_be_read_are_an_outage_and_not_a_wrong_token(issuer: Issuer) -> None:
    verifier = open_verifier(issuer.home, issuer.clock, jwks=issuer.home / "missing.json")

    with pytest.raises(KeysUnavailable):
        await verifier.verify(issuer.sign())
    assert verifier.keys.problem is not None


async def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "REFRESH_SECONDS_MIN", 0.0)
    old_token = issuer.sign()
    await issuer.verifier.verify(old_token)
    other = ECKey.generate_key("P-256", auto_kid=True)
    new_token = jwt.encode({"alg": "ES256", "kid": other.kid}, issuer.claims, other, algorithms=["ES256"])

    public_keys_path(issuer.home).write_text(json.dumps({"keys": [other.as_dict(private=False)]}))

    assert (await issuer.verifier.verify(new_token)).id == "ana"
    assert issuer.verifier.recall(old_token) is None
    with pytest.raises(TokenInvalid):
        await issuer.verifier.verify(old_token)


async def test_keys_are_read_from_an_address_and_kept_when_it_goes_away(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "REFRESH_SECONDS_MIN", 0.0)
    document = public_keys_path(issuer.home).read_bytes()
    answers = [document, b"x" * (keyset.DOCUMENT_BYTES_MAX + 1), b"[]"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = answers.pop(0)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        verifier = open_verifier(issuer.home, issuer.clock, jwks=f"http://127.0.0.1:{port}/jwks")
        assert (await verifier.verify(issuer.sign())).id == "ana"
        for _ in range(2):
            with pytest.raises(TokenInvalid):
                await verifier.verify(signed_without({"kid": "unknown"})(issuer))
            assert verifier.keys.problem is not None
    with pytest.raises(TokenInvalid):
        await verifier.verify(signed_without({"kid": "unknown"})(issuer))

    assert answers == []
    assert (await verifier.verify(issuer.sign({"sub": "bo"}))).id == "bo"


async def test_invented_key_ids_do_not_become_reads(issuer: Issuer) -> None:
    await issuer.verifier.verify(issuer.sign())
    public_keys_path(issuer.home).unlink()

    for number in range(50):
        with pytest.raises(TokenInvalid):
            await issuer.verifier.verify(signed_without({"kid": f"k{number}"})(issuer))

    assert issuer.verifier.keys.problem is None, "the file was not looked at again"


def test_the_signing_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first, second = ensure_signing_key(tmp_path), ensure_signing_key(tmp_path)

    assert first.thumbprint() == second.thumbprint()
    assert stat.S_IMODE(signing_key_path(tmp_path).stat().st_mode) == 0o600
    assert "d" not in json.loads(public_keys_path(tmp_path).read_text())["keys"][0]
    assert sorted(path.name for path in signing_key_path(tmp_path).parent.iterdir()) == [
        "jwks.json", "signing.jwk.json",
    ]  # fmt: skip
