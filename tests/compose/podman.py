"""Podman on a Debian machine without Docker and without an image registry: everything is built from one base image.

The base is a minimal Debian with this machine's own certificates and package settings, so that builds reach packages the
way this machine does. Images and layers stay in the user's cache, beside the jars of Kafka, and are used again.
"""

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.compose.engines import Engine
from tests.parts import kafka_jars
from tests.parts.processes import PartMissing, apt_install, said

PROGRAMS = {
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
}
"""What is looked for, and Debian's package of it."""
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
BUILD_SECONDS_MAX = 1200
KEPT_HOURS = 168
"""Layers that no image needs any more are removed when they are older."""

CONTAINERS = """[engine]
runtime = "runc"
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "/run/huitou-containers"
"""

IMAGES = Path(__file__).parent / "images"
BUILDING = ("--isolation", "chroot", "--network", "host")
CERTIFICATES = Path("/usr/local/share/ca-certificates")
SETTINGS = (Path("/etc/pip.conf"), Path("/etc/uv/uv.toml"))
VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX")


def open_podman() -> Engine:
    """Podman with every image that the compose file does not build itself. Raises PartMissing, saying what is missing."""
    _install()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huitou" / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(CONTAINERS)
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    environment = {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    base = _base({**os.environ, **environment})
    arguments = [*BUILDING, "--build-arg", f"BASE={base}"]
    engine = Engine(
        f"Podman, with stand-ins for the published images on {base}",
        command=["podman"],
        # Two builds at once share no layer.
        compose=["podman-compose", "--parallel", "1", f"--podman-build-args={' '.join(arguments)}"],
        # What Podman calls a dependency has to run for ever: a migration that ended would forbid every restart.
        up=["up", "--detach", "--no-build", "--no-deps"],
        environment={
            **environment,
            "POSTGRES_IMAGE": "localhost/huitou-postgres",
            "KAFKA_IMAGE": "localhost/huitou-kafka",
        },
    )
    contexts = [f"--build-context=jars={kafka_jars.jars()}", f"--build-context=tools={kafka_jars.tools()}"]
    for name, more in (("postgres", []), ("kafka", contexts)):
        file = IMAGES / f"{name}.Dockerfile"
        build = ["build", "--quiet", *arguments, *more, "--tag", f"huitou-{name}", "--file", str(file)]
        engine.run(*build, str(IMAGES), seconds_max=BUILD_SECONDS_MAX)
    engine.run("image", "prune", "--force", "--filter", f"until={KEPT_HOURS}h")
    return engine


def _install() -> None:
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if os.geteuid() != 0:
        raise PartMissing("there is no Docker engine, and Podman is set up here by root only")
    if missing and not apt_install(*missing):
        raise PartMissing(
            f"there is no Docker engine, and these could not be installed: {', '.join(missing)}"
        )


def _base(environment: dict[str, str]) -> str:
    """The name of the base image; made when there is none with this machine's settings."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    settings = hashlib.sha256(b"\0".join(_settings())).hexdigest()[:8]
    name = f"localhost/huitou-base:{release}-{settings}"
    if name not in said(
        ["podman", "images", "--format", "{{.Repository}}:{{.Tag}}"], environment=environment
    ):
        with tempfile.TemporaryDirectory(prefix="huitou-base-") as room:
            archive = _make_base(Path(room), release)
            certificates = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
            variables = [f"{key}={os.environ[key]}" for key in VARIABLES if key in os.environ]
            changes = [f"--change=ENV {variable}" for variable in (certificates, *variables)]
            command = ["podman", "import", "--quiet", *changes, str(archive), name]
            said(command, environment=environment, seconds_max=BUILD_SECONDS_MAX)
    return name


def _make_base(room: Path, release: str) -> Path:
    """A tar archive of a minimal Debian with Python, this machine's certificates and its package settings."""
    root, archive = room / "root", room / "root.tar"
    # In a mount namespace of its own: what debootstrap mounts below the folder goes away with it.
    unshared = ["unshare", "--mount", "--propagation", "private"]
    options = ["--variant=minbase", f"--include={BASE_PACKAGES}"]
    said([*unshared, "debootstrap", *options, release, str(root)], seconds_max=BUILD_SECONDS_MAX)
    for path in (CERTIFICATES, *SETTINGS):
        inside = root / path.relative_to("/")
        if path.is_dir():
            shutil.copytree(path, inside, dirs_exist_ok=True)
        elif path.exists():
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, inside)
    said(["chroot", str(root), "update-ca-certificates"], seconds_max=BUILD_SECONDS_MAX)
    said(["tar", "-C", str(root), "-cf", str(archive), "."], seconds_max=BUILD_SECONDS_MAX)
    return archive


def _settings() -> Iterator[bytes]:
    """Everything of this machine that goes into the base image."""
    yield BASE_PACKAGES.encode()
    for path in sorted([*CERTIFICATES.rglob("*.crt"), *SETTINGS]):
        yield path.read_bytes() if path.exists() else b""
    for name in VARIABLES:
        yield os.environ.get(name, "").encode()
