"""The OpenAPI document: FastAPI's document, completed with the facts that each operation declares.

Every operation has its security, its callers, its Idempotency-Key, examples of its request and its response, and an example
of every refusal: the refusals that it declares, and the refusals that every operation has.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args

from fastapi._compat import get_definitions, get_flat_models_from_fields, get_model_name_map
from fastapi.openapi.utils import get_fields_from_routes, get_openapi
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from shared.auth.access import Forbidden
from shared.auth.api_key import CHECKSUM_CHARACTERS, PATTERN, RANDOM_CHARACTERS
from shared.auth.errors import REASONS, ApiKeyInAddress, AuthorizationGivenTwice, KeysUnavailable
from shared.auth.principal import SUBJECT_CHARACTERS_MAX, Role
from shared.auth.signing import AUDIENCES
from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError
from shared.http import components, etags, header_descriptions, locations, operation_filter, problems, shapes
from shared.http.bodies import DuplicateName
from shared.http.cursor import CursorInvalid
from shared.http.examples import restored, sample
from shared.http.idempotency import (
    KEY_CHARACTERS_MAX,
    KEY_PATTERN,
    KeyInvalid,
    KeyRequired,
    KeyReused,
    RequestInProgress,
)
from shared.http.language import Language
from shared.http.operation import CUSTOMER, NamedByExternalId, NoCustomerOfToken, NotFound, Operation
from shared.http.problems import (
    BodyLate,
    BodyTooComplex,
    BodyTooLarge,
    DiskFull,
    HeadTooLarge,
    InvalidRequest,
    MalformedJson,
    TargetTooLong,
    TooManyChunks,
    Unavailable,
    UnsupportedMediaType,
)
from shared.http.rates import RateLimited
from shared.http.readers import MASKED_FOR
from shared.http.routes import Route
from shared.limits import CUSTOMER_TOKEN_MINUTES_MAX, ERRORS_MAX, TOKEN_DAYS_MAX
from shared.preconditions import PreconditionFailed

VERSION = "1.0.0"
WHO: Mapping[Language, str] = {"en": "**Who:** ", "zh": "**谁可以调用：** "}
"""The beginning of the paragraph about the callers of an operation, which ends its description."""
ID_IN_PATH_MAX = 128
"""The documented length of an id in a path. The longest that exists is a ledger transaction's."""
EXAMPLE_REQUEST_ID = "req_01k2m9d6v4e8r7a1b2c3d4e5f6"
_FIELD = FieldError.of("/lines/0/quantity", field_sentence(__name__, "int_type", code="not_an_integer"))
_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": f"""A signed JWT (JWS compact), checked as RFC8725 asks: ES256, RS256 or Ed25519, with a `kid` of the installation's key set.
Its header has `alg`, `kid` and perhaps `typ`, nothing else. `aud` says whose token it is:

| claim | an operator's | a partner's | a customer's |
|---|---|---|---|
| `aud` | `{AUDIENCES["operator"]}` | `{AUDIENCES["partner"]}` | `{AUDIENCES["customer"]}` |
| `sub` | the person's login: one printable word, at most {SUBJECT_CHARACTERS_MAX} characters | the partner's id | \
the customer's id, `cus_…` |
| `iss` | HUITOU_TOKEN_ISSUER | the same | the same |
| `exp` | at most {TOKEN_DAYS_MAX} days ahead | the same | at most {CUSTOMER_TOKEN_MINUTES_MAX} minutes after `iat` |
| `iat` | optional | optional | required |
| `nbf` | optional | optional | optional |
| `roles` | a list of `{"`, `".join(get_args(Role))}` | – | – |
| `scope` | – | scopes, separated by spaces | – |
| `name` | the person's full name, optional | – | – |

Other claims are ignored. `x-roles` and `x-scope` of each operation say what it asks for. Operators whose only roles are \
{" and ".join(MASKED_FOR)} see identifiers and names masked (`x-masked-for`). What operators do is written to the audit trail.""",
}
_API_KEY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": PATTERN,
    "description": f"""An API key of a partner, in the header `Authorization: Bearer huk_live_…`. It is accepted where a partner's token is, with the same
