"""The descriptions of the headers of answers that many operations have."""

from shared.http.idempotency import HIT_HEADER
from shared.http.rates import LEFT_HEADER, POLICY_HEADER

RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
"""The header of refusals after which a caller waits."""
CHALLENGE = {
    "WWW-Authenticate": {
        "description": "The scheme in which to send a credential, and what is wrong with the one that was sent (RFC 6750).",
        "schema": {"type": "string"},
        "example": 'Bearer error="invalid_token"',
    }
}
"""The header of 401."""
RATES = {
    POLICY_HEADER: {
        "description": "The rule that counts this request: its name, its quota `q`, and the seconds `w` of its windows.",
        "schema": {"type": "string"},
        "example": '"customer";q=600;w=60',
    },
    LEFT_HEADER: {
        "description": "The requests `r` that are left, and the seconds `t` until the next window begins. "
        "Absent while nobody can count them.",
        "schema": {"type": "string"},
        "example": '"customer";r=597;t=41',
    },
}
"""The headers of counted requests, which stand once in a document."""
RATE_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in RATES}
"""The references to RATES."""
HIT = {
    HIT_HEADER: {
        "description": "`true` on an answer that was given before to the same `Idempotency-Key`. "
        "A repeat that is known by its own ids, without a key, has no such header.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
"""The header of an answer that was given before."""
