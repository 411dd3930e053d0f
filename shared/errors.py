"""Expected refusals: what a person may do wrong, said in two languages, with a stable code."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """What sort of refusal it is; the value is the HTTP status that says the same."""

    BAD_REQUEST = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    TIMEOUT = 408
    CONFLICT = 409
    GONE = 410
    STALE = 412
    TOO_LARGE = 413
    UNSUPPORTED = 415
    INVALID = 422
    PRECONDITION_REQUIRED = 428
    TOO_MANY = 429
    UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be accepted: an RFC 6901 pointer, a code and a sentence in English and Chinese."""

    pointer: str
    code: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as stored beside an item that was left out of a batch: its code, status and both sentences."""

    code: str
    status: int
    en: str
    zh: str


class DomainError(Exception):
    """A refusal that a caller can understand and act on.

    A subclass lives where it is raised and names `kind`, `code`, `title` (English, Chinese) and the detail
    templates `en` and `zh`, which use the same placeholders. A subclass without a translation cannot be defined.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]
    title: ClassVar[tuple[str, str]]
    en: ClassVar[str]
    zh: ClassVar[str]

    def __init_subclass__(cls) -> None:
        missing = [name for name in ("kind", "code", "title", "en", "zh") if not hasattr(cls, name)]
        if missing:
            raise TypeError(f"{cls.__name__} does not say its {', '.join(missing)}")
        if _placeholders(cls.en) != _placeholders(cls.zh):
            raise TypeError(
                f"{cls.__name__}: the English and the Chinese sentence use different placeholders"
            )

    def __init__(
        self,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, object] | None = None,
        **fields: object,
    ) -> None:
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.fields = fields
        super().__init__(self.detail("en"))

    def detail(self, language: str) -> str:
        """The sentence for the reader, in `en` or `zh`."""
        return (self.zh if language == "zh" else self.en).format(**self.fields)

    def refusal(self) -> Refusal:
        """The refusal as a value, for an item's own status in a batch."""
        return Refusal(self.code, self.kind.value, self.detail("en"), self.detail("zh"))


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
