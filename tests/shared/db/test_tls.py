"""A PostgreSQL URL says how it wants TLS as people write it for libpq; a real server answers."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import UnusableDatabase, failures, open_database
from shared.outbox import lease as leasing
from shared.outbox.lease import PostgresLease
from tests.parts.certificates import Certificates, make_certificates
from tests.parts.postgres import USER, Postgres

SECURE = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").columns()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL with TLS."""
    given = Path(shutil.copytree(certificates.key.parent, f"/tmp/huitou-tls-{os.getpid()}"))
    if os.geteuid() == 0:
        for path in (given, *given.iterdir()):
            shutil.chown(path, USER)
    files = {"ssl_cert_file": str(given / "server.pem"), "ssl_key_file": str(given / "server.key")}
    postgres = Postgres(durable=False, more={"ssl": "on", **files})
    try:
        yield postgres.start()
    finally:
        postgres.close()
        shutil.rmtree(given)


async def secure(server: Postgres, query: str, *, host: str = "127.0.0.1") -> bool:
    """Return whether the connection that a URL with this query opens is encrypted."""
    url = server.admin_url.replace("127.0.0.1", host)
    database = open_database(f"{url}?{query}")
    try:
        async with database.read() as read:
            return bool((await read.run(SECURE)).scalar_one())
    finally:
        await database.close()


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("query", "encrypted"),
    [
        ("", True),  # prefer
        ("sslmode=disable", False),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        ("sslmode=require&sslrootcert={authority}", True),
        ("sslmode=verify-ca&sslrootcert={authority}", True),
        ("sslmode=verify-full&sslrootcert={authority}", True),
        ("application_name=till&sslmode=require", True),
    ],
)
async def test_the_connection_is_as_the_url_wants_it(
    server: Postgres, certificates: Certificates, query: str, encrypted: bool
) -> None:
    assert await secure(server, query.format(authority=certificates.authority)) == encrypted


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "query",
    [
        "sslmode=verify-full",
        "sslmode=verify-full&sslrootcert=system",
        "sslmode=verify-full&sslrootcert=~/{authority.name}",
        "sslmode=require&application_name=till&prepared_statement_cache_size=0",
    ],
)
async def test_a_service_leads_over_the_url_by_which_it_reads(
    server: Postgres, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    authority = certificates.authority
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))  # so that this machine trusts it
    monkeypatch.setenv("HOME", str(authority.parent))
    query = query.format(authority=authority)

    lease = PostgresLease(f"{server.admin_url}?{query}", "till")
    await asyncio.wait_for(lease.acquire(), leasing.SESSION_SECONDS)
    held = lease.held()
    await lease.release()

    assert held
    assert await secure(server, query)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("query", "host"),
    [
        ("sslmode=verify-full", "127.0.0.1"),
        ("sslmode=verify-ca&sslrootcert={other}", "127.0.0.1"),
        ("sslmode=require&sslrootcert={other}", "127.0.0.1"),
        ("sslmode=verify-full&sslrootcert={authority}", "localhost"),
    ],
)
async def test_a_server_that_cannot_prove_itself_is_not_spoken_to(
    server: Postgres, certificates: Certificates, tmp_path: Path, query: str, host: str
) -> None:
    other = make_certificates(tmp_path / "other").authority
    with pytest.raises(Exception, match="certificate") as refused:
        await secure(server, query.format(authority=certificates.authority, other=other), host=host)
    assert failures.is_transient(refused.value)


@pytest.mark.postgresql
async def test_a_server_without_tls_is_not_spoken_to_where_it_is_required(
    breakable_postgres: Postgres,
) -> None:
    assert not await secure(breakable_postgres, "sslmode=prefer")
    with pytest.raises(ConnectionError):
        await secure(breakable_postgres, "sslmode=require")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=on", "sslmode is 'on'; it must be one of disable, "),
        ("sslmode=require&sslmode=disable", "sslmode more than once"),
        ("sslmode=verify-ca", "needs sslrootcert"),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem", "sslrootcert is /nowhere.pem, which cannot be used"),
        (
            "sslmode=verify-full&sslrootcert=/etc/hostname",
            "sslrootcert is /etc/hostname, which cannot be used",
        ),
        ("sslrootcert=/etc/hostname", "sslrootcert needs an sslmode"),
        ("sslmode=require&sslcert=/etc/hostname", "sslcert and sslkey belong together"),
        ("sslmode=require&sslcert=/etc/hostname&sslkey=/etc/hostname", "sslcert is /etc/hostname"),
        ("ssl=true", "it has the parameter ssl; known are sslmode"),
        ("sslmod=require", "it has the parameter sslmod"),
    ],
)
def test_nonsense_is_a_sentence_without_the_password(query: str, said: str) -> None:
    with pytest.raises(UnusableDatabase) as refused:
        open_database(f"postgresql://loyalty:s3cret@here/loyalty?{query}")

    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)