scopes, rates and rows. An admin creates it with `POST /v1/api-keys` of profile, and it is shown once. It has {RANDOM_CHARACTERS} random characters, and
{CHECKSUM_CHARACTERS} that are a checksum. A new key works, and a revoked key is refused, in every service within 5 seconds. Keep it on a
server: never in a page, an app or an address.""",
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` never changes; `title` and `detail` follow Accept-Language (en, zh).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "request_id": {
            "type": "string",
            "description": "As in the header `Request-Id` of every answer. It is the request's own `Request-Id` if that is a "
            "UUID, a ULID, or 32 or 64 hexadecimal digits, so that it can name no person; otherwise it is made here.",
        },
        "more_errors": {
            "type": "boolean",
            "description": "Whether there are more errors than `errors` lists.",
        },
        "errors": {
            "type": "array",
            "maxItems": ERRORS_MAX,
            "items": {"$ref": f"{components.PREFIX}FieldProblem"},
        },
    },
    "additionalProperties": True,
}
_FIELD_PROBLEM = {
    "type": "object",
    "title": "FieldProblem",
    "description": "What is wrong with one field of a request.",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "RFC 6901, into the body; `/query/…` for a query parameter.",
        },
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_PROBLEMS = {"Problem": _PROBLEM, "FieldProblem": _FIELD_PROBLEM}
_STATUS_WORDS = {
    400: "The request cannot be read",
    401: "A valid token is needed",
    403: "Not allowed",
    404: "Not found",
    408: "The body did not come",
    409: "In conflict with the present state",
    410: "Gone",
    412: "Stale",
    413: "The body is too large",
    414: "The address is too long",
    415: "Unsupported media type",
    422: "The request cannot be accepted",
    428: "A precondition is needed",
    429: "Too many requests",
    431: "The head is too large",
    500: "Internal error",
    503: "Not available at the moment",
}
_LICENSE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
_CONTACT = {"name": "The operators of this installation"}
_ME_WORDS = "With a customer's token `me` stands for the customer of the token."
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def operations(routes: Sequence[BaseRoute]) -> list[Route]:
    """Return every operation among `routes`, also those of included routers."""
    included = (context.original_route for context in iter_route_contexts(routes))
    return [route for route in included if isinstance(route, Route)]


@cache
def refusals(operation: Operation) -> tuple[type[DomainError], ...]:
    """Return every refusal of an operation: those that it declares, and those that every operation has."""
    errors: list[type[DomainError]] = [*operation.errors, ApiKeyInAddress, AuthorizationGivenTwice]
    if not operation.allow.public:
        errors += [*REASONS, KeysUnavailable, Forbidden]
    if operation.is_counted:
        errors.append(RateLimited)
    if operation.names_something:  # no id holds U+0000, so there is nothing at an address with it
        errors.append(NotFound)
    if operation.names_customer or operation.names_customer_elsewhere:
        errors.append(NoCustomerOfToken)
        if operation.allow.customer is not None:
            errors.append(NamedByExternalId)
    if operation.idempotency is not None:
        errors += [KeyInvalid, KeyReused, RequestInProgress]
    if operation.idempotency is not None and operation.body_type is None:
        errors += [MalformedJson, DuplicateName, BodyTooComplex]
    if operation.body_type is not None:
        errors += [BodyLate, BodyTooLarge]
    if operation.idempotency == "required":
        errors.append(KeyRequired)
    if operation.precondition is not None:
        errors.append(PreconditionFailed)
    if operation.precondition == "required":
        errors.append(etags.PreconditionRequired)
    if operation.has_body:
        errors += [MalformedJson, DuplicateName, BodyTooComplex, BodyLate, BodyTooLarge, TooManyChunks]
        errors.append(UnsupportedMediaType)
    errors.append(InvalidRequest)
    if "cursor" in operation.query:
        errors.append(CursorInvalid)
    if operation.needs == "transaction":
        errors.append(DiskFull)
    return tuple(dict.fromkeys([*errors, TargetTooLong, HeadTooLarge, Unavailable]))


def generate(
    title: str, description: str, about: Mapping[str, str], routes: Sequence[BaseRoute]
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a service. `about` says what the operations with each tag are about."""
    listed = operations(routes)
    document = get_openapi(
        title=title,
        version=VERSION,
        description=description,
        routes=listed,
        license_info=_LICENSE,
        contact=_CONTACT,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _restore_bounds(schemas, _declared_schemas(listed))
    components.arrange(document)
    for schema in schemas.values():
        if "example" in schema:
            schema["example"] = restored(schema["example"], schema, schemas)
    schemas |= _PROBLEMS
    document["components"]["headers"] = header_descriptions.RATES
    document["components"]["securitySchemes"] = {"bearer": _SECURITY, "api_key": _API_KEY}
    for route in listed:
        _complete(document["paths"][route.path_format][route.method.lower()], route, schemas)
    tags = {str(tag): None for route in listed for tag in route.tags}
    document["tags"] = [{"name": tag, "description": about.get(tag, tag)} for tag in tags]
    document["servers"] = [{"url": "/", "description": "This service."}]
    components.tell_width_of_integers(document)
    operation_filter.show_known(document)
    shapes.restrict_texts(document)
    return document


def _declared_schemas(routes: Sequence[BaseRoute]) -> Mapping[str, Any]:
    """Return the schemas of all models by name, as Pydantic gives them."""
    fields = get_fields_from_routes(routes)
    names = get_model_name_map(get_flat_models_from_fields(fields, known_models=set()))
    _, schemas = get_definitions(fields=fields, model_name_map=names)
    return schemas


def _restore_bounds(shown: Any, declared: Any) -> None:
    """Put the declared bounds into schemas, because FastAPI turns them into floats, and 2^63 - 1 becomes 2^63."""
    if isinstance(shown, dict) and isinstance(declared, dict):
        for name in shown.keys() & declared.keys():
            if name in _BOUNDS and isinstance(shown[name], float):
                shown[name] = declared[name]
            else:
                _restore_bounds(shown[name], declared[name])
    elif isinstance(shown, list) and isinstance(declared, list):
        for shown_item, declared_item in zip(shown, declared, strict=True):
            _restore_bounds(shown_item, declared_item)


def _complete(described: dict[str, Any], route: Route, schemas: Mapping[str, Any]) -> None:
    operation = route.operation
    described["security"] = _security(operation)
    described["description"] = f"{described.get('description', '')}\n\n{callers(operation)}"
    if operation.allow.partner_scope:
        described["x-scope"] = operation.allow.partner_scope
    if operation.allow.operators:
        described["x-roles"] = sorted(operation.allow.operators)
    if operation.idempotency is not None:
        described.setdefault("parameters", []).append(_key_parameter(operation))
    if tags := etags.parameters(operation):
        described.setdefault("parameters", []).extend(tags)
    for parameter in described.get("parameters", ()):
        if parameter["name"] == CUSTOMER and parameter["in"] == "path":
            parameter["description"] = f"{parameter.get('description', 'The customer.')} {_ME_WORDS}"
        parameter["schema"] = components.without_null(parameter["schema"])
        if parameter["in"] == "path":
            _describe_id(parameter)
        if "example" not in parameter and "examples" not in parameter and parameter["required"]:
            parameter["example"] = sample(parameter["schema"], schemas)
    for content in described.get("requestBody", {}).get("content", {}).values():
        _exemplify(content, schemas)
    responses = described["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if operation.idempotency is not None:
            response.setdefault("headers", {}).update(header_descriptions.HIT)
        if operation.tagged and int(status) in etags.STATUSES:
            response.setdefault("headers", {}).update(etags.answer_headers(operation))
        for content in response.get("content", {}).values():
            _exemplify(content, schemas)
        template = locations.template_of(operation.location, int(status))
        if template is not None:
            response.setdefault("headers", {}).update(_location(described, response, template))
    if operation.tagged and operation.reads:
        headers = etags.answer_headers(operation)
        responses["304"] = {"description": "Nothing has changed since that answer", "headers": headers}
    responses.update(_problem_responses(operation))
    if operation.is_counted:
        for response in responses.values():
            response.setdefault("headers", {}).update(header_descriptions.RATE_REFERENCES)
    if operation.rate is not None:
        described["x-rate"] = operation.rate


def callers(operation: Operation, language: Language = "en") -> str:
    """Return the paragraph about the callers of an operation."""
    return f"{WHO[language]}{operation.allow.words(language)}"


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    """Return the ways in which a caller can be known: a token, or for partners an API key."""
    if operation.allow.public:
        return []
    schemes = ["bearer", "api_key"] if operation.allow.partner_scope else ["bearer"]
    return [{scheme: []} for scheme in schemes]


def _describe_id(parameter: dict[str, Any]) -> None:
    """Describe a parameter of a path, which is the id of what its name says, and bound its length.

    A longer one names nothing (404). With the bound a path of several ids fits into TARGET_BYTES_MAX however they are encoded.
    """
    noun = parameter["name"].removesuffix("_id").replace("_", " ")
    parameter.setdefault("description", f"The id of the {noun}.")
    if parameter["schema"].get("type") == "string" and "enum" not in parameter["schema"]:
        parameter["schema"].setdefault("maxLength", ID_IN_PATH_MAX)


def _exemplify(content: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    if "example" not in content and "examples" not in content:
        content["example"] = sample(content.get("schema", {}), schemas)


def _location(described: Mapping[str, Any], response: Mapping[str, Any], template: str) -> dict[str, Any]:
    """Return the description of the header `Location`, with the address of the example's answer."""
    named = {p["name"]: p["example"] for p in described.get("parameters", ()) if p["in"] == "path"}
    return locations.documented(template, named, response["content"]["application/json"]["example"])


def _key_parameter(operation: Operation) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": operation.idempotency == "required",
        "description": "New for each intent, the same for each retry; the answer is kept for at least 24 hours.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_CHARACTERS_MAX,
            "pattern": KEY_PATTERN,
        },
        "example": "5f0c4e3a-8d0b-4c55-9f6e-2f8f4b1f5a10",
    }


def _problem_responses(operation: Operation) -> dict[str, Any]:
    by_status: dict[int, dict[str, Any]] = {}
    for error in refusals(operation):
        more = operation.refusal_members(error.kind) if operation.refusal_members else {}
        by_status.setdefault(error.kind.value, {})[error.code] = {
            "summary": error.title[0],
            "value": {**more, **example_document(error)},
        }
    internal = problems.internal("en", EXAMPLE_REQUEST_ID)
    by_status[500] = {internal["code"]: {"summary": internal["title"], "value": internal}}
    return {str(status): _problem_response(status, by_status[status]) for status in sorted(by_status)}


def _problem_response(status: int, examples: Mapping[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _STATUS_WORDS.get(status, "Refused"),
        "content": {
            problems.MEDIA_TYPE: {"schema": {"$ref": f"{components.PREFIX}Problem"}, "examples": examples}
        },
    }
    if status in (429, 503):
        response["headers"] = dict(header_descriptions.RETRY)
    if status == 401:
        response["headers"] = dict(header_descriptions.CHALLENGE)
    return response


def example_document(error: type[DomainError], language: Language = "en") -> dict[str, Any]:
    """Return the problem document of a refusal, with its placeholders instead of values."""
    shown = problems.template(error, language, EXAMPLE_REQUEST_ID)
    if error is InvalidRequest:
        detail = _FIELD.zh if language == "zh" else _FIELD.en
        shown["errors"] = [{"pointer": _FIELD.pointer, "code": _FIELD.code, "detail": detail}]
    return shown
