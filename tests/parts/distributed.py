"""The distributed product on one machine without containers: PostgreSQL, Apache Kafka, and a process for each role.

python -m tests.parts.distributed      (make up-distributed)

Every process is told the secrets of its own service only: its database, its keys, and the public keys that verify tokens.
A database and a user a service, who may connect to no other database. One file holds the environment of the person who runs
it all. Everything is temporary: what shall stay runs from docker-compose.yml.
"""

import asyncio
import os
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Self
from urllib.parse import urlsplit

import asyncpg

from huitou import registry, tokens
from huitou.settings import SERVICES
from shared.auth import signing
from shared.vault import references_path, vault_path
from tests.parts import bytecode, commands, stacks
from tests.parts.kafka import ADMIN, ApacheKafka, Kafka, open_kafka
from tests.parts.postgres import Databases, database_name, open_postgres
from tests.parts.processes import PartMissing, Server
from tests.parts.small_disk import SmallDisk

MIGRATE_SECONDS_MAX = 120
WATCH_SECONDS = 1.0
WORDS_MAX = 5
TABLESPACE = "of_their_own"
PROCESSES: Mapping[str, tuple[str, str]] = {
    "console": ("console", "serve"),
    "profile serve": ("profile", "serve"),
    "profile relay": ("profile", "relay"),
    "loyalty serve": ("loyalty", "serve"),
    "loyalty relay": ("loyalty", "relay"),
    "loyalty consume 1": ("loyalty", "consume"),
    "loyalty consume 2": ("loyalty", "consume"),
    "feedback serve": ("feedback", "serve"),
    "feedback relay": ("feedback", "relay"),
    "feedback consume": ("feedback", "consume"),
    "scoring serve": ("scoring", "serve"),
    "scoring relay": ("scoring", "relay"),
    "scoring consume": ("scoring", "consume"),
}
"""Every process by its name: the service, and its role. Profile consumes nothing yet."""


