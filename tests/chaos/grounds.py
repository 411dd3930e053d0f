"""How a service of each stack is ended, started, backed up, robbed and given back what it lost."""

import shutil
import signal
import sys
from asyncio import to_thread
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import asyncpg

from huitou.exits import Exit
from shared.run.command import EXIT_REFUSED
from tests.chaos.endings import Endings
from tests.chaos.losses import Ground
from tests.parts import stacks
from tests.parts.distributed import PROCESSES, DistributedStack, create_database
from tests.parts.embedded import EmbeddedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres, database_name
from tests.parts.processes import said

COMMAND_SECONDS_MAX = 120


class EmbeddedGround(Ground):
    """Four services in one process, on files."""

    refusal, is_whole = Exit.BAD_SETTING, True

    def __init__(self, stack: EmbeddedStack, endings: Endings) -> None:
        super().__init__(stack, endings, stack.disk)
        self._up, self._folder, self._backup = stack.server, stack.folder, stack.folder / "backup"
        self._addresses = stack.addresses

    def processes(self, service: str) -> Sequence[str]:
        return (self._up.name,)

    def log(self, process: str) -> Path:
        return self._up.log

    async def end(self, service: str) -> None:
        await to_thread(self.endings.end, self._up.name, signal.SIGKILL)

    def start(self, service: str, *, serve_only: bool = False) -> None:
        self.endings.starting(self._up.name)
        self._up.start()

    async def wait(self) -> None:
        await stacks.wait_ready(self._addresses, {"up": self._up})

    def back_up(self, service: str) -> None:
        shutil.rmtree(self._backup, ignore_errors=True)
        _command(["huitou", "backup", str(self._backup)], self.stack.environment)

    async def lose(self, service: str) -> None:
        for file in self.stack.home.glob(f"{service}.db*"):
            file.unlink()

    async def restore(self, service: str) -> None:
        await self.lose(service)
        shutil.copy(self._backup / f"{service}.db", self.stack.home)

    async def back_up_log(self) -> None:
        await to_thread(self.back_up, "")

    async def restore_log(self) -> None:
        await self.end("")
        for file in self.stack.home.glob("log.db*"):
            file.unlink()
        shutil.copy(self._backup / "log.db", self.stack.home)
        self.start("")

    def accept_loss(self, service: str) -> str:
        return _command(["huitou", "accept-loss", service], self.stack.environment)


class DistributedGround(Ground):
    """A process for each role, on PostgreSQL."""

    refusal, is_whole = EXIT_REFUSED, False

    def __init__(self, stack: DistributedStack, endings: Endings) -> None:
        super().__init__(stack, endings, stack.disk)
        assert isinstance(stack.postgres, Postgres), "only databases of our own may be lost"
        assert isinstance(stack.kafka, ApacheKafka), "only a broker of our own may be restored"
        self._stack, self._postgres, self._kafka = stack, stack.postgres, stack.kafka

    def processes(self, service: str) -> Sequence[str]:
        return [name for name, (owner, _) in PROCESSES.items() if owner == service]

    def log(self, process: str) -> Path:
        return self._stack.servers[process].log

    async def end(self, service: str) -> None:
        for name in self.processes(service):
            await to_thread(self.endings.end, name, signal.SIGKILL)

    def start(self, service: str, *, serve_only: bool = False) -> None:
        for name in [f"{service} serve"] if serve_only else self.processes(service):
            self.endings.starting(name)
            self._stack.add(name)

    async def wait(self) -> None:
        await stacks.wait_ready(
            self._stack.addresses, {name: self._stack.servers[name] for name in PROCESSES}
        )

    def back_up(self, service: str) -> None:
        self._postgres.dump(self._stack.databases[service], self._backup(service))

    async def lose(self, service: str) -> None:
        await self._make(service)
        await to_thread(self._run, service, "migrate")

    async def restore(self, service: str) -> None:
        await self._make(service)
        await to_thread(self._postgres.restore, self._stack.databases[service], self._backup(service))

    async def back_up_log(self) -> None:
        await self._replace(self._kafka.copy)

    async def restore_log(self) -> None:
        await self._replace(self._kafka.restore)

    async def _replace(self, while_it_is_down: Callable[[], None]) -> None:
        await to_thread(while_it_is_down)
        self._kafka.start_soon()
        await to_thread(self._kafka.wait)

    def accept_loss(self, service: str) -> str:
        return self._run(service, "accept-loss")

    async def _make(self, service: str) -> None:
        """Replace the database of a service by an empty one."""
        url = self._stack.databases[service]
        await self._postgres.drop_database(url)
        connection = await asyncpg.connect(self._postgres.admin_url)
        try:
            await create_database(connection, database_name(url), self._stack.tablespace)
        finally:
            await connection.close()

    def _backup(self, service: str) -> Path:
        return self._stack.folder / f"{service}.dump"

    def _run(self, service: str, command: str) -> str:
        return _command([f"services.{service}", command], self._stack.environment_of(service))


def _command(words: Sequence[str], environment: Mapping[str, str]) -> str:
    return said(
        [sys.executable, "-m", *words],
        cwd=stacks.ROOT,
        environment=dict(environment),
        seconds_max=COMMAND_SECONDS_MAX,
    )
