"""docker-compose.yml, run for real: built, started on free ports, spoken to, ended with everything it kept."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import yaml

from huitou.settings import PORT_OFFSETS, SERVICES
from tests.compose.engines import Engine
from tests.parts import stacks
from tests.parts.processes import PartMissing, free_port_base, said
from tests.parts.stacks import ROOT

PROJECT = "huitou-compose-test"
"""Always the same, so that what a killed run left behind is found and ended by the next."""
TAG = "compose-test"
BUILD_SECONDS_MAX = 1800
UP_SECONDS_MAX = 600
READY_SECONDS_MAX = 600
"""Everything starts at once, and a machine may be busy with other things."""
DOWN_SECONDS_MAX = 300
EXEC_SECONDS_MAX = 120
LOOK_SECONDS = 1.0
LOG_LINES_SHOWN = 30
STATE = "{{.Id}} {{.State.Status}} {{.State.Pid}} {{.State.ExitCode}} {{.RestartCount}}"


@dataclass(frozen=True)
class Container:
    """One container as the engine sees it at this moment."""

    id: str
    status: str
    pid: int
    exit_code: int
    restarts: int


class ComposedStack:
    """The compose file as a project of its own; `engine` runs it."""

    def __init__(self, engine: Engine) -> None:
        base = free_port_base(len(PORT_OFFSETS))
        self.engine = engine
        self.addresses = stacks.local_addresses(base)
        self.secrets = Path(tempfile.mkdtemp(prefix="huitou-secrets-")) / "secrets"
        """The folder of the secrets, which is also the home of the key that signs tokens."""
        said([sys.executable, "-m", "huitou", "secrets", str(self.secrets)], cwd=ROOT)
        self.services = list(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUITOU_")},
            **engine.environment,
            **{f"{name.upper()}_PORT": str(base + offset) for name, offset in PORT_OFFSETS.items()},
            "HUITOU_SECRETS": str(self.secrets),
            "HUITOU_TAG": TAG,
        }
        self._command = [
            *engine.compose,
            "--project-name",
            PROJECT,
            "--file",
            str(ROOT / "docker-compose.yml"),
        ]

    def compose(self, *arguments: str, seconds_max: float) -> str:
        """What compose says. Raises PartMissing when it fails."""
        return said(
            [*self._command, *arguments], cwd=ROOT, environment=self._environment, seconds_max=seconds_max
        )

    def build(self) -> float:
        """Build the image of every service; the seconds it took."""
        began = time.monotonic()
        self.compose("build", seconds_max=BUILD_SECONDS_MAX)
        return time.monotonic() - began

    def start(self) -> float:
        """Start everything that was built; the seconds until every service answered."""
        self.end()
        began = time.monotonic()
        self.compose(*self.engine.up, seconds_max=UP_SECONDS_MAX)
        asyncio.run(self._wait_ready())
        return time.monotonic() - began

    def end(self) -> None:
        """End it and remove its volumes; nothing happens when nothing is there."""
        self.compose("down", "--volumes", seconds_max=DOWN_SECONDS_MAX)

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a running container of the service."""
        return subprocess.run(
            [*self._command, "exec", "-T", service, *command],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=EXEC_SECONDS_MAX,
            check=False,
        )

    def containers(self, service: str) -> Sequence[Container]:
        """The containers of a service, those that ended too."""
        labels = {"com.docker.compose.project": PROJECT, "com.docker.compose.service": service}
        filters = [f"--filter=label={name}={value}" for name, value in labels.items()]
        ids = self.engine.run("ps", "--all", "--quiet", "--no-trunc", *filters).split()
        found = [self.engine.run("inspect", "--format", STATE, container_id).split() for container_id in ids]
        return [Container(id, status, *map(int, numbers)) for id, status, *numbers in found]

    def image_megabytes(self, service: str) -> float:
        """The size of a service's image."""
        image = f"huitou-{service}:{TAG}"
        return int(self.engine.run("image", "inspect", "--format", "{{.Size}}", image)) / 1e6

    async def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        async with httpx2.AsyncClient() as client:
            for name in SERVICES:
                while not await stacks.is_ready(client, self.addresses[name]):
                    if time.monotonic() > deadline:
                        raise PartMissing(f"{name} was not ready in time\n{self._log_ends()}")
                    await asyncio.sleep(LOOK_SECONDS)

    def _log_ends(self) -> str:
        """The last lines of every container, for who has to find out why."""
        ends = []
        for service in self.services:
            for container in self.containers(service):
                with tempfile.TemporaryFile("w+") as file:
                    subprocess.run(
                        [*self.engine.command, "logs", "--tail", str(LOG_LINES_SHOWN), container.id],
                        env=self._environment,
                        stdout=file,
                        stderr=file,
                        timeout=EXEC_SECONDS_MAX,
                        check=False,
                    )
                    file.seek(0)
                    ends.append(f"{service} ({container.status}):\n{file.read()}")
        return "\n".join(ends)
