"""Certificates for servers of one installation: an authority, and a certificate that it has signed. The authority's key is not kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.clock import SystemClock

EARLIER = timedelta(days=2)
"""Clocks that are behind believe the certificate too."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """An authority, the certificate of a server, and the server's private key (PKCS #8), all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes


def make_certificates(hosts: Sequence[str], *, lifetime: timedelta) -> Certificates:
    """Make an authority and a certificate for a server at these hosts, addresses or names."""
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name("Huitou")
    root = (
        _begun(root_name, root_key.public_key(), lifetime)
        .issuer_name(root_name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    server = (
        _begun(_name(hosts[0]), server_key.public_key(), lifetime)
        .issuer_name(root_name)
        .add_extension(x509.SubjectAlternativeName(list(map(_place, hosts))), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Certificates(
        root.public_bytes(serialization.Encoding.PEM),
        server.public_bytes(serialization.Encoding.PEM),
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _place(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = SystemClock().now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + lifetime)
    )
