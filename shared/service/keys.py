"""Find the keys of a service, make them for a new database, and refuse a database that was written with other keys."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, literal, select

from shared.auth import signing
from shared.auth.errors import SigningKeyBroken
from shared.auth.verifying import Verifier, verifier_of
from shared.clock import Clock
from shared.context import Runtime
from shared.db import Database, Tx, failures, kernel_metadata
from shared.db.migrations import Keys as UpgradeKeys
from shared.db.migrations import Migrations
from shared.db.opening import place_in_words
from shared.db.sqlite import SqliteDatabase, SqliteRead
from shared.service.service import Service
from shared.settings import BadSetting, ServiceSettings
from shared.speech import Words, words
from shared.vault import (
    MissingKeys,
    Vault,
    VaultKeyBroken,
    key_check,
    open_vault,
    references_path,
    subject_key,
    vault_path,
)
from shared.vault.checks import (
    REFERENCES,
    TOKENS,
    VAULT,
    HeldKeys,
    OtherKeys,
    compare,
    prove,
    recorded_checks,
)

ANSWER_SECONDS_MAX = 2.0
"""The time that a database may take to say whether it is new."""
WRITTEN_FIRST = ("subject_key", "outbox", "idempotency", "inbox", "set_aside", "consumer_position")
"""The kernel's tables of which one has a row as soon as a service has stored anything."""


def migrations_of(service: Service) -> Migrations:
    """Return the migrations of a service."""
    return Migrations(service.migrations, service.metadata)


async def open_keys(service: Service, database: Database, clock: Clock) -> tuple[Vault, Verifier]:
    """Open the vault of a service, and the verifier of its tokens.

    Missing keys are made only if the database is new. If it does not answer, the vault is a `MissingKeys`, which does
    nothing. Raises BadSetting, with a sentence, if keys are missing or cannot be used.
    """
    settings = service.settings
    jwks = settings.jwks or None
    try:
        if not await _may_make(service, database, list(_files(settings))):
            return MissingKeys(service.name), verifier_of(
                settings.home, clock, jwks=jwks, issuer=settings.token_issuer
            )
        vault = open_vault_of(settings)
        if jwks is None:
            signing.ensure_signing_key(settings.home)
    except (VaultKeyBroken, SigningKeyBroken) as error:
        raise BadSetting(*error.args) from None
    return vault, verifier_of(settings.home, clock, jwks=jwks, issuer=settings.token_issuer)


async def upgrade(service: Service, runtime: Runtime) -> None:
    """Bring the database to this version with the keys of this process, and check them.

    Raises UnknownVersion, and BadSetting if the database was written with other keys: then nothing is changed.
    """
    keys = UpgradeKeys(runtime.vault, lambda tx: _prove(tx, service, runtime))
    await migrations_of(service).upgrade(runtime.database, keys)
    await prove_keys(service, runtime)


async def prove_keys(service: Service, runtime: Runtime) -> None:
    """Check that the database was written with the keys of this process, and record the keys of a new database.

    The database has the tables of this version. Raises BadSetting if the keys are others.
    """
    async with runtime.database.begin() as tx:
        await _prove(tx, service, runtime)


async def compare_keys(service: Service, database: SqliteDatabase) -> None:
    """Check that this process has the keys that a file of SQLite was written with. Nothing is made, locked or written.

    A database of nobody needs no keys. Raises BadSetting if keys are missing, cannot be used or are others.
    """
    settings = service.settings
    needed = _needed(database.reader)
    missing = [(purpose, path) for purpose, path in _files(settings) if not _exists(path)]
    for purpose, path in missing:
        if needed is None or purpose in needed:
            raise BadSetting(_lost(service, database, path))
    tables = inspect(database.reader).get_table_names()
    with _told(service, database):
        for purpose, path in _files(settings):
            if purpose == TOKENS and _exists(path):
                signing.read_signing_key(settings.home)
        if subject_key.name not in tables or any(purpose != TOKENS for purpose, _ in missing):
            return
        read, vault = SqliteRead(database.reader), open_vault_of(settings)
        recorded = await recorded_checks(read) if key_check.name in tables else []
        tokens = not settings.jwks and all(purpose != TOKENS for purpose, _ in missing)
        await compare(read, recorded, _held(settings, vault, tokens=tokens), vault)


async def _prove(tx: Tx, service: Service, runtime: Runtime) -> None:
    settings, vault = service.settings, runtime.vault
    with _told(service, runtime.database):
        await prove(tx, _held(settings, vault, tokens=not settings.jwks), vault)


