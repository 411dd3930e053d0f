"""Identifiers of customers: external ids, phones and e-mails, each in one spelling, so that equal means the same."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import Field
from typing_extensions import TypeAliasType

from services.profile.people.refusals import EmailInvalid, ExternalIdInvalid, PhoneInvalid
from shared.errors import DomainError, FieldError
from shared.frozen import quickly_made
from shared.limits import EXTERNAL_ID_MAX
from shared.spelling import VISIBLE_CODE, spelled, spelled_external_id

IdentifierKind = TypeAliasType(
    "IdentifierKind",
    Annotated[Literal["external_id", "phone", "email"], Field(description="The kind of an identifier.")],
)

PHONE_MAX = 64
EMAIL_MAX = 254

ExternalIdText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=EXTERNAL_ID_MAX,
        description="Your own id of the customer.",
        examples=["C-1001"],
        json_schema_extra={"pattern": VISIBLE_CODE},
    ),
]
"""An external id as a request gives it."""
PhoneText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=PHONE_MAX,
        description="Any usual spelling; without a country code it is taken as dialled in the shop's region.",
        examples=["+8613800138001"],
        json_schema_extra={"format": "phone", "pattern": VISIBLE_CODE},
    ),
]
"""A phone number as a request gives it."""
EmailText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=EMAIL_MAX,
        description="One address.",
        examples=["ana@example.com"],
        json_schema_extra={"format": "email"},
    ),
]
"""An e-mail address as a request gives it."""

_SEPARATORS = re.compile(r"[\s()\[\]\-\u2010-\u2015\u2212\u30fc.·\\/]+")
_AROUND = re.compile(r"^[^\w+]+|[^\w#~]+$")
"""Marks before and behind a number are no part of it. A `#` or `~` behind it may begin an extension."""
_SPELLING = re.compile(r"\+?[0-9]+")
"""A phone number as it is dialled, without separators. phonenumbers is given nothing else that it could interpret."""
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_MAINLAND = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_MAINLAND_CODE = 86
_MAINLAND_DIGITS_MIN = 10
"""A subscriber's number has so many digits, with its area code."""
_LOCAL_DIGITS_MAX = 8
"""A number without its area code has so many digits at most, anywhere."""
_EXTENSION = re.compile(
    r"(?:(?:转|轉|分机|分機|;?\s*ext\.?\s*=?|x|#)[\s:：.]*([0-9]{1,7})#?|[\s-]+([0-9]{1,6})#)$", re.IGNORECASE
)
_SEVERAL = re.compile(r"[;,、|~]|/\s*[0-9]{1,3}\s*$")
"""More than one number in one text: a list of numbers, a range, or `…78/9` for two that differ in their last digits."""
_MEXICO_CODE = 52
_MEXICAN_MOBILE = re.compile(r"1([0-9]{10})")
"""The digit 1 before a Mexican mobile number. It was dialled from abroad until 2019 and is no part of the number."""
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9](?:-?[a-z0-9]){0,40}\.)+[a-z]{2,24}", re.ASCII
)
_LOCAL_PART_MAX = 64


@quickly_made
@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier in its only spelling."""

    kind: IdentifierKind
    issuer: str
    """The issuer whose word an external id is; empty for other kinds, which everybody spells alike.

    Identifiers of all kinds lead to identities within the issuer that tells them, which is stored beside them.
    """
    value: str


def phone(raw: str, region: str) -> Identifier:
    """Return a phone number as E.164, with `;ext=` and the extension if it has one (RFC 3966).

    A number without a country code is dialled in `region` (ISO 3166-1). A number is taken only if it means the same
    subscriber from anywhere. One that can only be dialled nearby (without its area code, the short number of a
    network, a hotline) means many people. Letters are refused: an O for a 0 would be somebody else's number.
    Raises PhoneInvalid.
    """
    text = _clean(raw)
    extension = _EXTENSION.search(text)
    number = _dialled(text[: extension.start()] if extension else text, region)
    assert _E164.fullmatch(number), "a number is stored in its only spelling"
    return Identifier("phone", "", f"{number};ext={extension[1] or extension[2]}" if extension else number)


def _clean(raw: str) -> str:
    """Return a text in its only spelling (`shared.spelling`) with ASCII digits, and without `tel:` before it."""
    text = spelled(raw)
    if not text.isascii():
        text = "".join(
            str(unicodedata.decimal(character)) if character.isdecimal() else character for character in text
        )
    return text.removeprefix("tel:").strip()


def _dialled(text: str, region: str) -> str:
    """Return a clean phone number without extension as E.164. Raises PhoneInvalid."""
    spelling = _SEPARATORS.sub("", _AROUND.sub("", text))
    if _SEVERAL.search(text) or not _SPELLING.fullmatch(spelling):
        raise _refused(PhoneInvalid, "phone")
    mainland = _MAINLAND.fullmatch(spelling)
    if mainland and (region == "CN" or len(mainland[0]) > len(mainland[1])):
        return f"+86{mainland[1]}"
    number = _parsed(re.sub(r"^00", "+", spelling), region)
    is_subscriber = phonenumbers.is_valid_number(number) or _may_be_mobile(number)
    is_ambiguous = _is_hotline(number) or _lacks_area_code(number)
    if not is_subscriber or is_ambiguous or not phonenumbers.can_be_internationally_dialled(number):
        raise _refused(PhoneInvalid, "phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed(spelling: str, region: str) -> phonenumbers.PhoneNumber:
    """Return a number as phonenumbers reads it; a Mexican one without the digit 1. Raises PhoneInvalid.

    No country code begins with a 0. phonenumbers drops a 0 behind the plus, which would make another number.
    """
    if spelling.startswith("+0"):
        raise _refused(PhoneInvalid, "phone")
    try:
        number = phonenumbers.parse(spelling, region, keep_raw_input=True)
        if number.country_code == _MEXICO_CODE and _is_international(number):
            mobile = _MEXICAN_MOBILE.fullmatch(phonenumbers.national_significant_number(number))
            number = phonenumbers.parse(f"+52{mobile[1]}", keep_raw_input=True) if mobile else number
    except phonenumbers.NumberParseException:
        raise _refused(PhoneInvalid, "phone") from None
    return number


def _is_international(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number was given with its country code."""
    return bool(number.country_code_source != phonenumbers.CountryCodeSource.FROM_DEFAULT_COUNTRY)


