"""What a sealed value promises: it opens in its place, with its subject's key, and nowhere else."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.vault import (
    SubjectErased,
    UnreadableToken,
    Vault,
    VaultKeyBroken,
    installation,
    open_vault,
    tokens,
)

ANA = "cus_01hv0000000000000000000001"
BO = "cus_01hv0000000000000000000002"
SECRETS = {1: b"1" * 32}
VAULT = Vault("profile", SECRETS, b"r" * 32)


@given(st.text())
def test_what_is_sealed_opens_again(text: str) -> None:
    keys, _ = VAULT.mint([ANA])
    assert keys.open(ANA, "name", keys.seal(ANA, "name", text)) == text
    assert VAULT.open("payload", VAULT.seal("payload", text)) == text


def test_a_token_moved_to_another_subject_field_or_service_does_not_open() -> None:
    keys, rows = VAULT.mint([ANA, BO])
    token = keys.seal(ANA, "email", "ana@example.com")
    elsewhere = Vault("feedback", SECRETS, b"r" * 32)
    for subject, field in ((BO, "email"), (ANA, "name")):
        with pytest.raises(UnreadableToken):
            keys.open(subject, field, token)
    with pytest.raises(UnreadableToken):
        elsewhere.keys_of((row.identity_id, row.master_key, row.wrapped) for row in rows)
    with pytest.raises(UnreadableToken):
        elsewhere.open("payload", VAULT.seal("payload", "text"))
    with pytest.raises(UnreadableToken):
        VAULT.open("name", token)


def test_a_wrapped_key_put_into_another_subjects_row_does_not_open() -> None:
    _, (ana, _) = VAULT.mint([ANA, BO])
    with pytest.raises(UnreadableToken):
        VAULT.keys_of([(BO, ana.master_key, ana.wrapped)])


def test_a_token_says_its_format_and_which_key_it_is_of() -> None:
    keys, _ = VAULT.mint([ANA])
    token = keys.seal(ANA, "name", "Ana")
    assert token[:1] == b"\x01"
    assert tokens.key_id(token) == 1 << 31
    assert tokens.key_id(VAULT.seal("payload", "x")) == 1
    assert len(token) == 1 + 4 + 12 + len("Ana") + 16


@pytest.mark.parametrize("position", [0, 1, 6, 20, -1])
def test_an_altered_token_does_not_open(position: int) -> None:
    keys, _ = VAULT.mint([ANA])
    token = bytearray(keys.seal(ANA, "name", "Ana Li"))
    token[position] ^= 1
    with pytest.raises(UnreadableToken):
        keys.open(ANA, "name", bytes(token))


def test_without_its_key_a_subject_reads_as_erased() -> None:
    keys, _ = VAULT.mint([ANA])
    token = keys.seal(ANA, "name", "Ana")
    nobody, _ = VAULT.mint([])
    assert ANA not in nobody
    with pytest.raises(SubjectErased):
        nobody.open(ANA, "name", token)


def test_keys_of_different_purposes_are_never_shared() -> None:
    derived = [
        installation.derive(SECRETS[1], *path)
        for path in (
            ("profile", "wrap"),
            ("profile", "data"),
            ("profile", "index"),
            ("profile", "digest", "a"),
            ("profile", "digest", "b"),
            ("feedback", "wrap"),
            ("reference",),
        )
    ]
    assert len(set(derived)) == len(derived)
    same = b"13800138001"
    assert VAULT.digest("a", same) != VAULT.digest("b", same)
    assert Vault("feedback", SECRETS, b"r" * 32).digest("a", same) != VAULT.digest("a", same)
    assert VAULT.digest("a", same)[:16] != VAULT.index("phone", "", same.decode())


def test_an_index_tells_kind_issuer_and_value_apart() -> None:
    named = [("phone", "shop", "1"), ("email", "shop", "1"), ("phone", "sho", "p1"), ("phone", "shop", "2")]
    assert len({VAULT.index(*name) for name in named}) == len(named)
    assert len(VAULT.index("phone", "shop", "1")) == 16


def test_a_reference_is_the_same_in_every_service_and_under_another_key_another() -> None:
    elsewhere = Vault("loyalty", {1: b"2" * 32}, b"r" * 32)
    other = Vault("profile", SECRETS, b"s" * 32)
    assert elsewhere.reference("shop", "C-1") == VAULT.reference("shop", "C-1")
    assert other.reference("shop", "C-1") != VAULT.reference("shop", "C-1")
    assert len(VAULT.reference("shop", "C-1")) == 22


def test_a_newer_generation_seals_and_the_older_still_opens_and_keeps_hashes_stable() -> None:
    rotated = Vault("profile", {1: SECRETS[1], 2: b"2" * 32}, b"r" * 32)
    assert tokens.key_id(rotated.seal("payload", "x")) == 2
    assert rotated.open("payload", VAULT.seal("payload", "x")) == "x"
    assert rotated.index("phone", "shop", "1") == VAULT.index("phone", "shop", "1")
    assert rotated.digest("a", b"x") == VAULT.digest("a", b"x")
    with pytest.raises(UnreadableToken):
        VAULT.open("payload", rotated.seal("payload", "x"))


def test_the_installation_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    token = open_vault(tmp_path, "profile").seal("payload", "x")
    assert open_vault(tmp_path, "profile").open("payload", token) == "x"
    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["profile.vault", "references.vault"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_secrets_from_the_settings_leave_the_home_alone(tmp_path: Path) -> None:
    key = "1:" + "MTEx" * 10 + "MTE="
    vault = open_vault(tmp_path, "profile", key=key, reference_key=key)
    assert vault.open("payload", VAULT.seal("payload", "x")) == "x"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "# nothing", "1:", "1:!!!", "x:AAAA", "1:AAAA", "0:" + "MTEx" * 10 + "MTE=", ":MTEx"]
)
def test_a_broken_key_is_refused_with_a_sentence_that_holds_no_secret(text: str) -> None:
    with pytest.raises(VaultKeyBroken) as broken:
        installation.parse(text, "the vault key")
    assert str(broken.value).startswith("the vault key")
    assert "MTEx" not in str(broken.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_equal_names_and_no_others_have_one_pseudonym_and_it_opens_again(name: str, other: str) -> None:
    pseudonym = VAULT.conceal(name)
    assert VAULT.reveal(pseudonym) == name
    assert VAULT.reveal(f"operator:{pseudonym}") == f"operator:{name}"
    assert (VAULT.conceal(other) == pseudonym) == (other == name)
    assert pseudonym.isascii()


@pytest.mark.parametrize("stored", [ANA, "merge", "partner:mart", "sla:first_response:1"])
def test_what_is_no_pseudonym_is_shown_as_it_is(stored: str) -> None:
    assert VAULT.reveal(stored) == stored


def test_a_pseudonym_opens_in_its_service_under_its_key_only_and_outlives_a_new_generation() -> None:
    pseudonym = VAULT.conceal("ana")
    rotated = Vault("profile", SECRETS | {2: b"2" * 32}, b"r" * 32)
    assert (rotated.conceal("ana"), rotated.reveal(pseudonym)) == (pseudonym, "ana")
    for stranger in (Vault("loyalty", SECRETS, b"r" * 32), Vault("profile", {2: b"2" * 32}, b"r" * 32)):
        with pytest.raises(UnreadableToken):
            stranger.reveal(pseudonym)
    for broken in ("~", "~x", "~" + "A" * 20, pseudonym[:-1] + "?", pseudonym[:-2], "~ä"):
        with pytest.raises(UnreadableToken):
            VAULT.reveal(broken)
