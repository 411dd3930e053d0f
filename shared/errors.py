"""Define expected refusals: a stable code, and sentences in two languages for the person who made the mistake."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Self

from shared import catalogues
from shared.catalogues import Sentence


class Kind(Enum):
    """The kind of a refusal. Its value is the HTTP status with the same meaning."""

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
    TARGET_TOO_LONG = 414
    UNSUPPORTED = 415
    EXPECTATION = 417
    INVALID = 422
    PRECONDITION_REQUIRED = 428
    TOO_MANY = 429
    HEAD_TOO_LARGE = 431
    UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be accepted: an RFC 6901 pointer, a code and a sentence in English and Chinese."""

    pointer: str
    code: str
    en: str
    zh: str

    @classmethod
    def of(cls, pointer: str, sentence: Sentence, **values: object) -> Self:
        """Make the error of a field from a sentence of a catalogue and the values of its placeholders."""
        filled = sentence.filled(**values)
        return cls(pointer, filled.code, filled.en, filled.zh)


def first_of(error: BaseException) -> BaseException:
    """Return the first error of a group of errors and the groups in it; an error that is no group is itself."""
    return first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


class DomainError(Exception):
    """A refusal that a caller can understand and act on.

    A subclass lives where it is raised and names its `kind` and its `code`. Its title and its sentences come from the
    entry of that code in the nearest folder `words` above its module (see `shared.catalogues`). A subclass without such
    an entry in each language cannot be defined. Placeholders whose values never change are named in `constants`.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]
    constants: ClassVar[Mapping[str, object]] = {}
    kept: ClassVar[bool] = False
    """Whether what was written before the refusal is committed with it, such as the count of failed tries."""
    members: ClassVar[Mapping[str, str]] = {}
    """Members that the problem document has besides those of all documents, for callers that follow another standard."""
    challenge: ClassVar[str] = 'Bearer error="invalid_token"'
    """The value of WWW-Authenticate, if the kind is UNAUTHENTICATED."""
    retry_after_seconds: int | None = None
    """The seconds after which the same request may succeed, if they are known."""
    title: ClassVar[tuple[str, str]]
    """In English and in Chinese."""
    en: ClassVar[str]
    zh: ClassVar[str]

    def __init_subclass__(cls) -> None:
        missing = [name for name in ("kind", "code") if not hasattr(cls, name)]
        if missing:
            raise TypeError(f"{cls.__name__} does not name its {', '.join(missing)}")
        try:
            cls.title, detail = catalogues.nearest(cls.__module__).refusal(cls.code)
        except catalogues.MissingWords as error:
            raise TypeError(f"{cls.__name__}: {error}") from None
        cls.en, cls.zh = (_with_constants(template, cls.constants) for template in detail)

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
        """Return the sentence in the language `en` or `zh`."""
        return catalogues.filled(self.zh if language == "zh" else self.en, self.fields, language)


def _with_constants(template: str, constants: Mapping[str, object]) -> str:
    """Return a template in which the placeholders of constants have their values, and the others stay."""

    def value_of(placeholder: re.Match[str]) -> str:
        known = placeholder["name"] in constants
        return catalogues.filled(placeholder[0], constants) if known else placeholder[0]

    return _PLACEHOLDER.sub(value_of, template)


_PLACEHOLDER = re.compile(r"\{(?P<name>[a-z_]+)(?:![rs])?(?::[^{}]*)?\}")