def _is_hotline(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number is the short number of a hotline behind an area code, such as 010-12345.

    Mainland numbers are known by their length, those of other countries by their lists of short numbers.
    """
    national = phonenumbers.national_significant_number(number)
    if number.country_code == _MAINLAND_CODE:
        return len(national) < _MAINLAND_DIGITS_MIN
    if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.FIXED_LINE:
        return False
    area_digits = phonenumbers.length_of_geographical_area_code(number)
    local = phonenumbers.PhoneNumber(
        country_code=number.country_code, national_number=int(national[area_digits:])
    )
    return area_digits > 0 and phonenumbers.is_valid_short_number(local)


def _lacks_area_code(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number may be a local one of each town of the shop's region, dialled without its area code.

    Where area codes are dialled behind a 0, `30123456` is somebody in each German town, and not the Berliner that
    `030 123456` is. A number that phonenumbers completed has the only area code of its region.
    """
    if _is_international(number):
        return False
    dialled = len(re.sub(r"\D", "", number.raw_input or ""))
    if dialled > _LOCAL_DIGITS_MAX or dialled < len(phonenumbers.national_significant_number(number)):
        return False
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    has_area_code = phonenumbers.length_of_geographical_area_code(number) > 0
    return has_area_code and dialled < len(re.sub(r"\D", "", national))


def _may_be_mobile(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number in international form looks like a mobile number of its country.

    A range that was given out lately, or is reserved, is in no list of ours: the length is looked at, and whether the
    country gives out such numbers at all. Mobile numbers have no area code that could be missing. The mainland's
    ranges are known: `_MAINLAND` has them.
    """
    has_plus = number.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN
    if not has_plus or number.country_code == _MAINLAND_CODE:
        return False
    possible = phonenumbers.is_possible_number_for_type_with_reason(
        number, phonenumbers.PhoneNumberType.MOBILE
    )
    return possible == phonenumbers.ValidationResult.IS_POSSIBLE and _fits_country(number)


def _fits_country(number: phonenumbers.PhoneNumber) -> bool:
    """Return whether a number begins as numbers of its country do. One whose digits are all zeros never does."""
    assert number.country_code is not None, "a parsed number has a country code"
    national = phonenumbers.national_significant_number(number)
    for region in phonenumbers.region_codes_for_country_code(number.country_code):
        plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(number.country_code, region)
        pattern = plan.general_desc.national_number_pattern if plan and plan.general_desc else None
        if pattern and re.fullmatch(pattern, national):
            return True
    return False


def email(raw: str) -> Identifier:
    """Return an e-mail address in NFKC and lower case, its domain in ASCII. Asks no DNS. Raises EmailInvalid."""
    text = _lower(raw.strip())
    if _PLAIN_EMAIL.fullmatch(text) and len(text) <= EMAIL_MAX and text.index("@") <= _LOCAL_PART_MAX:
        return Identifier("email", "", text)
    try:
        parsed = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise _refused(EmailInvalid, "email") from None
    domain = parsed.ascii_domain.lower()
    if "." not in domain or len(parsed.local_part) > _LOCAL_PART_MAX:
        raise _refused(EmailInvalid, "email")
    return Identifier("email", "", f"{_lower(parsed.local_part)}@{domain}")


def external_id(raw: str, issuer: str) -> Identifier:
    """Return an external id in its only spelling (`shared.spelling`); its case is kept. Raises ExternalIdInvalid."""
    text = spelled_external_id(raw)
    if text is None:
        raise _refused(ExternalIdInvalid, "external_id")
    return Identifier("external_id", issuer, text)


@quickly_made
@dataclass(frozen=True, slots=True)
class GivenIdentifiers:
    """Identifiers of one person as somebody spelled them; None for a kind that was not given."""

    external_id: str | None = None
    phone: str | None = None
    email: str | None = None


def normalise(given: GivenIdentifiers, *, issuer: str, region: str) -> tuple[Identifier, ...]:
    """Return the identifiers that were given, each in its only spelling, the strongest first.

    An external id is unique within `issuer`. Raises the refusal of the first identifier that cannot be understood.
    """
    identifiers = []
    if given.external_id is not None:
        identifiers.append(external_id(given.external_id, issuer))
    if given.phone is not None:
        identifiers.append(phone(given.phone, region))
    if given.email is not None:
        identifiers.append(email(given.email))
    return tuple(identifiers)


def _lower(text: str) -> str:
    """Return text in NFKC and lower case. Lower-casing can undo the composition, so compose again."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _refused(refusal: type[DomainError], kind: IdentifierKind) -> DomainError:
    """Return a refusal that names the field, and never the value."""
    return refusal(errors=(FieldError(f"/{kind}", refusal.code, refusal.en, refusal.zh),))
