"""`huitou secrets`: the secrets of an installation whose services run in containers, each in a file of its own."""

import base64
import os
import secrets as random
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from huitou import certificates
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES
from huitou.speech import said
from shared.auth import signing

AUTHORITY, KEYSTORE = "kafka.authority", "kafka.keystore"
"""The files of the authority that the services believe, and of what Kafka proves itself with: they belong together."""
HOSTS = ("kafka", "localhost", "127.0.0.1")
LIFETIME = timedelta(days=3650)
PASSWORD_BYTES = 24
KEY_BYTES = 32
READABLE = 0o644
"""A container's user is not the owner of the files. Nobody else gets into the folder, which is its owner's alone."""


def make_secrets(
    folder: Annotated[Path, typer.Argument(help="The folder of the secrets; docker-compose.yml: secrets.")],
) -> None:
    """Make the passwords, keys and certificates that docker-compose.yml mounts, each in a file of its own. What is there stays.

    Keep a copy of the folder as you keep the databases: without it nobody can read the personal data in them.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        made = [name for name, content in _contents(folder) if _write(folder / name, content)]
        signing.ensure_signing_key(folder)
    except OSError as error:
        raise Refused(
            Exit.BAD_SETTING, said("file_cannot_be_used", file=folder, error=error.strerror)
        ) from None
    except UnicodeDecodeError as error:
        raise Refused(
            Exit.BAD_SETTING, said("file_cannot_be_used", file=folder, error=error.reason)
        ) from None
    typer.echo(said("secrets_made", folder=folder, count=len(made)))


def _contents(folder: Path) -> list[tuple[str, str]]:
    """Return the name and a fresh content of every secret. A URL has the password that the service has already."""
    contents = [("postgres.password", random.token_urlsafe(PASSWORD_BYTES)), ("references.vault", _key())]
    for service in SERVICES:
        file = folder / f"{service}.password"
        password = file.read_text() if file.exists() else random.token_urlsafe(PASSWORD_BYTES)
        contents += [
            (f"{service}.password", password),
            (f"{service}.database", f"postgresql://{service}:{password}@postgres/{service}"),
            (f"{service}.vault", _key()),
            (f"{service}.bus", random.token_urlsafe(PASSWORD_BYTES)),
        ]
    return [*contents, *_certificates(folder)]


def _certificates(folder: Path) -> list[tuple[str, str]]:
    """Return the two files of Kafka's certificate; none if both are there. One of them alone is useless."""
    files = (folder / AUTHORITY, folder / KEYSTORE)
    if all(file.exists() for file in files):
        return []
    for file in files:
        file.unlink(missing_ok=True)
    made = certificates.make_certificates(HOSTS, lifetime=LIFETIME)
    return [(AUTHORITY, made.authority.decode()), (KEYSTORE, (made.key + made.certificate).decode())]


def _key() -> str:
    return f"1:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def _write(path: Path, content: str) -> bool:
    """Write a file unless it is there, and return whether it was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    path.chmod(READABLE)
    return True
