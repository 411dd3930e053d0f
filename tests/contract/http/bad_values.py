"""The kinds of bad input that every operation is sent: one line for each kind.

A kind with a code must be refused with this code at the place where the value stands. A kind without a code may be accepted
or refused, but never with a 5xx.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.http.places import Schema

Predicate = Callable[[Schema], bool]

LONG = 8_000


@dataclass(frozen=True, slots=True)
class BadValue:
    """One kind of bad value in a JSON body."""

    name: str
    fits: Predicate
    """The places that get this value, by the schema of the place."""
    value: Any
    """The value; or a function of the place's schema and of the example's value there."""
    code: str = ""
    """The code of the refusal; empty if the value may be accepted."""
    below: str = ""
    """The field below the place that the refusal points at."""
    secret: str = ""
    """A text that no refusal may repeat."""


@dataclass(frozen=True, slots=True)
class BadBody:
    """One kind of body that is not one small JSON document."""

    name: str
    content: Callable[[bytes, int], bytes]
    """A function of an acceptable body and of the operation's limit in bytes."""
    statuses: tuple[int, ...]
    code: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    """The codes of the wrong fields by pointer, if they are the same for every operation."""


@dataclass(frozen=True, slots=True)
class BadParameter:
    """One kind of bad query parameter."""

    name: str
    fits: Predicate
    query: Callable[[str, Schema], str]
    """A function of the parameter's name and schema: the query as it is sent."""
    code: str = ""


def anywhere(_: Schema) -> bool:
    """Fit every place."""
    return True


def typed(name: str) -> Predicate:
    """Fit the places of this JSON type, if the service reads them as nothing more special."""
    return lambda schema: schema.get("type") == name and not {"format", "enum", "const"} & schema.keys()


def formatted(name: str) -> Predicate:
    """Fit the places of this format."""
    return lambda schema: schema.get("format") == name


def limited(keyword: str) -> Predicate:
    """Fit the places whose schema sets this limit above 0."""
    return lambda schema: schema.get(keyword, 0) > 0


def bounded(keyword: str) -> Predicate:
    """Fit the numbers with this bound."""
    return lambda schema: keyword in schema and schema.get("type") in ("integer", "number")


def choice(schema: Schema) -> bool:
    """Fit the places that take one of some words."""
    return "enum" in schema or "const" in schema


def closed(schema: Schema) -> bool:
    """Fit the objects whose fields have names of ours. What a map names is the merchant's."""
    return (
        OBJECT(schema) and schema.get("additionalProperties") is False and "patternProperties" not in schema
    )


def not_blank(schema: Schema) -> bool:
    """Fit the texts of which something must be seen."""
    return schema.get("pattern") == r"\S"


def nested(levels: int, inside: Any) -> Any:
    """Put a value into objects and lists in turn."""
    for level in range(levels):
        inside = [inside] if level % 2 else {"a": inside}
    return inside


INTEGER, TEXT, LIST, OBJECT = typed("integer"), typed("string"), typed("array"), typed("object")
INSTANT, DATE = formatted("date-time"), formatted("date")

SET_BY_THE_SERVICE = (
    "id", "customer_id", "identity_id", "status", "state", "issuer", "created_at", "booked_at", "recorded_at",
    "version", "points", "active", "balance", "tier", "role", "roles", "scopes", "owner_id", "opened_by", "opened_by_id",
    "granted_by", "by", "kind", "is_admin", "amount_minor", "number", "cycle", "deadline_at", "settled_at",
)  # fmt: skip
"""Fields that a client would set to get more than is its own."""
SECRETS = ("张伟", "13800138000", "110101199003074477", "a@example.org")
"""Values that no refusal may repeat: a name, a phone number, the number of an identity card, an address."""


def _without(name: str) -> Predicate:
    return lambda schema: closed(schema) and name not in schema["properties"]


def _adding(name: str) -> Callable[[Schema, Any], Any]:
    return lambda _, value: value | {name: "x"}


