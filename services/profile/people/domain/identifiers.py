"""What names a person: external ids, phones and e-mails, in one spelling each, so that equal means the same."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from services.profile.people.refusals import EXTERNAL_ID_MAX, EmailInvalid, ExternalIdInvalid, PhoneInvalid
from shared.errors import DomainError, FieldError

IdentifierKind = Literal["external_id", "phone", "email"]

STRENGTH: tuple[IdentifierKind, ...] = ("external_id", "phone", "email")
"""Strongest first: of the identifiers given, the strongest decides whose a fact is."""
PHONE_MAX = 64
EMAIL_MAX = 254

_SEPARATORS = re.compile(r"[\s()\-–—.·/\u200b-\u200f\u202a-\u202e\u2060]+")
_MAINLAND = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_EXTENSION = re.compile(r"(?:转|轉|分机|分機|ext\.?|x|#)[\s:：.]*([0-9]{1,7})$", re.IGNORECASE)
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9](?:-?[a-z0-9]){0,40}\.)+[a-z]{2,24}", re.ASCII
)
_LOCAL_PART_MAX = 64


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier in its only spelling; `issuer` says within whose books an external id is unique, else empty."""

    kind: IdentifierKind
    issuer: str
    value: str


def phone(raw: str, region: str) -> Identifier:
    """A phone number as E.164, with `;ext=` and the extension if it has one (RFC 3966).

    `region` (ISO 3166-1) is where a number without a country code is dialled. Raises PhoneInvalid.
    """
    text = unicodedata.normalize("NFKC", raw).strip()
    mainland = _MAINLAND.fullmatch(_SEPARATORS.sub("", text))
    if mainland and (region == "CN" or len(mainland[0]) > len(mainland[1])):
        return Identifier("phone", "", f"+86{mainland[1]}")
    extension = _EXTENSION.search(text)
    dialled = text[: extension.start()] if extension else text
    try:
        number = phonenumbers.parse(re.sub(r"^\s*00", "+", dialled), region)
    except phonenumbers.NumberParseException:
        raise _refused(PhoneInvalid, "phone") from None
    if not phonenumbers.is_possible_number(number):
        raise _refused(PhoneInvalid, "phone")
    suffix = extension[1] if extension else number.extension
    spelled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).split(";")[0]
    return Identifier("phone", "", f"{spelled};ext={suffix}" if suffix else spelled)


def email(raw: str) -> Identifier:
    """An e-mail address in NFKC and lower case, its domain in ASCII; no DNS is asked. Raises EmailInvalid."""
    text = _lower(raw.strip())
    if _PLAIN_EMAIL.fullmatch(text) and len(text) <= EMAIL_MAX and text.index("@") <= _LOCAL_PART_MAX:
        return Identifier("email", "", text)
    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise _refused(EmailInvalid, "email") from None
    domain = found.ascii_domain.lower()
    if "." not in domain:
        raise _refused(EmailInvalid, "email")
    return Identifier("email", "", f"{_lower(found.local_part)}@{domain}")


def external_id(raw: str, issuer: str) -> Identifier:
    """An external id as its issuer spells it, without surrounding white space. Raises ExternalIdInvalid."""
    text = raw.strip()
    if not 0 < len(text) <= EXTERNAL_ID_MAX or not text.isprintable():
        raise _refused(ExternalIdInvalid, "external_id")
    return Identifier("external_id", issuer, text)


@dataclass(frozen=True, slots=True)
class Spelled:
    """Identifiers of one person as somebody wrote them; None where none was given."""

    external_id: str | None = None
    phone: str | None = None
    email: str | None = None


def normalised(spelled: Spelled, *, issuer: str, region: str) -> tuple[Identifier, ...]:
    """The identifiers given, each in its only spelling, strongest first.

    `issuer` is in whose books the external id is unique. Raises the refusal of the first that cannot be understood.
    """
    found = []
    if spelled.external_id is not None:
        found.append(external_id(spelled.external_id, issuer))
    if spelled.phone is not None:
        found.append(phone(spelled.phone, region))
    if spelled.email is not None:
        found.append(email(spelled.email))
    return tuple(found)


def _lower(text: str) -> str:
    """NFKC and lower case; lower-casing can undo the composition, so compose again."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _refused(refusal: type[DomainError], kind: IdentifierKind) -> DomainError:
    """The refusal with the field it is about, and never the value."""
    return refusal(errors=(FieldError(f"/{kind}", refusal.code, refusal.en, refusal.zh),))
