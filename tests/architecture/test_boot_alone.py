"""Independence is proved by deletion: each service boots in a folder that holds only shared/ and itself."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from shared.trust import authorities
from tests.architecture.sources import ROOT, SERVICES
from tests.conftest import SEED
from tests.parts.sampling import sample

PORT_OFFSETS = {"console": 0, "profile": 1, "loyalty": 2, "feedback": 3, "scoring": 4}
BOOT_SECONDS_MAX = 45
SERVICES_OF_A_SAMPLE = 1
STOP_SECONDS_MAX = 25


@pytest.mark.slow
@pytest.mark.parametrize("name", sample(random.Random(SEED), [*SERVICES, "console"], SERVICES_OF_A_SAMPLE))
def test_a_service_boots_with_its_siblings_deleted(name: str, tmp_path: Path) -> None:
    _copy_alone(name, tmp_path)
    base = _free_port() - PORT_OFFSETS[name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HUITOU_")}
    environment |= {"HUITOU_HOME": str(tmp_path / "var"), "HUITOU_PORT_BASE": str(base)}
    command = [sys.executable, "-m", f"services.{name}"]
    log = tmp_path / "log"

    with log.open("wb") as output:
        if name in SERVICES:
            subprocess.run(
                [*command, "migrate"], cwd=tmp_path, env=environment, stdout=output, stderr=output, check=True
            )
        process = subprocess.Popen(
            [*command, "serve"], cwd=tmp_path, env=environment, stdout=output, stderr=output
        )
        try:
            answered = _answers(process, f"http://127.0.0.1:{base + PORT_OFFSETS[name]}/health/ready")
            process.send_signal(signal.SIGTERM)
            code = process.wait(STOP_SECONDS_MAX)
        finally:
            process.kill()

    assert answered, log.read_text()[-4000:]
    assert code == 0, log.read_text()[-4000:]


def _copy_alone(name: str, folder: Path) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=ignore)
    shutil.copytree(ROOT / "services" / name, folder / "services" / name, ignore=ignore)
    shutil.copy(ROOT / "services" / "__init__.py", folder / "services" / "__init__.py")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + BOOT_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx2.get(url, timeout=2, verify=authorities()).status_code == 200:
                return True
        except httpx2.TransportError:
            pass
        time.sleep(0.1)  # nothing to wait on but the port itself
    return False