VALUES: tuple[BadValue, ...] = (
    BadValue("a truth value for an integer", INTEGER, True, "not_an_integer"),
    BadValue("a fraction for an integer", INTEGER, 1.5, "not_an_integer"),
    BadValue("a text for an integer", INTEGER, "1", "not_an_integer"),
    BadValue("below the least", bounded("minimum"), lambda schema, _: int(schema["minimum"]) - 1, "too_small"),
    BadValue("beyond 64 bits", bounded("maximum"), 2**63, "too_large"),
    BadValue("below 64 bits", bounded("minimum"), -(2**63) - 1, "too_small"),
    BadValue("a number of 400 digits", bounded("maximum"), 10**400, "too_large"),
    BadValue("a number for a text", TEXT, 13800138000, "not_a_text"),
    BadValue("no character", limited("minLength"), "", "too_short"),
    BadValue("a blank", not_blank, " ", "wrong_shape"),
    BadValue("too many characters", limited("maxLength"), lambda schema, _: "x" * (schema["maxLength"] + 1), "too_long"),
    BadValue("a NUL", anywhere, "a\x00b", "nul_character"),
    BadValue("a NUL in a name", OBJECT, lambda _, value: value | {"a\x00": 1}, "nul_character"),
    BadValue("a first half of a character", anywhere, "\ud800", "not_a_text"),
    BadValue("a second half of a character", anywhere, "\udfff", "not_a_text"),
    BadValue("both halves in the wrong order", anywhere, "\ude00\ud83d", "not_a_text"),
    BadValue("half a character in a name", OBJECT, lambda _, value: value | {"\ud800": 1}, "not_a_text"),
    BadValue("a time without an offset", INSTANT, "2026-03-01T09:30:00", "naive_time"),
    BadValue("a number for an instant", INSTANT, 1_700_000_000, "instant_invalid"),
    BadValue("milliseconds without a point", INSTANT, "2026-11-01T00:00:00999Z", "instant_invalid"),
    BadValue("an instant on no day", INSTANT, "2026-02-30T00:00:00Z", "instant_invalid"),
    BadValue("a date on no day", DATE, "2026-02-30", "date_invalid"),
    BadValue("a word that is no choice", choice, "cheque", "not_allowed"),
    BadValue("an object for a list", LIST, {}, "not_a_list"),
    BadValue("too few items", limited("minItems"), [], "too_few"),
    BadValue("too many items", limited("maxItems"), lambda schema, value: value[:1] * (schema["maxItems"] + 1), "too_many"),
    BadValue("a number for an object", OBJECT, 7, "not_an_object"),
    BadValue("an unknown field", closed, lambda _, value: value | {"x/~y": 1}, "unknown_field", "/x~1~0y"),
    *(BadValue(f"the field {name}", _without(name), _adding(name), "unknown_field", f"/{name}")
      for name in SET_BY_THE_SERVICE),
    *(BadValue(f"a secret for anything, {secret}", anywhere, [secret], secret=secret) for secret in SECRETS),
    *(BadValue(f"a long secret, {secret}", anywhere, secret * 99, secret=secret) for secret in SECRETS),
    *(BadValue(f"deep, {levels}, {inside!r}", anywhere, nested(levels, inside))
      for levels in (50, 500, 900) for inside in (1, "a\x00b")),
    BadValue("null", anywhere, None),
    BadValue("true", anywhere, True),
    BadValue("-1", anywhere, -1),
    BadValue("0", anywhere, 0),
    BadValue("2^31", anywhere, 2**31),
    BadValue("2^63", anywhere, 2**63),
    BadValue("-2^63 - 1", anywhere, -(2**63) - 1),
    BadValue("10^400", anywhere, 10**400),
    BadValue("1.5", anywhere, 1.5),
    BadValue("1e308", anywhere, 1e308),
    BadValue("an empty text", anywhere, ""),
    BadValue("a blank anywhere", anywhere, " "),
    BadValue("a digit", anywhere, "0"),
    BadValue("a byte order mark", anywhere, "\ufeff"),
    BadValue("100,000 characters", anywhere, "x" * 100_000),
    BadValue("SQL", anywhere, "'; drop table purchases; --"),
    BadValue("a path", anywhere, "../../etc/passwd"),
    BadValue("an escape", anywhere, "%00"),
    BadValue("a template", anywhere, "{{7*7}}"),
    BadValue("text that runs backwards", anywhere, "\u202e"),
    BadValue("a day", anywhere, "2026-03-10"),
    BadValue("the year 0", anywhere, "0000-00-00T00:00:00Z"),
    BadValue("past the last instant", anywhere, "9999-12-31T23:59:59.999999-23:59"),
    BadValue("before the first instant", anywhere, "0001-01-01T00:00:00+23:59"),
    BadValue("an empty list", anywhere, []),
    BadValue("a list in a list", anywhere, [[]]),
    BadValue("an empty object", anywhere, {}),
    BadValue("an object in an object", anywhere, {"a": {}}),
    BadValue("2,000 items", anywhere, [1] * 2_000),
)  # fmt: skip

