"""Settings of every service, from `HUITOU_…` in the environment. The defaults work with an empty environment."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus.access import MECHANISMS, PROTOCOLS, Access
from shared.bus.opening import servers_of
from shared.limits import AUDIT_DAYS_MIN, QUOTA_MAX
from shared.money import CURRENCIES
from shared.speech import Words, words

PREFIX = "HUITOU_"
FILE = "_FILE"
"""The end of the name of a setting that names the file of another setting."""
LOG_LEVELS = ("debug", "info", "warning", "error")
CLOSE = 0.8
"""The similarity from which a name counts as a misspelling of another. The database URLs of two services have 0.7."""


class BadSetting(Exception):
    """A setting that cannot be used. The sentence names its variable and says what to do."""


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(words(__name__, "currency_unknown", code=code))
    return code


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(words(__name__, "zone_unknown", name=name)) from None
    return name


def _known_level(name: str) -> str:
    if name.lower() not in LOG_LEVELS:
        raise ValueError(words(__name__, "not_one_of", name=name, known=[*LOG_LEVELS]))
    return name.lower()


def _known_bus(url: str) -> str:
    servers_of(url)
    return url


def _known_jwks(location: str) -> str:
    """Return a path or an address. Anything else is not quoted: there may be a password in it."""
    if "://" in location:
        try:
            known = urlsplit(location).scheme in ("http", "https") and urlsplit(location).hostname
        except ValueError:
            known = None
        if not known:
            raise ValueError(words(__name__, "jwks_wrong"))
    return location


def _known_protocol(name: str) -> str:
    if name.lower() not in PROTOCOLS:
        raise ValueError(words(__name__, "not_one_of", name=name, known=[*PROTOCOLS]))
    return name.lower()


def _known_mechanism(name: str) -> str:
    if name.upper() not in MECHANISMS:
        raise ValueError(words(__name__, "not_one_of", name=name, known=[*MECHANISMS]))
    return name.upper()


def _known_networks(names: str) -> str:
    for name in _listed(names):
        try:
            ip_network(name)
        except ValueError:
            raise ValueError(words(__name__, "network_unknown", name=name)) from None
    return names


def _known_origins(names: str) -> str:
    for name in _listed(names):
        shape = _ORIGIN.fullmatch(name)
        if (
            shape is None
            or int(shape["port"] or 0) > PORT_MAX
            or shape["port"] == _DEFAULT_PORTS[shape["scheme"]]
        ):
            raise ValueError(words(__name__, "origin_unknown", name=name))
    return names


def _listed(names: str) -> list[str]:
    return [name for part in names.split(",") if (name := part.strip())]


_ORIGIN = re.compile(
    r"(?P<scheme>https?)://([a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?"
)
"""An origin as browsers write it: in small letters, without the port that its scheme has anyway."""
_DEFAULT_PORTS = {"http": "80", "https": "443"}
PORT_MAX = 65_535

Quota = Annotated[int, Field(ge=0, le=QUOTA_MAX)]


class ServiceSettings(BaseSettings):
    """Settings of every service. They are frozen: a process keeps the settings that it started with."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    service: ClassVar[str]
    """The service's name: its database, its keys, its metrics."""
    port_offset: ClassVar[int]
    """Its port is `port_base` plus this."""

    home: Path = Path("var")
    """Folder of everything the embedded product keeps: databases, log, keys."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port_base: Annotated[int, Field(ge=1, le=65000)] = 8000
    """First port: the console; profile, loyalty, feedback and scoring follow at +1 to +4."""
    currency: Annotated[str, AfterValidator(_known_currency)] = "CNY"
    """Currency of the shop's programme (ISO 4217)."""
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """IANA time zone in which days, the programme and calendars are counted."""
    bus_url: Annotated[str, AfterValidator(_known_bus)] = "embedded://"
    """`embedded://`, or `kafka://host:port,host:port`."""
    bus_security: Annotated[str, AfterValidator(_known_protocol)] = "plaintext"
    """How Kafka is reached: plaintext, ssl, sasl_plaintext or sasl_ssl."""
    bus_mechanism: Annotated[str, AfterValidator(_known_mechanism)] = MECHANISMS[0]
    """How the user and the password are proved to Kafka: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN."""
    bus_user: str = ""
    """The service's own user of Kafka, with sasl_ssl or sasl_plaintext."""
    bus_password: str = ""
    """The password of `bus_user`."""
    bus_password_file: Path | None = None
    """File that holds `bus_password`."""
    bus_ca_file: Path | None = None
    """File of the authority that signs the certificates of Kafka's brokers; empty: those that this machine trusts."""
    jwks: Annotated[str, AfterValidator(_known_jwks)] = ""
    """File or URL of the JSON Web Key Set that verifies tokens; empty: the key made under `home`."""
    token_issuer: str = "huitou"  # noqa: S105 - a name, no secret
    """The `iss` that tokens must have: with `jwks` of a provider, the provider's."""
    vault_key: str = ""
    """The vault's installation keys; empty: made under `home`."""
    vault_key_file: Path | None = None
    """File that holds `vault_key`."""
    reference_key: str = ""
    """The key of customer references, the same for all services; empty: made under `home`."""
    reference_key_file: Path | None = None
    """File that holds `reference_key`."""
    set_aside_percent_max: Annotated[int, Field(ge=0, le=100)] = 5
    """A batch of which more than this share (and more than 10 records) would be set aside stops its partition; 100
    switches the brake off."""
    member: str = ""
    """This process's own stable name among the consumers of its service; empty: host and process number."""
    drain_seconds: Annotated[float, Field(ge=0, le=6)] = 5.0
    """Seconds in which a service that was told to stop still takes requests while it says that it is not ready: longer
    than a balancer's interval between two checks. `huitou up`, which nobody balances, takes half a second."""
    metrics_port: Annotated[int, Field(ge=0, le=65531)] = 0
    """Port on which every process answers `/metrics` and `/health/…` without a token, for a monitoring system: keep it
    inside; 0: on none. `huitou up` answers on the four ports behind it, in the order of the services' own: profile on the next
    one. A process that serves answers them on its own port too, the details to operators only."""
    audit_days: Annotated[int, Field(ge=AUDIT_DAYS_MIN, le=36_500)] = 730
    """Days for which the audit trail is kept."""
    rate_operator_per_minute: Quota = 600_000
    """Requests per minute of one operator; the shop's own systems are operators. 0: no limit, as for all of these."""
    rate_partner_per_minute: Quota = 60_000
    """Requests per minute of one partner."""
    rate_customer_per_minute: Quota = 600
    """Requests per minute with the tokens of one customer."""
    rate_address_per_minute: Quota = 600
    """Requests per minute without a valid token from one address (IPv6: from one network of 64 bits)."""
    rate_lookup_partner_per_minute: Quota = 600
    """Look-ups of customers by an identifier per minute, of one partner."""
    rate_lookup_customer_per_minute: Quota = 30
    """Look-ups by an identifier per minute, of one customer, where customers may look up."""
    rate_redemption_customer_per_minute: Quota = 30
    """Redemptions per minute that one customer may try."""
    rate_claim_customer_per_minute: Quota = 30
    """Claims of purchases per minute that one customer may try."""
    rate_complaint_customer_per_hour: Quota = 20
    """Complaints per hour that one customer may open."""
    rate_token_address_per_minute: Quota = 30
    """Requests for tokens per minute without a key in force from one address (IPv6: from one network of 64 bits)."""
    trusted_proxies: Annotated[str, AfterValidator(_known_networks)] = ""
    """Addresses and networks of your proxies, separated by commas: the address of their client is read from X-Forwarded-For.
    Empty: it is the address that connects."""
    cors_origins: Annotated[str, AfterValidator(_known_origins)] = ""
    """Origins of web pages that may call the operations for customers, separated by commas, exactly as browsers write them, such
    as https://shop.example. Empty: none."""
    log_level: Annotated[str, AfterValidator(_known_level)] = "info"
    """Lowest level that is logged: debug, info, warning or error."""

    @property
    def time_zone(self) -> ZoneInfo:
        """Return the zone that `zone` names."""
        return ZoneInfo(self.zone)

    @property
    def origins_allowed(self) -> frozenset[str]:
        """Return the origins that `cors_origins` names."""
        return frozenset(_listed(self.cors_origins))

    @property
    def port(self) -> int:
        """Return the port of this service."""
        return self.port_base + self.port_offset

    @property
    def database(self) -> str:
        """Return the URL of the service's own database: HUITOU_<SERVICE>_DATABASE_URL, or a SQLite file under `home`."""
        return (
            self.secret(f"{self.service}_database_url") or f"sqlite:///{self.home / (self.service + '.db')}"
        )

    @property
    def bus_access(self) -> Access:
        """Return how Kafka is reached. Raises BadSetting if the file of the password cannot be read."""
        return Access(
            self.bus_security,
            self.bus_mechanism,
            self.bus_user,
            self.secret("bus_password"),
            self.bus_ca_file,
        )

    def secret(self, name: str) -> str:
        """Return a secret setting, from the setting itself or from the file that `<name>_file` names; empty if neither is set.

        Raises BadSetting if the file cannot be read or is empty.
        """
        path: Path | None = getattr(self, f"{name}_file", None)
        value: str = getattr(self, name, "")
        return value if path is None else _read(path, f"{PREFIX}{name}_file".upper())

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        for name in type(self).model_fields:
            if (
                name.endswith("_file")
                and getattr(self, name)
                and getattr(self, name.removesuffix("_file"), "")
            ):
                variable = f"{PREFIX}{name}".upper()
                raise ValueError(
                    words(__name__, "settings_both", first=variable.removesuffix("_FILE"), second=variable)
                )
        return self


