"""How a process reaches a Kafka cluster: in the clear or with TLS, with a name and a password or without."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.speech import words

PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")


class UnusableAccess(Exception):
    """The settings do not belong together. The sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """The protocol, and what it needs."""

    protocol: str = "plaintext"
    mechanism: str = MECHANISMS[0]
    user: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None
    """The file of the authority that signs the brokers' certificates; None: those that this machine trusts."""

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.protocol.endswith("ssl")

    @property
    def named(self) -> bool:
        """Whether the connection tells a user's name and password."""
        return self.protocol.startswith("sasl_")

    def options(self) -> dict[str, Any]:
        """Return the options of a Kafka client. Raises UnusableAccess."""
        if self.named and not (self.user and self.password):
            raise UnusableAccess(words(__name__, "sasl_needs_user", protocol=self.protocol))
        if not self.named and (self.user or self.password):
            raise UnusableAccess(words(__name__, "user_without_sasl", protocol=self.protocol))
        if self.authority is not None and not self.encrypted:
            raise UnusableAccess(words(__name__, "ca_file_without_tls", protocol=self.protocol))
        options: dict[str, Any] = {"security_protocol": self.protocol.upper()}
        if self.encrypted:
            options["ssl_context"] = self._context()
        if self.named:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"], options["sasl_plain_password"] = self.user, self.password
        return options

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self.authority is None else str(self.authority))
        except OSError as error:  # an SSLError is one
            raise UnusableAccess(
                words(__name__, "ca_file_unusable", file=self.authority, error=error.strerror or error)
            ) from None


PLAINTEXT = Access()
