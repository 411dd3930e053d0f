"""The places for connections: so many for the process, half of them for one address. Who only waits gives way."""

import resource
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

CONNECTIONS_MAX = 1_000
"""The most connections of all servers of the process."""
ADDRESS_SHARE = 2
"""One address may have the places of the process divided by this. A proxy's address is that of all its clients."""
DESCRIPTORS_PERCENT_MAX = 80
"""The share of the process's open files that may be connections: it needs files for other things."""


class Connection(Protocol):
    """A connection that may have to give way."""

    @property
    def address(self) -> str:
        """Return the address that the client connects from."""

    @property
    def waits_since(self) -> float | None:
        """Return when it began to wait for its client, or None if it does not give way now."""

    def give_way(self) -> bool:
        """Close the connection, unless its client has just sent something. Return whether it is closed."""


C = TypeVar("C", bound=Connection)


class Places(Generic[C]):
    """The connections that have a place."""

    def __init__(self) -> None:
        self._by_address: defaultdict[str, set[C]] = defaultdict(set)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[C]:
        return (connection for of_address in self._by_address.values() for connection in of_address)

    def take(self, connection: C) -> bool:
        """Give the connection a place, and return whether there is one.

        If all places are taken, the connection that has waited longest for its client gives way: of the same address if
        that has its share, else of any.
        """
        places = places_max()
        of_address = self._by_address.get(connection.address, ())
        if len(of_address) >= max(places // ADDRESS_SHARE, 1):
            free = self._free_one_of(of_address)
        else:
            free = self._count < places or self._free_one_of(self)
        if free:
            self._by_address[connection.address].add(connection)
            self._count += 1
        return free

    def leave(self, connection: C) -> None:
        """Free the place of the connection, if it has one."""
        of_address = self._by_address.get(connection.address, set())
        if connection in of_address:
            of_address.remove(connection)
            self._count -= 1
            if not of_address:
                del self._by_address[connection.address]

    def _free_one_of(self, connections: Iterable[C]) -> bool:
        waiting = [
            (since, connection) for connection in connections if (since := connection.waits_since) is not None
        ]
        for _, oldest in sorted(waiting, key=lambda pair: pair[0]):
            if oldest.give_way():
                self.leave(oldest)
                return True
        return False


def places_max() -> int:
    """Return how many connections the process may have."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files_max == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, files_max * DESCRIPTORS_PERCENT_MAX // 100)
