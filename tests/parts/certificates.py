"""Certificates for servers that tests start: an authority, and a certificate of this machine that it has signed."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from huitou import certificates

LIFETIME = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of an authority and of the server's certificate, all PEM."""

    authority: Path
    certificate: Path
    key: Path
    """The server's private key (PKCS #8)."""


def make_certificates(folder: Path, *, host: str = "127.0.0.1") -> Certificates:
    """Make an authority and a certificate for a server at `host`, an address or a name."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = certificates.make_certificates([host], lifetime=LIFETIME)
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(contents.authority)
    made.certificate.write_bytes(contents.certificate)
    made.key.write_bytes(contents.key)
    made.key.chmod(0o600)
    return made
