"""A database is opened with the keys that it was written with, and with no others; keys are made for an empty one only."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import MetaData, delete, text

from services.profile.main import service
from services.profile.settings import Settings
from shared.auth.errors import SigningKeyBroken
from shared.auth.signing import ensure_signing_key, load_signing_key
from shared.db import kernel_metadata
from shared.db.migrations import Migrations
from shared.db.schema import Branch
from shared.run import command, roles
from shared.service import Runtime, Service
from shared.service.keys import migrations_of, prove_keys
from shared.service.opening import open_runtime
from shared.settings import BadSetting
from shared.vault import MissingKeys, VaultKeyBroken, key_check, open_vault
from shared.vault.checks import recorded_checks
from tests.parts import databases
from tests.parts.databases import Kind
from tests.parts.processes import free_ports

ANA = "cus_01hv0000000000000000000001"
BOTH_OPENED_SECONDS_MAX = 30
FILES = ("profile.vault", "references.vault", "signing.jwk.json")


def removed(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def truncated(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def garbled(file: Path) -> None:
    file.write_bytes(os.urandom(40) + b"\xff\xfe")


def of_another_home(file: Path) -> None:
    """Put the key of another installation there, and its public half beside it."""
    other = file.parents[2] / "other"
    open_vault(other, "profile")
    ensure_signing_key(other)
    shutil.copyfile(other / "keys" / file.name, file)
    if file.name.startswith("signing"):
        shutil.copyfile(other / "keys" / "jwks.json", file.with_name("jwks.json"))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def of_another_service(file: Path) -> None:
    open_vault(file.parents[1], "loyalty")
    shutil.copyfile(file.with_name("loyalty.vault"), file)


FAULTS = (removed, emptied, truncated, garbled, of_another_home, a_folder)


@asynccontextmanager
async def opened(profile: Service) -> AsyncIterator[Runtime]:
    """Open a service and compare its keys with its database, as every command does at its start."""
    async with open_runtime(profile) as runtime:
        await prove_keys(profile, runtime)
        yield runtime


@asynccontextmanager
async def written(kind: Kind, folder: Path) -> AsyncIterator[Settings]:
    """Lease a database in which one subject has a key, and a home with the keys that it was written with."""
    async with databases.fresh(kind, "profile", folder=folder) as database:
        url = database.url if kind == "postgresql" else f"sqlite:///{folder / 'profile.db'}"
        settings = Settings(home=folder / "home", profile_database_url=url, bus_url="embedded://")
        async with opened(service(settings)) as runtime, runtime.database.begin() as tx:
            await runtime.vault.new_subject(tx, [ANA])
        yield settings


async def _opens(settings: Settings) -> bool:
    async with opened(service(settings)) as runtime, runtime.database.read() as read:
        return ANA in await runtime.vault.keys(read, [ANA])


async def _refused(settings: Settings) -> str:
    """Return the sentence that refuses these settings."""
    with pytest.raises(BadSetting) as refused:
        await _opens(settings)
    return str(refused.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_key_that_is_not_there_is_refused_until_it_is_restored(
    kind: Kind, tmp_path: Path, fault: Callable[[Path], None], name: str
) -> None:
    async with written(kind, tmp_path) as settings:
        keys = settings.home / "keys"
        shutil.copytree(keys, tmp_path / "backup")
        fault(keys / name)
        before = _contents(keys)

        said = await _refused(settings)

        assert name in said
        assert fault is a_folder or "estore" in said
        assert _contents(keys) == before, "nothing was made or changed"
        shutil.rmtree(keys)
        shutil.copytree(tmp_path / "backup", keys)
        assert await _opens(settings)


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


async def test_the_key_of_another_service_is_refused(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        of_another_service(settings.home / "keys" / "profile.vault")

        assert "another key than that in" in await _refused(settings)


async def test_a_replica_with_a_home_of_its_own_gets_no_keys_but_those_it_is_given(
    kind: Kind, tmp_path: Path
) -> None:
    async with written(kind, tmp_path) as settings:
        replica = settings.model_copy(update={"home": tmp_path / "replica"})

        said = await _refused(replica)

        assert "A new key is made for an empty database only" in said
        assert "replica" in said
        assert not list((tmp_path / "replica").rglob("*.vault"))
        shutil.copytree(settings.home / "keys", tmp_path / "replica" / "keys")
        assert await _opens(replica)


async def test_a_replica_may_be_told_its_keys_by_settings(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        keys = settings.home / "keys"
        told = {
            "home": tmp_path / "replica",
            "vault_key_file": keys / "profile.vault",
            "reference_key": (keys / "references.vault").read_text(),
            "jwks": str(keys / "jwks.json"),
        }
        assert await _opens(settings.model_copy(update=told))

        other = "1:" + "MTEx" * 10 + "MTE="
        for name in ("vault_key", "reference_key"):
            said = await _refused(settings.model_copy(update={**told, "vault_key_file": None, name: other}))
            assert "HUITOU_VAULT_KEY" in said or "HUITOU_REFERENCE_KEY" in said or "profile.vault" in said
            assert "MTEx" not in said


async def test_a_home_whose_jwks_belong_to_another_key_is_refused(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        ensure_signing_key(tmp_path / "other")
        shutil.copyfile(tmp_path / "other/keys/jwks.json", settings.home / "keys/jwks.json")
        assert "jwks.json" in await _refused(settings)

        (settings.home / "keys/jwks.json").unlink()
        assert await _opens(settings), "the public half is made again"


async def test_public_keys_that_are_named_in_settings_need_no_signing_key(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        keys = settings.home / "keys"
        (keys / "signing.jwk.json").unlink()

        assert await _opens(settings.model_copy(update={"jwks": str(keys / "jwks.json")}))


async def test_a_newer_generation_is_recorded_and_missed_when_it_goes(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        file = settings.home / "keys" / "profile.vault"
        first, second = file.read_text(), "2:" + "MTEx" * 10 + "MTE=\n"
        file.write_text(first + second)
        assert await _opens(settings)

        file.write_text(first)
        assert "another key" in await _refused(settings)
        file.write_text(second)
        assert "another key" in await _refused(settings)
        file.write_text(second + first)
        assert await _opens(settings)


async def test_a_lower_generation_that_would_change_every_hash_is_refused(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        file = settings.home / "keys" / "profile.vault"
        key = file.read_text().strip().partition(":")[2]
        async with opened(service(settings)) as runtime, runtime.database.begin() as tx:
            await tx.execute(delete(key_check).where(key_check.c.purpose == "vault"))
            await tx.execute(text("UPDATE subject_key SET master_key = 2"))
        file.write_text(f"2:{key}\n")
        assert await _opens(settings)

        file.write_text(f"2:{key}\n1:{'MTEx' * 10}MTE=\n")
        assert "another key" in await _refused(settings)


@pytest.mark.parametrize("fault", [None, of_another_home, removed])
async def test_a_database_of_an_older_version_takes_the_key_that_opens_it_and_no_other(
    kind: Kind, tmp_path: Path, fault: Callable[[Path], None] | None
) -> None:
    async with written(kind, tmp_path) as settings:
        file = settings.home / "keys" / "profile.vault"
        async with opened(service(settings)) as runtime, runtime.database.begin() as tx:
            await tx.execute(delete(key_check))
        if fault is not None:
            shutil.copyfile(file, tmp_path / "right")
            fault(file)
            assert "profile.vault" in await _refused(settings)
            shutil.copyfile(tmp_path / "right", file)

        assert await _opens(settings)
        async with opened(service(settings)) as runtime, runtime.database.read() as read:
            purposes = {record.purpose for record in await recorded_checks(read)}
        assert purposes == {"vault", "references", "tokens"}


async def test_the_revision_keeps_what_a_database_holds_and_the_first_start_records_its_keys(
    kind: Kind, tmp_path: Path
) -> None:
    profile = service(Settings(home=tmp_path / "home", bus_url="embedded://"))
    async with databases.declared(kind, [], folder=tmp_path, name="profile", own=True) as database:
        await _before_key_checks(profile, tmp_path).upgrade(database)
        url = database.url if kind == "postgresql" else f"sqlite:///{tmp_path / 'profile.db'}"
        settings = profile.settings.model_copy(update={"profile_database_url": url})
        async with database.begin() as tx:
            await open_vault(settings.home, "profile").new_subject(tx, [ANA])
        ensure_signing_key(settings.home)
        profile = service(Settings.model_validate(settings.model_dump()))

        async with open_runtime(profile) as runtime:
            await migrations_of(profile).upgrade(runtime.database)
            await prove_keys(profile, runtime)
            async with runtime.database.read() as read:
                assert ANA in await runtime.vault.keys(read, [ANA])
                assert len(await recorded_checks(read)) == 3


def _before_key_checks(profile: Service, folder: Path) -> Migrations:
    """Return the migrations of the version before there were check values."""
    old = folder / "kernel"
    old.mkdir()
    first = next(kernel_metadata.info["branch"].folder.glob("kernel0001*.py"))
    shutil.copy(first, old)
    kernel = MetaData(info={"branch": Branch("kernel", old)})
    for table in kernel_metadata.tables.values():
        table.to_metadata(kernel)
    others = [metadata for metadata in profile.metadata if metadata is not kernel_metadata]
    return Migrations(profile.migrations, [kernel, *others])


async def test_of_two_first_processes_with_different_keys_one_is_refused(kind: Kind, tmp_path: Path) -> None:
    async with databases.fresh(kind, "profile", folder=tmp_path) as database:
        url = database.url if kind == "postgresql" else f"sqlite:///{tmp_path / 'profile.db'}"
        profiles = [
            service(Settings(home=tmp_path / home, profile_database_url=url, bus_url="embedded://"))
            for home in ("a", "b")
        ]
        opened_both = threading.Barrier(len(profiles))

        async def prove(profile: Service) -> None:
            """Prove keys on an event loop of its own, as a process has, because a writer of SQLite stops its loop."""
            async with open_runtime(profile) as runtime:
                await asyncio.to_thread(opened_both.wait, BOTH_OPENED_SECONDS_MAX)
                await prove_keys(profile, runtime)

        proving = [asyncio.to_thread(asyncio.run, prove(profile)) for profile in profiles]
        ended = await asyncio.gather(*proving, return_exceptions=True)

        assert sorted(type(end).__name__ for end in ended) == ["BadSetting", "NoneType"]


async def test_while_the_database_does_not_answer_no_key_is_made(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    url = f"postgresql://profile:x@127.0.0.1:{nobody}/profile"
    profile = service(Settings(home=tmp_path / "home", profile_database_url=url, bus_url="embedded://"))

    async with open_runtime(profile) as runtime:
        assert isinstance(runtime.vault, MissingKeys)
        with pytest.raises(VaultKeyBroken, match="when its database answers"):
            runtime.vault.seal("payload", "text")

    assert not (tmp_path / "home" / "keys").exists()


@pytest.mark.parametrize("name", ["serve", "relay", "consume", "all", "verify"])
async def test_every_command_is_refused_with_one_sentence(
    kind: Kind, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    async with written(kind, tmp_path) as settings:
        for fault in (of_another_home, removed):
            fault(settings.home / "keys" / "profile.vault")

            code = await asyncio.to_thread(command.main, lambda: service(settings), [name])

            said = capsys.readouterr().err
            assert code == command.EXIT_REFUSED
            assert said.count("\n") == 1
            assert "profile.vault" in said


async def test_migrate_is_refused_with_one_sentence(kind: Kind, tmp_path: Path) -> None:
    async with written(kind, tmp_path) as settings:
        of_another_home(settings.home / "keys" / "profile.vault")
        variables = {"HUITOU_HOME": settings.home, "HUITOU_PROFILE_DATABASE_URL": settings.database}
        migrating = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.profile", "migrate",
            env={**os.environ, **{name: str(value) for name, value in variables.items()}}, stderr=subprocess.PIPE,
        )  # fmt: skip

        _, said = await migrating.communicate()

        assert migrating.returncode == command.EXIT_REFUSED
        assert said.count(b"\n") == 1
        assert b"profile.vault" in said


@pytest.mark.parametrize("role", ["relay", "consume"])
async def test_a_database_that_answers_later_and_needs_other_keys_ends_the_process(
    kind: Kind, tmp_path: Path, role: roles.Role
) -> None:
    async with written(kind, tmp_path) as settings:
        of_another_home(settings.home / "keys" / "profile.vault")
        profile = service(settings)
        async with open_runtime(profile) as runtime:  # as if it had not answered when it was looked at
            running = asyncio.create_task(roles.run(profile, runtime, frozenset((role,)), asyncio.Event()))
            await asyncio.wait({running}, timeout=10)

        with pytest.raises(ExceptionGroup) as ended:
            running.result()
        assert ended.value.subgroup(BadSetting) is not None


async def test_public_keys_that_do_not_verify_what_the_signing_key_signs_are_refused(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    ensure_signing_key(tmp_path)
    (right,) = json.loads((keys / "jwks.json").read_text())["keys"]
    other = json.loads((keys / "jwks.json").read_text())["keys"][0] | {"kid": "other"}
    ensure_signing_key(tmp_path / "other")
    (foreign,) = json.loads((tmp_path / "other/keys/jwks.json").read_text())["keys"]
    foreign["kid"] = right["kid"]
    nameless = {name: value for name, value in right.items() if name != "kid"}
    for listed in ([other], [foreign], [right, foreign], [nameless], [right | {"use": "enc"}], []):
        (keys / "jwks.json").write_text(json.dumps({"keys": listed}))
        with pytest.raises(SigningKeyBroken, match="does not hold the public key"):
            load_signing_key(tmp_path)

    (keys / "jwks.json").write_text(json.dumps({"keys": [other, right]}))
    assert load_signing_key(tmp_path).kid == right["kid"]


@pytest.mark.parametrize("name", ["signing.jwk.json", "jwks.json"])
@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"keys": ' + "9" * 5_000 + "}", "{", "null", "[]", '{"keys": 1}']
)
async def test_whatever_a_file_of_keys_of_tokens_holds_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: str
) -> None:
    ensure_signing_key(tmp_path)
    (tmp_path / "keys" / name).write_text(content)

    with pytest.raises(SigningKeyBroken, match=name):
        load_signing_key(tmp_path)


@pytest.mark.parametrize("generation", ["9" * 5_000, "0" * 5_000 + "1", "-1", "", "²", "32768"])
async def test_whatever_a_generation_is_it_is_refused_with_a_sentence(
    tmp_path: Path, generation: str
) -> None:
    open_vault(tmp_path, "profile")
    (tmp_path / "keys" / "profile.vault").write_text(f"{generation}:{'MTEx' * 10}MTE=\n")

    with pytest.raises(VaultKeyBroken, match=r"profile\.vault"):
        open_vault(tmp_path, "profile")
