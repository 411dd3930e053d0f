"""What can be taken away from a service, on each stack: its keys, its database, the room on its disk.

Whoever lost something says so and accepts nothing that would be lost too. It is given back, and nothing more is lost than what
the product names.
"""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from random import Random

import httpx2
from sqlalchemy import func, select

from huitou.settings import SERVICES
from shared.db import open_database
from shared.outbox.tables import outbox
from shared.vault import vault_path
from tests.chaos import moments
from tests.chaos.books import database_url
from tests.chaos.endings import Endings
from tests.chaos.journal import Journal, Loss
from tests.chaos.load import FULL
from tests.chaos.plan import Fault
from tests.parts.small_disk import SmallDisk
from tests.parts.stacks import Stack

REFUSED_SECONDS_MAX = 120.0
SAYS_SECONDS_MAX = 120.0
TOLD_AFTER_BACKUP = 3
"""How many events a service has told others since its backup."""
TOLD_SECONDS_MAX = 60.0
FULL_SECONDS_MAX = 30.0
FULL_AGAIN = 3
"""How many requests are refused before there is room again."""
NAMED = re.compile(r"(\S+/\d+): the topic ends at (\d+), and the database does not know its last event")


class Ground(ABC):
    """What the faults need to know of a stack: how one of its services is ended, started, backed up and robbed."""

    refusal: int
    """The exit code of who may not start."""
    is_whole: bool
    """Whether all services are one process, which goes down with any of them."""

    def __init__(self, stack: Stack, endings: Endings, disk: SmallDisk | None) -> None:
        self.stack, self.endings, self.disk = stack, endings, disk

    @abstractmethod
    def processes(self, service: str) -> Sequence[str]:
        """Return the names of the processes that the service runs in."""

    @abstractmethod
    def log(self, process: str) -> Path:
        """Return the file of what a process says."""

    @abstractmethod
    async def end(self, service: str) -> None:
        """Kill every process of the service."""

    @abstractmethod
    def start(self, service: str, *, serve_only: bool = False) -> None:
        """Start the processes of the service, or the one that answers requests."""

    @abstractmethod
    async def wait(self) -> None:
        """Return when everything is ready."""

    @abstractmethod
    def back_up(self, service: str) -> None:
        """Make a backup of the service's database."""

    @abstractmethod
    async def lose(self, service: str) -> None:
        """Replace the database of a service that is down by an empty one."""

    @abstractmethod
    async def restore(self, service: str) -> None:
        """Put the backup in the place of the database of a service that is down."""

    @abstractmethod
    async def back_up_log(self) -> None:
        """Make a copy of the log of events, or of the broker's, as of one moment."""

    @abstractmethod
    async def restore_log(self) -> None:
        """Put the copy in the place of the log, and start what was ended for it."""

    @abstractmethod
    def accept_loss(self, service: str) -> str:
        """Give the command that accepts the loss, and return what it says."""


