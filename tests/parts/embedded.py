"""The embedded product as one child process: `huitou up` on a home folder and ports of its own."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.parts import stacks
from tests.parts.processes import free_port_base
from tests.parts.small_disk import small_disk

PORTS = 5


class EmbeddedStack:
    """All services in one process, on SQLite and the embedded log. It survives `kill` and `start` on the same home."""

    name = "embedded"

    def __init__(self, *, more: Mapping[str, str] | None = None, may_be_full: bool = False) -> None:
        """Prepare the stack under a temporary folder. `more` are further variables of the environment.

        With `may_be_full` the home is a disk of its own, where this process may mount one.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="huitou-embedded-"))
        self.home = self.folder / "home"
        self.disk = small_disk(self.home) if may_be_full else None
        port_base = free_port_base(PORTS)
        self.addresses = stacks.local_addresses(port_base)
        self.environment = stacks.environment(self.home, port_base, more or {})
        log = self.folder / "up.log"
        self.server = stacks.python(
            "huitou up", "huitou", "up", "--no-demo", log=log, environment=self.environment
        )

    def address(self, service: str) -> str:
        return self.addresses[service]

    def start(self) -> Self:
        """Start the process, and return when every service answers."""
        self.server.start()
        asyncio.run(stacks.wait_ready(self.addresses, {"up": self.server}))
        return self

    def close(self) -> None:
        self.server.end(signal.SIGTERM, seconds_max=stacks.STOP_SECONDS_MAX)
        if self.disk is not None:
            self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)
