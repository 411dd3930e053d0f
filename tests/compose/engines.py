"""What can run docker-compose.yml on this machine: Docker, else Podman with images that stand in for the published ones."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.parts.processes import PartMissing
from tests.parts.stacks import ROOT

ASK_SECONDS_MAX = 30
SHOWN_CHARACTERS_MAX = 4000


@dataclass(frozen=True)
class Engine:
    """A container engine: its own command, that of its compose, and what both need in the environment."""

    sentence: str
    command: Sequence[str]
    compose: Sequence[str]
    up: Sequence[str]
    """The arguments that start what was built, in the background."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, seconds_max: float = ASK_SECONDS_MAX) -> str:
        """What the engine says. Raises PartMissing with the end of its words when it fails."""
        return said([*self.command, *arguments], environment=self.environment, seconds_max=seconds_max)


def find_docker() -> Engine | None:
    """Docker, when its compose is installed and an engine answers."""
    if shutil.which("docker") is None:
        return None
    for question in (["docker", "compose", "version"], ["docker", "info"]):
        try:
            said(question)
        except PartMissing:
            return None
    return Engine(
        "Docker, with the published images",
        command=["docker"],
        compose=["docker", "compose"],
        up=["up", "--detach", "--no-build"],
    )


def said(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    seconds_max: float = ASK_SECONDS_MAX,
) -> str:
    """What a command writes. Raises PartMissing with the end of its words when it fails or takes too long."""
    shown = " ".join(command[:6])
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds_max,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PartMissing(f"{shown} …: {error}") from error
    if done.returncode != 0:
        words = (done.stdout + done.stderr)[-SHOWN_CHARACTERS_MAX:]
        raise PartMissing(f"{shown} … ended with {done.returncode}:\n{words}")
    return done.stdout