class Losses:
    """Takes things away, and gives them back."""

    def __init__(self, ground: Ground, random: Random, journal: Journal) -> None:
        self._ground, self._random, self._journal = ground, random, journal

    def faults(self) -> Sequence[Fault]:
        is_long = not self._ground.is_whole  # several processes are started three times
        faults = [
            Fault("the keys of a service are lost", 1, self._lose_keys, is_required=True, is_long=is_long),
            Fault(
                "the database of a service is lost", 1, self._lose_database, is_required=True, is_long=True
            ),
        ]
        faults.append(
            Fault(
                "the log is restored from an older copy", 1, self._restore_log, is_required=True, is_long=True
            )
        )
        if self._ground.disk is not None:
            faults.append(Fault("a full disk", 1, self._fill_disk, is_required=True))
        return faults

    async def mend(self) -> None:
        """Nothing to do: whatever was taken is given back within its fault."""

    async def _lose_keys(self) -> bool:
        """Take the file of the keys away while the service is down, then put the keys of another installation there."""
        service = self._random.choice(SERVICES)
        path = vault_path(self._ground.stack.home, service)
        kept = path.read_bytes()
        await self._ground.end(service)
        loss = Loss("" if self._ground.is_whole else service, time.monotonic())
        self._journal.losses.append(loss)
        try:
            path.unlink()
            await self._refuses(service, path)
            path.write_text(f"1:{b64encode(self._random.randbytes(32)).decode()}")
            path.chmod(0o600)
            await self._refuses(service, path)
        finally:
            path.write_bytes(kept)
            path.chmod(0o600)
            loss.back_at = time.monotonic()
            self._ground.start(service)
            await self._ground.wait()
        return True

    async def _refuses(self, service: str, path: Path) -> None:
        """Start the service, and assert that each of its processes ends with a sentence that names the keys."""
        names = self._ground.processes(service)
        before = {name: self._ground.log(name).stat().st_size for name in names}
        self._ground.start(service)

        async def ended() -> bool:
            return all(self._ground.endings.refuses(name, self._ground.refusal) for name in names)

        refused = await moments.within(ended, seconds_max=REFUSED_SECONDS_MAX)
        assert refused, f"{service} runs without its keys"
        for name in names:
            said = self._ground.log(name).read_bytes()[before[name] :].decode(errors="replace")
            assert path.name in said, f"{name} does not name the keys that it needs: {said}"

    async def _lose_database(self) -> bool:
        """Back the database of a service up, let it go on for a while, then lose it, restore it alone and accept the loss."""
        ground, service = self._ground, self._random.choice(SERVICES)
        async with self._journal.gate.closed():
            saved_ms = int(time.time() * 1000)  # consumers write and relays send while the backup is made
            await asyncio.to_thread(ground.back_up, service)
            saved_at = time.monotonic()
            saved_row, _ = await self._outbox(service)

        async def has_told_more() -> bool:
            return (await self._outbox(service))[0] >= saved_row + TOLD_AFTER_BACKUP

        async def has_told_everything() -> bool:  # of the rest nobody could know
            return not (await self._outbox(service))[1]

        if not await moments.within(has_told_more, seconds_max=TOLD_SECONDS_MAX):
            return False
        async with self._journal.gate.closed():
            if not await moments.within(has_told_everything, seconds_max=TOLD_SECONDS_MAX):
                return False
            await ground.end(service)
            loss = Loss(service, time.monotonic(), saved_at, saved_ms)
            self._journal.losses.append(loss)
        try:
            await ground.lose(service)
            ground.start(service, serve_only=True)
            await self._says_that_it_is_behind(service, "lost")
            await ground.end(service)
        finally:
            await ground.restore(service)
            ground.start(service)
        await self._says_that_it_is_behind(service, "older than what it has told")
        loss.back_at = time.monotonic()
        said = await asyncio.to_thread(ground.accept_loss, service)
        loss.named = {place: int(end) for place, end in NAMED.findall(said)}
        assert loss.named, f"{service} names nothing that it has lost: {said}"
        await ground.wait()
        return True

    async def _restore_log(self) -> bool:
        """Copy the log, let everything go on for a while, then put the older copy in its place, and accept it.

        The outboxes still have what the log has lost, so nothing is lost in the end. The producers accept it first, in turn,
        so that the log grows again under consumers that have applied more of it.
        """
        ground = self._ground
        async with self._journal.gate.closed():
            await ground.back_up_log()
        before = {service: (await self._outbox(service))[0] for service in SERVICES}

        async def have_told_more() -> bool:
            told = [await self._outbox(service) for service in SERVICES]
            rows = [last - before[service] for service, (last, _) in zip(SERVICES, told, strict=True)]
            return rows[0] >= TOLD_AFTER_BACKUP and not any(pending for _, pending in told)

        if not await moments.within(have_told_more, seconds_max=TOLD_SECONDS_MAX):
            return False
        await ground.restore_log()
        await self._says(SERVICES[0], "bus_behind", "whose topics were restored")
        for service in self._random.sample(SERVICES, len(SERVICES)):
            await asyncio.to_thread(ground.accept_loss, service)
        await ground.wait()
        return True

    async def _outbox(self, service: str) -> tuple[int, int]:
        """Return the last row of the service's outbox, and how many wait to be published."""
        database = open_database(database_url(self._ground.stack, service))
        try:
            async with database.read() as read:
                last = await read.scalar(select(func.max(outbox.c.id)))
                pending = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
                return last or 0, await read.scalar(pending) or 0
        finally:
            await database.close()

    async def _says_that_it_is_behind(self, service: str, what: str) -> None:
        await self._says(service, "database_behind", f"whose database is {what}", is_ready=False)

    async def _says(self, service: str, code: str, what: str, *, is_ready: bool = True) -> None:
        """Assert that a service says within a while what is wrong."""
        address = self._ground.stack.address(service)
        wanted = httpx2.codes.OK if is_ready else httpx2.codes.SERVICE_UNAVAILABLE
        async with httpx2.AsyncClient() as client:

            async def says() -> bool:
                try:
                    ready = (await client.get(f"{address}/health/ready")).status_code
                    issues = (await client.get(f"{address}/health/issues")).json()["issues"]
                except httpx2.TransportError:
                    return False
                return ready == wanted and code in [issue["code"] for issue in issues]

            said = await moments.within(says, seconds_max=SAYS_SECONDS_MAX)
        assert said, f"{service}, {what}, does not say so"

    async def _fill_disk(self) -> bool:
        """Leave no room until requests have been refused for it, then give it back: it must go on by itself."""
        disk, counts = self._ground.disk, self._journal.counts
        assert disk is not None
        before = counts[FULL]

        async def refused() -> bool:
            return counts[FULL] >= before + FULL_AGAIN

        await asyncio.to_thread(disk.fill)
        try:
            return await moments.within(refused, seconds_max=FULL_SECONDS_MAX)
        finally:
            await asyncio.to_thread(disk.empty)
