"""Rate limits: the rules, and the refusal of the request after the last.

A rule counts the requests of one subject in fixed windows. The subject is that of the token; without a valid token it is the
address of the client. An operation that can be misused declares a rate of its own, and its requests count there alone:

    @router.post("/v1/customers:lookup", …, rate="lookup")
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Literal

from shared.auth.principal import SubjectKind
from shared.errors import DomainError, Kind
from shared.settings import ServiceSettings

Counted = SubjectKind | Literal["address"]
"""The kinds of subject whose requests are counted."""
Rate = Literal["lookup", "redemption", "claim", "complaint", "token"]
"""The stricter rates that an operation can declare."""

POLICY_HEADER, LEFT_HEADER = "RateLimit-Policy", "RateLimit"
ADDRESS_BITS = 64
"""The bits of an IPv6 address that name one client: a network gives each of its customers at least all addresses below them."""
UNKNOWN_ADDRESS = "unknown"
_UNITS = {60: "minute", 3600: "hour"}


@dataclass(frozen=True, slots=True)
class Rule:
    """The limit of one kind of subject. Its quota is a setting."""

    name: str
    """Its name in headers, in the refusal and in the metrics."""
    seconds: int = 60
    """The length of a window. Windows begin at multiples of it since 1970."""

    @property
    def unit(self) -> str:
        """Return the length of a window as a word."""
        return _UNITS[self.seconds]

    @property
    def setting(self) -> str:
        """Return the name of the setting of its quota."""
        return f"rate_{self.name}_per_{self.unit}"

    def quota(self, settings: ServiceSettings) -> int:
        """Return the number of requests that it allows in a window; 0: any number."""
        quota: int = getattr(settings, self.setting)
        return quota

    def window_end(self, now: float) -> int:
        """Return the end of the present window, in seconds since 1970."""
        return (int(now) // self.seconds + 1) * self.seconds


GENERAL: Mapping[Counted, Rule] = {
    "operator": Rule("operator"),
    "partner": Rule("partner"),
    "customer": Rule("customer"),
    "address": Rule("address"),
}
"""The rules of all operations."""
STRICTER: Mapping[Rate, Mapping[Counted, Rule]] = {
    "lookup": {"partner": Rule("lookup_partner"), "customer": Rule("lookup_customer")},
    "redemption": {"customer": Rule("redemption_customer")},
    "claim": {"customer": Rule("claim_customer")},
    "complaint": {"customer": Rule("complaint_customer", seconds=3600)},
    "token": {"address": Rule("token_address")},
}
"""The rules that take their place for operations with such a rate. Other subjects count as everywhere."""
RULES = (*GENERAL.values(), *(rule for rules in STRICTER.values() for rule in rules.values()))


def rule_of(rate: Rate | None, counted: Counted) -> Rule:
    """Return the rule that counts a request of this kind of subject to an operation with this rate."""
    general = GENERAL[counted]
    return general if rate is None else STRICTER[rate].get(counted, general)


@dataclass(frozen=True, slots=True)
class Standing:
    """The place of one request in its window."""

    rule: Rule
    quota: int
    accepted: bool
    left: int | None
    """The requests that may still come; None if nobody knows, because the database does not answer."""
    seconds: float
    """The seconds until the next window."""
    give_back: Callable[[], None] | None = None
    """Gives the request back to its window; None if it was not taken from one."""

    @property
    def wait_seconds(self) -> int:
        """Return the whole seconds after which the next window has begun."""
        return max(math.ceil(self.seconds), 1)

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the headers of the answer (draft-ietf-httpapi-ratelimit-headers)."""
        name = self.rule.name
        yield b"ratelimit-policy", f'"{name}";q={self.quota};w={self.rule.seconds}'.encode()
        if self.left is not None:
            yield b"ratelimit", f'"{name}";r={self.left};t={self.wait_seconds}'.encode()


class RateLimited(DomainError):
    """The subject has used up its requests of this window."""

    kind, code = Kind.TOO_MANY, "rate_limited"

    def __init__(self, standing: Standing) -> None:
        rule = standing.rule
        super().__init__(rule=rule.name, quota=standing.quota, window=rule.seconds)
        self.retry_after_seconds = standing.wait_seconds


def network_of(host: str) -> str:
    """Return the part of a client's address that is counted: an IPv4 address, or the first 64 bits of an IPv6 address.

    A text that is no address is counted as UNKNOWN_ADDRESS, so that nobody gets windows of their own by inventing texts.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return UNKNOWN_ADDRESS
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    unnamed = 128 - ADDRESS_BITS
    return f"{IPv6Address(int(address) >> unnamed << unnamed)}/{ADDRESS_BITS}"


def in_words(settings: ServiceSettings) -> str:
    """Return the rules of an installation as a paragraph of its OpenAPI document."""
    rows = "\n".join(_row(rule, rate, counted, settings) for rate, counted, rule in _listed())
    return f"""
**Rates.** Requests of a subject are counted in fixed windows. `{LEFT_HEADER}: "rule";r=…;t=…` of an answer says how many are left
and in how many seconds the next window begins, `{POLICY_HEADER}: "rule";q=…;w=…` how many there are in how many seconds. One more
is refused with 429 `{RateLimited.code}`; after the seconds of `Retry-After` it is accepted. An operation with
`x-rate` counts under that rule alone, if there is one for the subject. Each service counts for itself.

| rule | whose requests | `x-rate` | at most | setting |
|---|---|---|---|---|
{rows}
"""


def _listed() -> Iterator[tuple[Rate | None, Counted, Rule]]:
    """Yield every rule with the rate and the kind of subject that it is for."""
    for counted, rule in GENERAL.items():
        yield None, counted, rule
    for rate, rules in STRICTER.items():
        for counted, rule in rules.items():
            yield rate, counted, rule


def _row(rule: Rule, rate: Rate | None, counted: Counted, settings: ServiceSettings) -> str:
    quota = rule.quota(settings)
    whose = (
        f"one {counted}" if rate is not None or counted != "address" else "an address without a valid token"
    )
    shown = f"`{rate}`" if rate else "–"
    most = f"{quota:,} per {rule.unit}" if quota else "no limit"
    return f"| `{rule.name}` | {whose} | {shown} | {most} | `HUITOU_{rule.setting.upper()}` |"