class DistributedStack:
    """PostgreSQL, Kafka and the services' processes; each of them can be killed, frozen and started again."""

    name = "distributed"

    def __init__(
        self, postgres: Databases, kafka: Kafka, *, port_base: int, more: Mapping[str, str] | None = None
    ) -> None:
        """Prepare the stack on a PostgreSQL and a Kafka that run. `more` are further variables of the environment."""
        self.postgres, self.kafka = postgres, kafka
        self.folder = Path(tempfile.mkdtemp(prefix="huitou-distributed-"))
        self.home = self.folder / "home"
        self.addresses = stacks.local_addresses(port_base)
        self.databases: dict[str, str] = {}
        """The URL of each service's database, as its own user."""
        self.environment = stacks.environment(
            self.home, port_base, {"HUITOU_BUS_URL": kafka.url, **(more or {})}
        )
        self.environment |= self._bus_access(ADMIN)
        self.servers: dict[str, Server] = {}
        self.disk: SmallDisk | None = None
        """The disk that the databases lie on, if `move_to` has moved them to one of their own."""

    def address(self, service: str) -> str:
        return self.addresses[service]

    @property
    def environment_file(self) -> Path:
        """Return the file with everything that the product is told, for commands that are run beside its processes."""
        return self.folder / "huitou.env"

    def prepare(self) -> None:
        """Make users and databases, write the environment file, and migrate."""
        self.databases = asyncio.run(_create_databases(self.postgres))
        self.tell_databases()
        ours = sorted((name, value) for name, value in self.environment.items() if name.startswith("HUITOU_"))
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in ours]
        self.environment_file.write_text("".join(lines))
        self.environment_file.chmod(0o600)
        self._command("migrate")
        if self._bus_access(ADMIN):
            self._command("kafka-acls", "--apply")

    def _command(self, *arguments: str) -> None:
        ran = commands.run(*arguments, environment=self.environment, seconds_max=MIGRATE_SECONDS_MAX)
        if ran.returncode != 0:
            raise PartMissing(f"huitou {' '.join(arguments)}: {ran.stderr}")

    def move_to(self, disk: SmallDisk) -> None:
        """Move the databases to a disk of their own, which may be filled. Nobody is connected to them."""
        self.disk = disk
        asyncio.run(_move_databases(self.postgres, self.databases, disk.folder))

    @property
    def tablespace(self) -> str:
        """Return PostgreSQL's name of the place that the databases lie in."""
        return TABLESPACE if self.disk is not None else "pg_default"

    def tell_databases(self) -> None:
        """Put the URLs of the databases into the environment of the person who runs it all."""
        for service, url in self.databases.items():
            self.environment[f"HUITOU_{service.upper()}_DATABASE_URL"] = url

    def environment_of(self, service: str) -> dict[str, str]:
        """Return the environment of a process of this service: everything but what is secret to others."""
        secrets_of_others = {f"HUITOU_{name.upper()}_DATABASE_URL" for name in SERVICES if name != service}
        own = {name: value for name, value in self.environment.items() if name not in secrets_of_others}
        own["HUITOU_HOME"] = str(self.folder / "homes" / service)
        own.setdefault("HUITOU_JWKS", str(signing.public_keys_path(self.home)))
        for name in ("HUITOU_BUS_USER", "HUITOU_BUS_PASSWORD", "HUITOU_BUS_SECURITY", "HUITOU_BUS_CA_FILE"):
            own.pop(name, None)
        if service in SERVICES:
            own |= self._bus_access(service)
            own["HUITOU_VAULT_KEY_FILE"] = str(vault_path(self.home, service))
            own["HUITOU_REFERENCE_KEY_FILE"] = str(references_path(self.home))
        return own

    def _bus_access(self, user: str) -> dict[str, str]:
        """Return the settings with which a user reaches a secured Kafka; none if it asks nobody for a password."""
        if not isinstance(self.kafka, ApacheKafka) or not self.kafka.users:
            return {}
        access = self.kafka.access(user)
        return {
            "HUITOU_BUS_SECURITY": access.protocol,
            "HUITOU_BUS_USER": access.user,
            "HUITOU_BUS_PASSWORD": access.password,
            "HUITOU_BUS_CA_FILE": str(access.authority),
        }

    def start(self) -> Self:
        """Prepare and start everything; returns when every service answers."""
        self.prepare()
        return self.start_all()

    def start_all(self) -> Self:
        """Start every process; returns when every service answers."""
        for name in PROCESSES:
            self.add(name)
        asyncio.run(stacks.wait_ready(self.addresses, self.servers))
        return self

    def add(self, name: str, service: str = "", role: str = "") -> Server:
        """Start a process of this name, one of PROCESSES unless service and role are given."""
        if name not in self.servers:
            service, role = (service, role) if service else PROCESSES[name]
            member = {"HUITOU_MEMBER": name.replace(" ", "-")} if role == "consume" else {}
            self.servers[name] = stacks.python(
                name,
                f"services.{service}",
                role,
                log=self.folder / f"{name.replace(' ', '-')}.log",
                environment={**self.environment_of(service or PROCESSES[name][0]), **member},
            )
        self.servers[name].start()
        return self.servers[name]

    def close(self) -> None:
        """Drain every process, those that serve first. The caller, who opened PostgreSQL and Kafka, closes them."""
        for role in ("serve", "consume", ""):
            _end_all([server for name, server in self.servers.items() if role in name])
        try:
            asyncio.run(_drop_databases(self.postgres, self.databases))
        except (OSError, asyncpg.PostgresError) as error:
            print(f"the databases stay: {error!r}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)


def _end_all(servers: list[Server]) -> None:
    for server in servers:
        server.signal(signal.SIGCONT)
        server.signal(signal.SIGTERM)
    for server in servers:
        server.end(signal.SIGTERM, seconds_max=stacks.STOP_SECONDS_MAX)


async def _create_databases(postgres: Databases) -> dict[str, str]:
    """Create a user and a database for each service. No other user may connect to that database."""
    mark, urls = secrets.token_hex(3), {}
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        for service in SERVICES:
            user, password = f"huitou_{service}_{mark}", secrets.token_urlsafe(24)
            await connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
            await create_database(connection, user)
            place = urlsplit(postgres.admin_url)
            urls[service] = (
                f"postgresql+asyncpg://{user}:{password}@{place.hostname}:{place.port or 5432}/{user}"
            )
    finally:
        await connection.close()
    return urls


async def create_database(connection: asyncpg.Connection, user: str, tablespace: str = "pg_default") -> None:
    """Create the empty database of a service's user, who has the same name. Nobody else may connect to it."""
    await connection.execute(f"CREATE DATABASE {user} OWNER {user} TABLESPACE {tablespace}")
    await connection.execute(f"REVOKE ALL ON DATABASE {user} FROM PUBLIC")


async def _move_databases(postgres: Databases, urls: Mapping[str, str], folder: Path) -> None:
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        await connection.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION '{folder}'")
        for url in urls.values():
            await connection.execute(f"ALTER DATABASE {database_name(url)} SET TABLESPACE {TABLESPACE}")
    finally:
        await connection.close()


async def _drop_databases(postgres: Databases, urls: Mapping[str, str]) -> None:
    for url in urls.values():
        await postgres.drop_database(url)
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        for url in urls.values():
            await connection.execute(f"DROP ROLE IF EXISTS {urlsplit(url).username}")
    finally:
        await connection.close()


def main() -> int:
    """Run the product in the foreground until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    bytecode.keep()
    port_base = int(os.environ.get("HUITOU_PORT_BASE", "8000"))
    postgres, kafka, stack = None, None, None
    try:
        print("Starting PostgreSQL …", flush=True)
        postgres = open_postgres(password=secrets.token_urlsafe(24))
        print(f"  {postgres.sentence}\nStarting Kafka …", flush=True)
        kafka = open_kafka() if os.environ.get("TEST_KAFKA") else ApacheKafka(users=SERVICES).start()
        if not kafka.real:
            raise PartMissing(
                "The distributed product needs a real Kafka: install java and mvn, or set TEST_KAFKA."
            )
        print(f"  {kafka.sentence}\nStarting the services …", flush=True)
        stack = DistributedStack(postgres, kafka, port_base=port_base, more=_told()).start()
        print(_banner(stack), flush=True)
        _watch(stack)
    except _Stopped:
        print("Stopping …", flush=True)
    except PartMissing as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # once is enough: it is being done
        for part in (stack, kafka, postgres):
            if part is not None:
                part.close()
    return 0


def _told() -> dict[str, str]:
    """Return the settings in this environment that the stack does not decide by itself."""
    decided = {"HUITOU_HOME", "HUITOU_PORT_BASE", "HUITOU_MEMBER"}
    decided |= {
        name for name in registry.variables() if "_DATABASE_URL" in name or "_KEY" in name or "_BUS_" in name
    }
    return {name: os.environ[name] for name in registry.variables() - decided if name in os.environ}


def _watch(stack: DistributedStack) -> NoReturn:
    """Report each process that ends by itself, with the reason. The others go on."""
    ended = set[str]()
    while True:
        time.sleep(WATCH_SECONDS)
        for name, server in stack.servers.items():
            if not server.running and name not in ended:
                ended.add(name)
                words = server.log.read_text(errors="replace").splitlines()[-WORDS_MAX:]
                print("\n".join([f"{name} has ended with {server.exit_code}:", *words]), flush=True)


class _Stopped(Exception):
    """The process was told to stop."""


def _stop(number: int, frame: object) -> NoReturn:
    raise _Stopped


def _banner(stack: DistributedStack) -> str:
    lines = [
        "",
        f"Huitou runs in {len(stack.servers)} processes. Ctrl-C stops it, and everything is forgotten.",
        "",
    ]
    lines += [f"  {name:9} {stack.address(name)}/docs" for name in SERVICES]
    lines += [
        f"  {'console':9} {stack.address('console')}",
        "",
        "To run a command beside it:",
        f"  set -a; . {stack.environment_file}; set +a; .venv/bin/huitou verify",
        "",
    ]
    lines += [f"  {role:9} {tokens.operator(stack.home, role)}" for role in tokens.ROLES]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
