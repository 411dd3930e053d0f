"""What can run docker-compose.yml on this machine: Docker, else Podman with images that stand in for the published ones."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.parts.processes import SAID_SECONDS_MAX, PartMissing, said


@dataclass(frozen=True)
class Engine:
    """A container engine: its own command, that of its compose, and what both need in the environment."""

    sentence: str
    command: Sequence[str]
    compose: Sequence[str]
    up: Sequence[str]
    """The arguments that start what was built, in the background."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, seconds_max: float = SAID_SECONDS_MAX) -> str:
        """What the engine says. Raises PartMissing with the end of its words when it fails."""
        environment = {**os.environ, **self.environment}
        return said([*self.command, *arguments], environment=environment, seconds_max=seconds_max)


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
