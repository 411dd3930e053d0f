"""What the whole embedded product takes: time to start, and memory after the demo."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench import measuring
from tests.bench.measuring import Size
from tests.bench.processes import CHECKOUT, Running, running
from tests.parts.processes import free_port_base

SERVICES = 5
STARTS = 3
START_SECONDS_MAX, RESIDENT_MB_MAX = 5.0, 400.0
DEMO_SECONDS_MAX = 240
LOOK_SECONDS = 0.25
MODULES = "import fastapi, uvicorn, sqlalchemy, pydantic, cryptography, phonenumbers, numpy, scipy.optimize, scipy.special"
INTERPRETER = "import time\nbegan = time.monotonic()\n"
SECONDS = "\nfrom tests.bench import measuring\nprint(time.monotonic() - began - measuring.waited())"
MEMORY = "\nfrom pathlib import Path\nprint(Path('/proc/self/smaps_rollup').read_text())"


def test_the_product_starts_in_seconds(tmp_path: Path) -> None:
    imports, starts = [], []
    for number in range(STARTS):
        imports.append(float(_python(INTERPRETER + MODULES + SECONDS)))
        command, environment, ready = _product(tmp_path / f"home-{number}", "--no-demo")
        with running(command, environment, ready, tmp_path / "up.log") as product:
            starts.append(product.seconds_to_start)

    baseline = "importing its libraries"
    measuring.conclude(
        Size("start without demo, a new home", min(starts), START_SECONDS_MAX, "s", min(imports), baseline)
    )


@pytest.mark.timeout(600)
def test_the_product_is_small_after_the_demo(tmp_path: Path) -> None:
    bare = _resident(_python(MODULES + MEMORY))
    command, environment, ready = _product(tmp_path / "home", "--demo")
    with running(command, environment, ready, tmp_path / "up.log") as product:
        _wait_for_the_demo(product)
        resident = sum(
            _resident(Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in _family(product.pid)
        )

    baseline = "one process with its libraries"
    measuring.conclude(Size("resident after the demo", resident, RESIDENT_MB_MAX, "MB", bare, baseline))


def _product(home: Path, demo: str) -> tuple[list[str], dict[str, str], list[str]]:
    base = free_port_base(SERVICES)
    environment = {"HUITOU_HOME": str(home), "HUITOU_PORT_BASE": str(base)}
    ready = [f"http://127.0.0.1:{base + offset}" for offset in range(SERVICES)]
    return ["-m", "huitou", "up", demo], environment, ready


def _wait_for_the_demo(product: Running) -> None:
    """Until `up` says where everything is, which it does when nothing lags any more."""
    deadline = time.monotonic() + DEMO_SECONDS_MAX
    while "curl" not in product.log.read_text(errors="replace"):
        assert time.monotonic() < deadline, product.log.read_text(errors="replace")[-4000:]
        time.sleep(LOOK_SECONDS)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in _family(int(child)))]


def _resident(rollup: str) -> float:
    """Megabytes; what processes share is counted in each."""
    line = next(line for line in rollup.splitlines() if line.startswith("Rss:"))
    return int(line.split()[1]) * 1024 / 1e6


def _python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return done.stdout