BODIES: tuple[BadBody, ...] = (
    BadBody("nothing", lambda body, limit: b"", (422,), "invalid_request"),
    BadBody("above the limit", lambda body, limit: b" " * (limit + 1), (413,), "body_too_large"),
    BadBody("200,000 lists", lambda body, limit: b"[" * 200_000, (400,), "malformed_json"),
    BadBody("950 objects", lambda body, limit: b'{"a":' * 950 + b"1" + b"}" * 950, (400, 422)),
    BadBody("980 objects and lists", lambda body, limit: b'{"a":[' * 490 + b"1" + b"]}" * 490, (400, 422)),
    BadBody("980 around a NUL", lambda body, limit: b'{"a":[' * 490 + b'"\\u0000"' + b"]}" * 490, (400, 422)),
    BadBody("its beginning", lambda body, limit: body[:-1], (400,), "malformed_json"),
    BadBody("one character of it", lambda body, limit: body[:1], (400,), "malformed_json"),
    BadBody("two documents", lambda body, limit: body * 2, (400,), "malformed_json"),
    BadBody("a brace too many", lambda body, limit: body + b"}", (400,), "malformed_json"),
    BadBody("UTF-16", lambda body, limit: body.decode().encode("utf-16"), (400,), "malformed_json"),
    BadBody("UTF-32", lambda body, limit: body.decode().encode("utf-32"), (400,), "malformed_json"),
    BadBody("a byte that is no text", lambda body, limit: b"\xff" + body, (400,), "malformed_json"),
    BadBody("the mark of UTF-16", lambda body, limit: b"\xff\xfe" + body, (400,), "malformed_json"),
    BadBody("half a character in UTF-8", lambda body, limit: b'{"a": "\xed\xa0\x80"}', (400,), "malformed_json"),
    BadBody("NaN", lambda body, limit: b"NaN", (400,), "malformed_json"),
    BadBody("NaN and a brace", lambda body, limit: b"NaN}", (400,), "malformed_json"),
    BadBody("infinity", lambda body, limit: b'{"a": Infinity}', (400,), "malformed_json"),
    BadBody("minus infinity", lambda body, limit: b'{"a": -Infinity}', (400,), "malformed_json"),
    BadBody("5,000 digits", lambda body, limit: b'{"a": ' + b"9" * 5_000 + b"}", (400,), "malformed_json"),
    BadBody("10,000 digits", lambda body, limit: b'{"a": ' + b"9" * 10_000 + b"}", (400,), "malformed_json"),
    BadBody("a name twice", lambda body, limit: b'{"a": 1, "a": 1}', (400,), "duplicate_name"),
    BadBody("a name twice, once escaped", lambda body, limit: b'[{"a": {"b": 1, "\\u0062": 2}}]', (400,), "duplicate_name"),
    BadBody("null", lambda body, limit: b"null", (422,), "invalid_request"),
    BadBody("the wrong brackets", lambda body, limit: b"{}" if body[:1] == b"[" else b"[]", (422,), "invalid_request"),
    BadBody("a text", lambda body, limit: b'"text"', (422,), "invalid_request"),
    BadBody("a number", lambda body, limit: b"0", (422,), "invalid_request"),
    BadBody("half a character in a name", lambda body, limit: b'{"\\ud800": 1}', (422,), "invalid_request",
            {"": "not_a_text"}),
    BadBody("a NUL in an unknown field", lambda body, limit: b'{"a": "\\u0000"}', (422,), "invalid_request",
            {"/a": "nul_character"}),
)  # fmt: skip