def _read(path: Path, variable: str) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else words(__name__, "secret_no_text")
        raise BadSetting(
            words(__name__, "secret_unreadable", variable=variable, path=path, why=why)
        ) from None
    if not text:
        raise BadSetting(words(__name__, "secret_empty", variable=variable, path=path))
    return text


def in_words(error: ValidationError) -> Words:
    """Return the faults of the settings in words, each with the name of its variable."""
    faults = [
        _fault(f"{PREFIX}{'_'.join(str(part) for part in fault['loc']).upper()}", fault)
        for fault in error.errors(include_url=False)
    ]
    return Words("; ".join(faults), "；".join(fault.zh for fault in faults))


def _fault(name: str, fault: ErrorDetails) -> Words:
    context = fault.get("ctx", {})
    sentence = _FAULTS.get(fault["type"])
    if sentence is not None:
        told = words(__name__, sentence, **context)
    else:
        raised = context.get("error")
        found = raised.args[0] if isinstance(raised, ValueError) and raised.args else fault["msg"]
        told = found if isinstance(found, Words) else Words(str(found), str(found))
    names_itself = name == PREFIX or told.startswith(name)
    return told if names_itself else words(__name__, "setting_fault", name=name, fault=told)


_FAULTS = {
    "bool_parsing": "setting_bool_parsing",
    "float_parsing": "setting_float_parsing",
    "greater_than": "setting_greater_than",
    "greater_than_equal": "setting_greater_than_equal",
    "int_parsing": "setting_int_parsing",
    "less_than_equal": "setting_less_than_equal",
}
"""The sentences for pydantic's types of errors."""


def misspelt(settings: type[ServiceSettings], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return the variables whose names are close to a setting, each with the name that is probably meant.

    Other variables are left out, because services share an environment: such a variable may belong to another service.
    """
    known = {name.upper() for name in settings.model_fields}
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        if variable.upper().startswith(PREFIX) and name not in known:
            # The common end of two names says nothing about what differs before it.
            end = FILE if name.endswith(FILE) else ""
            begins = [field.removesuffix(FILE) for field in known if field.endswith(FILE) == bool(end)]
            for close in get_close_matches(name.removesuffix(FILE), begins, n=1, cutoff=CLOSE):
                yield variable, PREFIX + close + end
