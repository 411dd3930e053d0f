"""Where the time of the cores goes, process by process."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@contextmanager
def told(processes: Mapping[str, int]) -> Iterator[None]:
    """Print the share of one core that each of these used during the block, what else this process has started, and
    this process, which makes the load."""
    before, began = _all(processes), time.monotonic()
    yield
    seconds = time.monotonic() - began
    shares = {name: (used - before[name]) / seconds for name, used in _all(processes).items()}
    print("  " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.005))
    print(f"  together {sum(shares.values()):.0%} of a core")


def _all(processes: Mapping[str, int]) -> dict[str, float]:
    used, own = {name: _used(pid) for name, pid in processes.items()}, time.process_time()
    others = _used(os.getpid()) - own - sum(used.values())
    return {**used, "PostgreSQL and Kafka": others, "the load": own}


def _used(pid: int) -> float:
    """Seconds, of a process and of all below it, those that have ended too."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0  # it has ended
    return sum(map(int, fields[11:15])) / TICKS_A_SECOND + sum(_used(int(child)) for child in children)