def _held(settings: ServiceSettings, vault: Vault, *, tokens: bool) -> list[HeldKeys]:
    """Return the keys of this process for each purpose, the installation's own key of tokens only if it is asked for."""
    held = [
        HeldKeys(
            VAULT,
            _origin(settings, "vault_key", vault_path(settings.home, settings.service)),
            vault.checks,
        ),
        HeldKeys(
            REFERENCES,
            _origin(settings, "reference_key", references_path(settings.home)),
            {1: vault.reference_check},
        ),
    ]
    if tokens:
        check = signing.signing_check(signing.read_signing_key(settings.home))
        held.append(HeldKeys(TOKENS, str(signing.signing_key_path(settings.home)), {1: check}))
    return held


@contextmanager
def _told(service: Service, database: Database) -> Iterator[None]:
    """Turn what is wrong with keys into a BadSetting."""
    try:
        yield
    except (VaultKeyBroken, SigningKeyBroken) as error:
        raise BadSetting(*error.args) from None
    except OtherKeys as error:
        raise BadSetting(_other(service, database, error.held)) from None


async def prove_keys_at_head(service: Service, runtime: Runtime) -> None:
    """Check the keys if the database has the tables of this version; do nothing otherwise. Raises BadSetting."""
    if await migrations_of(service).state(runtime.database) == "head":
        await prove_keys(service, runtime)


def open_vault_of(settings: ServiceSettings) -> Vault:
    """Open the vault of a service by its settings. Raises BadSetting if the file of a key cannot be read."""
    return open_vault(
        settings.home,
        settings.service,
        key=settings.secret("vault_key") or None,
        reference_key=settings.secret("reference_key") or None,
    )


def _files(settings: ServiceSettings) -> Iterator[tuple[str, Path]]:
    """Yield the purposes whose keys lie in the home folder, with the paths of their files."""
    if not settings.vault_key and settings.vault_key_file is None:
        yield VAULT, vault_path(settings.home, settings.service)
    if not settings.reference_key and settings.reference_key_file is None:
        yield REFERENCES, references_path(settings.home)
    if not settings.jwks:
        yield TOKENS, signing.signing_key_path(settings.home)


async def _may_make(service: Service, database: Database, wanted: Sequence[tuple[str, Path]]) -> bool:
    """Return whether the keys at these paths are there or may be made; False if the database does not say so.

    Raises BadSetting if the database needs a key that is missing.
    """
    missing = [(purpose, path) for purpose, path in wanted if not _exists(path)]
    if not missing:
        return True
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            state = await migrations_of(service).state(database)
            if state == "older":
                return False  # it is refused for that
            async with database.begin() as tx:
                needed = await tx.run_sync(_needed)
    except Exception as error:
        if not isinstance(error, TimeoutError) and not failures.is_transient(error):
            raise
        return False
    for purpose, path in missing:
        if needed is None or purpose in needed:
            raise BadSetting(_lost(service, database, path))
    return True


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # reading it says what is wrong


def _needed(connection: Connection) -> set[str] | None:
    """Return the purposes whose keys a database was written with; None if it was written and does not say which."""
    tables = set(inspect(connection).get_table_names())
    recorded = set[str]()
    if key_check.name in tables:
        recorded = {str(purpose) for (purpose,) in connection.execute(select(key_check.c.purpose))}
    if recorded:
        return recorded | {VAULT, REFERENCES}
    for name in WRITTEN_FIRST:
        if name in tables:
            table = kernel_metadata.tables[name]
            if connection.execute(select(literal(1)).select_from(table).limit(1)).first():
                return None
    return recorded


def _origin(settings: ServiceSettings, name: str, path: Path) -> str:
    """Return where a key comes from, to name it in a sentence: its setting, or else its file in the home folder."""
    file: Path | None = getattr(settings, f"{name}_file")
    if file is not None:
        return f"{file} (HUITOU_{name.upper()}_FILE)"
    return f"HUITOU_{name.upper()}" if getattr(settings, name) else str(path)


def _place(service: Service, database: Database) -> Words:
    return words(__name__, "the_database_of", service=service.name, name=place_in_words(database.url))


def _lost(service: Service, database: Database, path: Path) -> Words:
    return words(__name__, "key_lost", path=path, database=_place(service, database))


def _other(service: Service, database: Database, held: HeldKeys) -> Words:
    more = words(__name__, "key_other_of_tokens") if held.purpose == TOKENS else ""
    return words(__name__, "key_other", database=_place(service, database), origin=held.origin, more=more)
