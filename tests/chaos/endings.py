"""Which processes ended by themselves: they wait for what is away, so nothing but a strike may end one."""

import signal
from collections.abc import Mapping

from tests.parts import stacks
from tests.parts.processes import Server

EXPLAINED: Mapping[signal.Signals, tuple[int, ...]] = {
    signal.SIGKILL: (-signal.SIGKILL,),
    signal.SIGTERM: (0, -signal.SIGTERM),
}
"""What a strike makes a process end with. Who is told to stop before it listens to signals ends by the signal; that all
others end with 0 is held by test_stopping.py. One that had to be killed because it did not stop is not explained."""


class Endings:
    """Ends processes, remembers whom, and finds the others that have ended: each ending once."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self._servers = servers
        self._known: set[str] = set()
        """Who has ended, not started since, and is accounted for: struck, or found."""
        self._found: list[str] = []

    def end(self, name: str, by: signal.Signals) -> None:
        """Strike a process and wait until it has ended; one that had ended before is found."""
        server = self._servers[name]
        self._look_at(name)
        if name in self._known:
            return
        server.end(by, seconds_max=stacks.STOP_SECONDS_MAX)
        if server.exit_code in EXPLAINED[by]:
            self._known.add(name)
        else:
            self._find(name, f"after {by.name}")

    def starting(self, name: str) -> None:
        """Say it before a process is started, again or for the first time; no-op when it runs."""
        if name in self._servers and not self._servers[name].running:
            self._look_at(name)
            self._known.discard(name)

    def refuses(self, name: str, code: int) -> bool:
        """Return whether a process that must not start has ended with this code; with another one it is found."""
        server = self._servers[name]
        if server.exit_code == code:
            self._known.add(name)
        else:
            self._look_at(name)
        return server.exit_code is not None

    def take(self) -> list[str]:
        """What was found since it was taken last, whoever is dead now included."""
        for name in self._servers:
            self._look_at(name)
        found, self._found = self._found, []
        return found

    def _look_at(self, name: str) -> None:
        if self._servers[name].exit_code is not None and name not in self._known:
            self._find(name, "by itself")

    def _find(self, name: str, how: str) -> None:
        self._known.add(name)
        self._found.append(f"{name} ended {how} with {self._servers[name].exit_code}")