MEDIA_TYPES: tuple[bytes, ...] = (
    b"", b"text/plain", b"application/xml", b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded",
    b"application/jsonp", b"\xe4/\xf6", b";", b"application/json2",
)  # fmt: skip
"""Media types that are refused with 415."""

IDS: tuple[str, ...] = (
    "x" * LONG, "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2f", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "'", "%25",
    "null", "0", "-1", "*", "cus_", "ext:", "ext:%00", "ext:%20", "ext:" + "y" * LONG, ";", "?", "#", "%0d%0aX-A:%20b", " ",
    *SECRETS,
)  # fmt: skip
"""Ids in a path that name nothing."""


CONTROL_CHARACTERS: Mapping[str, str] = {
    "%00": "nul_character",
    **dict.fromkeys(("%01", "%09", "%0a", "%0D", "%1f", "%7f", "%c2%85"), "control_character"),
}
"""Control characters as an address has them, each with the code of its refusal in a query."""


def _plain(text: str) -> Callable[[str, Schema], str]:
    return lambda name, schema: f"{name}={text}"


PARAMETERS: tuple[BadParameter, ...] = (
    BadParameter("given twice", anywhere, lambda name, schema: f"{name}=1&{name}=1", "given_twice"),
    BadParameter("a letter for a number", INTEGER, _plain("x"), "not_an_integer"),
    BadParameter("a NUL in a number", INTEGER, _plain("1%00"), "nul_character"),
    BadParameter("below the least", bounded("minimum"),
                 lambda name, schema: f"{name}={int(schema['minimum']) - 1}", "too_small"),
    BadParameter("above the most", bounded("maximum"),
                 lambda name, schema: f"{name}={int(schema['maximum']) + 1}", "too_large"),
    *(BadParameter(f"{text[:20]!r}", anywhere, _plain(text))
      for text in ("%00", "", "x" * LONG, "-1", "1e3", "%ff", "NaN", "9" * 5_000, "true", "[]", "%F0%9F%92%A9", "' or 1=1",
                   *SECRETS)),
)  # fmt: skip

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"accept-language", b"zh;q=nan, \xff\xfe;q=1e999, en;q=-1,,,;;;q=,*;q=" + b"9" * 4_000),
    (b"accept-language", b"," * 8_000),
    (b"accept", b"application/xml"),
    (b"request-id", b"x" * 4_000),
    (b"request-id", b"\xff<script>"),
    (b"traceparent", b"00-" + b"0" * 32 + b"-" + b"g" * 16 + b"-00"),
    (b"traceparent", b"\xff"),
    (b"authorization", b"Bearer \xff\xfe"),
    (b"authorization", b"Basic YTpi"),
    (b"authorization", b"Bearer " + b"a." * 4_000),
    (b"authorization", b"Bearer"),
    (b"cookie", b"a=" + b"x" * 4_000),
    (b"content-length", b"nonsense"),
    (b"x-http-method-override", b"DELETE"),
    (b"host", b"evil.example"),
    (b"if-match", b'"\xff"'),
)  # fmt: skip

KEYS: tuple[tuple[bytes, ...], ...] = (
    (b"",), (b" ",), (b"a b",), (b"x" * 256,), (b"\xc3\xa4",), (b"\x7f",), (b"\xff",), (b"\t",), (b"a", b"b"),
)  # fmt: skip
"""The Idempotency-Keys of a request that is refused before anything happens."""

PATHS: tuple[str, ...] = ("/nowhere", "/v1", "/docs/..%2fapp.py", "/docs/README.md")
"""Paths that no service has."""
