"""A real PostgreSQL: the one in TEST_POSTGRES_URL, else a cluster of the machine's own binaries, one a run.

This module needs no pytest, so `make up-distributed`, the benchmarks and the chaos tests start the same one.
"""

import asyncio
import atexit
import contextlib
import glob
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.parts.processes import PartMissing, Server, apt_install, free_ports, freeze, said

USER = "postgres"
INITDB_SECONDS_MAX = 120
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20
DUMP_SECONDS_MAX = 60
CREATE_TRIES_MAX = 20
CREATE_RETRY_SECONDS = 0.1

# Benchmarks and chaos measure a commit that is durable; other tests lose nothing when the machine loses its power.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] %d ",
    "timezone": "UTC",
}


class Databases:
    """Creates and drops databases on a PostgreSQL that is reached at `admin_url` (postgresql://…)."""

    sentence: str
    """What was used, for the header of a test run."""

    _numbers = itertools.count(1)

    def __init__(self, admin_url: str, sentence: str, *, temporary: bool = False) -> None:
        """Use the server at `admin_url`. With `temporary` its data ends with the run, so no database is dropped."""
        self.admin_url = admin_url
        self.sentence = sentence
        self.temporary = temporary

    async def create_database(self, template: str | None = None, *, name: str | None = None) -> str:
        """Create a database and return its URL (postgresql+asyncpg://…); `template` is the name or URL of another."""
        name = name or f"huitou_{os.getpid()}_{next(self._numbers)}"
        source = f' TEMPLATE "{database_name(template)}"' if template else ""
        for tries_left in reversed(range(CREATE_TRIES_MAX)):
            try:
                await self._execute(f'CREATE DATABASE "{name}"{source}')
                break
            except (
                asyncpg.ObjectInUseError
            ):  # a connection to the template that was closed is still being seen off
                if tries_left == 0:
                    raise
                await asyncio.sleep(CREATE_RETRY_SECONDS)
        return self.url(name)

    async def drop_database(self, name: str) -> None:
        """Drop a database, by name or URL, with all its connections. Nothing happens if it does not exist."""
        await self._execute(f'DROP DATABASE IF EXISTS "{database_name(name)}" WITH (FORCE)')

    async def has_database(self, name: str) -> bool:
        """Return whether a database of this name exists."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            return bool(await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name))
        finally:
            await connection.close()

    async def rename_database(self, name_or_url: str, name: str) -> None:
        """Give a database that nobody is connected to another name."""
        await self._execute(f'ALTER DATABASE "{database_name(name_or_url)}" RENAME TO "{name}"')

    def url(self, name: str) -> str:
        """Return the URL of a database for HUITOU_<SERVICE>_DATABASE_URL."""
        return urlunsplit(urlsplit(self.admin_url)._replace(scheme="postgresql+asyncpg", path=f"/{name}"))

    def close(self) -> None:
        """Do nothing: the run did not start this server."""

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class Postgres(Databases):
    """A cluster that the run starts. It survives `kill` and `start` on the same data and port."""

    def __init__(
        self,
        *,
        folder: Path | None = None,
        durable: bool = True,
        password: str = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Make the cluster, its data under `folder` (a temporary one if none is given; made again when it exists).

        With a password, which is the superuser's, the server asks everybody for a password (scram-sha-256).
        `more` are further settings of the server.
        """
        self._binaries = binaries = _binaries()
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="huitou-postgres-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        user = USER if os.geteuid() == 0 else None  # the server refuses to run as root
        if user:
            shutil.chown(self.folder, user)
            self.folder.chmod(0o755)
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            _initdb(binaries / "initdb", data, user, password)
        (port,) = free_ports(1)
        super().__init__(
            f"postgresql://{USER}{f':{password}' if password else ''}@127.0.0.1:{port}/postgres",
            f"PostgreSQL {_version(binaries)} at 127.0.0.1:{port}",
            temporary=True,
        )
        settings = {
            **SETTINGS,
            **(DURABLE if durable else NOT_DURABLE),
            **(more or {}),
            "port": str(port),
            "unix_socket_directories": str(self.folder),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._server = Server(
            self.sentence,
            [str(binaries / "postgres"), "-D", str(data), *options],
            log=self.folder / "postgres.log",
            user=user,
            dies_by=signal.SIGINT,
        )
        self._ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        atexit.register(self.close)

    @property
    def running(self) -> bool:
        """Return whether the server process exists."""
        return self._server.running

    def start(self) -> Self:
        """Start the server, or start it again, and return when it accepts connections."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            self.start_soon()
            try:
                self.wait()
                return self
            except PartMissing as error:
                # After `kill` the old back ends need a moment to see that their postmaster is gone.
                if "pre-existing shared memory" not in str(error) or time.monotonic() > deadline:
                    raise

    def start_soon(self) -> None:
        """Start the server, or start it again, without waiting."""
        self._server.start()

    def wait(self) -> None:
        """Return when the server accepts connections. Unlike `start`, this may be called in a thread. Raises PartMissing."""
        self._server.wait_until(self._accepts, seconds_max=START_SECONDS_MAX)

    def dump(self, name_or_url: str, file: Path) -> None:
        """Back up one database into a file, as of one moment; its users go on."""
        url = urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database_name(name_or_url)}"))
        self._tool("pg_dump", "--format=custom", f"--file={file}", f"--dbname={url}")

    def restore(self, name_or_url: str, file: Path) -> None:
        """Put a backup into a database that is empty."""
        url = urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database_name(name_or_url)}"))
        self._tool("pg_restore", "--exit-on-error", f"--dbname={url}", str(file))

    def _tool(self, name: str, *arguments: str) -> None:
        said([str(self._binaries / name), *arguments], seconds_max=DUMP_SECONDS_MAX)

    def restart(self) -> None:
        """Stop the server in order, and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Shut the server down in order, and end its connections."""
        self._server.end(signal.SIGINT, seconds_max=STOP_SECONDS_MAX)

    def kill(self) -> None:
        """Send SIGKILL to the server and its back ends."""
        self._server.end(signal.SIGKILL, seconds_max=STOP_SECONDS_MAX)

    def freeze(self) -> None:
        """Stop the postmaster where it is: no new connection is answered."""
        self._server.freeze()

    def hang(self) -> None:
        """Stop the postmaster and every back end where they are: connections stay open, and get no answers."""
        self._server.freeze()
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):  # it ended of itself
                freeze(child)

    def cont(self) -> None:
        """Send SIGCONT after `freeze` or `hang`."""
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)
        self._server.cont()

    def close(self) -> None:
        """End the server, and remove its data unless the folder was given."""
        self.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _children(self) -> list[int]:
        pid = self._server.pid
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())) if pid else []

    def _accepts(self) -> bool:
        return subprocess.run(self._ready, stdin=subprocess.DEVNULL, check=False).returncode == 0


def open_postgres(*, durable: bool = True, password: str = "") -> Databases:
    """Start and return the PostgreSQL of this machine. Raises PartMissing if there is none: it has no stand-in.

    With a password it asks everybody for one; a server in TEST_POSTGRES_URL is used as it is.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    if not given:
        return Postgres(durable=durable, password=password).start()
    parts = urlsplit(given)
    admin_url = urlunsplit(parts._replace(scheme="postgresql", path=parts.path or "/postgres"))
    return Databases(
        admin_url, f"the PostgreSQL in TEST_POSTGRES_URL at {parts.hostname}:{parts.port or 5432}"
    )


def planned() -> str:
    """Return a sentence about what `open_postgres` would use, for the header of a test run. Nothing is started."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        return f"the PostgreSQL in TEST_POSTGRES_URL at {urlsplit(given).hostname}"
    binaries = _find_binaries()
    return f"PostgreSQL {_version(binaries)} from {binaries}" if binaries else "PostgreSQL, to be installed"


def database_name(name_or_url: str) -> str:
    """Return the name in the URL of a database. A name is returned as it is."""
    return urlsplit(name_or_url).path.removeprefix("/") if "://" in name_or_url else name_or_url


def _binaries() -> Path:
    found = _find_binaries()
    if found is None and apt_install("postgresql"):
        found = _find_binaries()
    if found is None:
        raise PartMissing(
            "PostgreSQL's initdb and postgres were not found; install Debian's postgresql or set TEST_POSTGRES_URL"
        )
    return found


def _find_binaries() -> Path | None:
    """Return the folder of the newest initdb, which Debian keeps out of PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    versions = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    newest = max(versions, key=lambda path: float(Path(path).parts[-3]), default=None)
    return Path(newest).parent if newest else None


def _initdb(program: Path, data: Path, user: str | None, password: str) -> None:
    command = [str(program), "-D", str(data), "-N", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8"]
    file = data.parent / "password"
    if password:
        file.write_text(password)
        file.chmod(0o600)
        if user:
            shutil.chown(file, user)
        command += ["-A", "scram-sha-256", f"--pwfile={file}"]
    else:
        command += ["-A", "trust"]
    done = subprocess.run(
        command,
        user=user,
        extra_groups=[] if user else None,
        cwd=data.parent,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=INITDB_SECONDS_MAX,
        check=False,
    )
    file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise PartMissing(f"initdb failed:\n{done.stdout}{done.stderr}")


def _version(binaries: Path) -> str:
    done = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    return done.stdout.split()[2] if done.returncode == 0 else "?"
