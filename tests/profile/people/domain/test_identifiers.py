"""Identifiers have one spelling each: whatever a person writes, equal means the same."""

import re
import unicodedata

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from services.profile.people.domain import identifiers
from services.profile.people.domain.identifiers import GivenIdentifiers, Identifier, normalise
from services.profile.people.refusals import EmailInvalid, ExternalIdInvalid, PhoneInvalid
from shared.errors import DomainError

MAINLAND = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
WORD = st.from_regex(r"[A-Za-z0-9]{1,12}([._+-][A-Za-z0-9]{1,8}){0,2}", fullmatch=True)
DOMAIN = st.from_regex(r"([A-Za-z0-9]{1,10}\.){1,2}(com|cn|org|test|co\.uk)", fullmatch=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("13800138001", "+8613800138001"),
        ("+86 138-0013-8001", "+8613800138001"),
        ("0086 138 0013 8001", "+8613800138001"),
        ("86 13800138001", "+8613800138001"),
        ("１３８００１３８００１", "+8613800138001"),
        ("(010) 6234 5678", "+861062345678"),
        ("010-62345678转801", "+861062345678;ext=801"),
        ("010-62345678 分机 801", "+861062345678;ext=801"),
        ("+86 10 6234 5678 ext. 801", "+861062345678;ext=801"),
        ("+1 (202) 555-0143", "+12025550143"),
        ("001 202 555 0143", "+12025550143"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("0052 1 (55) 1234-5678", "+525512345678"),
        ("+52 55 1234 5678", "+525512345678"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+44 7700 900123", "+447700900123"),
        ("+49 30/123456", "+4930123456"),
        ("+86 10 6234 5678;ext=801", "+861062345678;ext=801"),
        ("tel:+86-10-6234-5678", "+861062345678"),
        ("+1 202 555 0133 123#", "+12025550133;ext=123"),
        ("010-62345678-801#", "+861062345678;ext=801"),
        ("010-62345678 ext 801#", "+861062345678;ext=801"),
        ("+39 06 12345678", "+390612345678"),
        ("+225 01 02 03 04 05", "+2250102030405"),
        ("'13800138001", "+8613800138001"),
        ("٠١٠-٦٢٣٤٥٦٧٨", "+861062345678"),
    ],
)
def test_a_phone_number_has_one_spelling(written: str, meant: str) -> None:
    assert identifiers.phone(written, "CN").value == meant


def test_a_number_without_a_country_code_is_dialled_in_the_shops_region() -> None:
    assert identifiers.phone("202 555 0143", "US").value == "+12025550143"
    assert identifiers.phone("13800138001", "CN").value == "+8613800138001"
    assert identifiers.phone("+8613800138001", "US").value == "+8613800138001"


@given(MAINLAND, st.sampled_from(["", "+86", "0086", "86", "+86 ", "0086-"]), st.sampled_from(["", " ", "-"]))
def test_mainland_numbers_take_the_fast_path_to_the_same_place(number: str, prefix: str, gap: str) -> None:
    written = f"{prefix}{number[:3]}{gap}{number[3:7]}{gap}{number[7:]}"
    assert identifiers.phone(written, "CN").value == f"+86{number}"
    slow = identifiers.phone(f"+86 {number} ext 1", "CN").value  # an extension keeps it off the fast path
    assert slow == f"+86{number};ext=1"


@given(st.one_of(MAINLAND, st.from_regex(r"\+?[0-9 ()-]{6,18}(转[0-9]{1,4})?", fullmatch=True)))
def test_spelling_a_phone_number_again_changes_nothing(written: str) -> None:
    try:
        once = identifiers.phone(written, "CN")
    except PhoneInvalid:
        assume(False)
    assert identifiers.phone(once.value, "CN") == once
    assert identifiers.phone(once.value, "US") == once


@pytest.mark.parametrize("written", ["", "1234", "abc", "+999 1", "138001380011380013800", "not a phone 1"])
def test_what_no_network_could_give_out_is_refused(written: str) -> None:
    with pytest.raises(PhoneInvalid):
        identifiers.phone(written, "CN")


@pytest.mark.parametrize(
    "written",
    [
        *(
            "88123456",
            "6234 5678",
            "+86 88123456",
            "+49 123456",
            "+44 7946 0958",
            "+1 555 1234",
            "+61 2123 4567",
        ),
        *("12345", "10086", "95588", "110", "+86 10086", "+441111", "+86 12345678901"),
        *("010-12345678/9", "010-62345678/79", "13800138001;13900139001", "13800138001,13900139001"),
        *(
            "13800138001、13900139001",
            "13800138001/13900139001",
            "13800138001 13900139001",
            "13800138001或13900139001",
        ),
        *("010-12345", "021-10086", "+86 755 95588", "400-810-8888", "800-810-8888", "+86 400 810 8888"),
        *("138OO138OO1", "+1-800-FLOWERS", "home: +12025550143", "+12025550143 Ana", "+0013800138001"),
    ],
)
def test_what_does_not_mean_one_subscriber_from_anywhere_is_refused(written: str) -> None:
    with pytest.raises(PhoneInvalid):
        identifiers.phone(written, "CN")


@pytest.mark.parametrize(
    "written",
    [
        *("010-62345678~801", "010-62345678~9", "13800138001～2", "13800138001∼2", "13800138001~13900139001"),
        *(
            "+1 202 555 0133 #12345678",
            "+1 202 555 0133 ext 12345678",
            "+1 202 555 0133,,123#",
            "tel:+1-800-FLOWERS",
        ),
        *("+1 202 555 0133;123", "+1 202 555 0133 int 12", "13800138001 доб 2", "13800138001 anexo 2"),
        *("+1 000 000 0000", "+33 000000000", "+33 000000001", "+1 111 111 1111", "+39 6 12345678"),
        *("+27 10111", "+62 21 14045", "+49 30 116117"),
        *("+–0013800138001", "+\u200b0013800138001", "+\u2011(0)013800138001", "\u202a+0013800138001"),
    ],
)
def test_what_would_be_read_as_another_number_is_refused(written: str) -> None:
    with pytest.raises(PhoneInvalid):
        identifiers.phone(written, "CN")


GAPS = [
    "",
    " ",
    "-",
    ".",
    "/",
    " / ",
    "·",
    "–",
    "\u2011",
    "−",
    "\u00a0",
    "\u200b",
    "\u2060",
    "\u00ad",
    "\u202a",
    "\ufeff",
]
"""What may stand between two digits of a number: separators and marks that nobody sees."""


@given(
    st.sampled_from(
        [
            ("+", "52", "1", "55", "1234", "5678"),
            ("00", "52", "1", "55", "1234", "5678"),
            ("+", "86", "138", "0013", "8001"),
            ("+", "86", "10", "6234", "5678"),
            ("+", "44", "20", "7946", "0958"),
            ("+", "39", "06", "12345678"),
        ]
    ),
    st.sampled_from(["", "tel:", " ", "\u202a", "\u200b", "("]),
    st.lists(st.sampled_from(GAPS), min_size=6, max_size=6),
)
@example(("+", "52", "1", "55", "1234", "5678"), "(", ["", ") ", " ", " ", " ", ""])
def test_separators_and_invisible_marks_change_no_number(
    parts: tuple[str, ...], before: str, gaps: list[str]
) -> None:
    spaced = before + "".join(part + gap for part, gap in zip(parts, gaps, strict=False))
    assert identifiers.phone(spaced, "CN") == identifiers.phone("".join(parts), "CN")


@given(
    st.from_regex(r"[+0-9][0-9 ()/.~#x;,转–\u200b-]{4,20}", fullmatch=True),
    st.sampled_from(["CN", "US", "MX", "DE", "IT"]),
)
@example("010-62345678~801", "CN")
@example("+1 000 000 0000", "CN")
def test_a_number_that_is_taken_is_e164_and_keeps_its_last_digits(written: str, region: str) -> None:
    try:
        value = identifiers.phone(written, region).value
    except PhoneInvalid:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{1,14}(;ext=[0-9]{1,7})?", value)
    assert re.sub(r"\D", "", value)[-4:] == re.sub(r"\D", "", written)[-4:]
    assert identifiers.phone(value, region).value == value


@pytest.mark.parametrize(
    "written", ["52 1 55 1234 5678", "5215512345678", "+52 1 55 1234 5678", "55 1234 5678"]
)
def test_the_digit_before_a_mexican_mobile_number_is_dropped_in_mexico(written: str) -> None:
    assert identifiers.phone(written, "MX").value == "+525512345678"
    with pytest.raises(PhoneInvalid):  # this may be a number of North America
        identifiers.phone("1 202 555 0133", "MX")


@pytest.mark.parametrize("kind", [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
def test_the_numbers_of_every_country_are_taken(kind: int) -> None:
    examples = [
        phonenumbers.example_number_for_type(region, kind) for region in phonenumbers.SUPPORTED_REGIONS
    ]
    for number in (number for number in examples if number is not None):
        if phonenumbers.can_be_internationally_dialled(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            assert identifiers.phone(written, "CN").value == written


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("5551234", "US"),
        ("7946 0958", "GB"),
        ("123456", "DE"),
        ("21 234 567", "AU"),
        # Each is also the whole number of somebody in the town whose area code it begins with.
        ("30123456", "DE"),
        ("34567890", "EG"),
        ("234567", "MM"),
        ("8123456", "SE"),
    ],
)
def test_a_number_without_its_area_code_is_refused_in_every_region(written: str, region: str) -> None:
    with pytest.raises(PhoneInvalid):
        identifiers.phone(written, region)


@pytest.mark.parametrize(
    ("written", "region", "meant"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("3012345678", "DE", "+493012345678"),
        ("123456789", "FR", "+33123456789"),
        ("11 2345-6789", "BR", "+551123456789"),
        ("2123 4567", "HK", "+85221234567"),
        ("256789", "GG", "+441481256789"),
    ],
)
def test_a_number_that_means_one_subscriber_of_its_region_is_taken(
    written: str, region: str, meant: str
) -> None:
    assert identifiers.phone(written, region).value == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        ("  ana@example.com ", "ana@example.com"),
        ("Ａna@example.com", "ana@example.com"),
        ("ana@bücher.de", "ana@xn--bcher-kva.de"),
        ("ana@xn--bcher-kva.de", "ana@xn--bcher-kva.de"),
        ("ana+tea@shop.test", "ana+tea@shop.test"),
        ("李娜@example.cn", "李娜@example.cn"),
    ],
)
def test_an_email_address_has_one_spelling(written: str, meant: str) -> None:
    assert identifiers.email(written).value == meant


@pytest.mark.parametrize("domain", ["example.com", "bücher.de"])
def test_a_local_part_has_64_characters_at_most(domain: str) -> None:
    assert identifiers.email(f"{'a' * 64}@{domain}").value.startswith("a")
    with pytest.raises(EmailInvalid):
        identifiers.email(f"{'a' * 65}@{domain}")


@given(WORD, DOMAIN, st.booleans())
@example("İan", "example.com", False)
def test_spelling_an_email_again_changes_nothing(local: str, domain: str, upper: bool) -> None:
    written = f"{local}@{domain}"
    once = identifiers.email(written.upper() if upper else written)
    assert identifiers.email(once.value) == once
    assert once.value == unicodedata.normalize("NFKC", once.value)
    assert identifiers.email(written.swapcase()) == once or not written.isascii()


@pytest.mark.parametrize(
    "written",
    ["", "ana", "ana@", "@x.com", "a@b", "a..b@x.com", "Ana <ana@x.com>", "a@x.com,b@x.com", "a@-x.com"],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(EmailInvalid):
        identifiers.email(written)


def test_an_external_id_is_kept_as_its_issuer_spells_it() -> None:
    assert identifiers.external_id(" C-1 ", "shop") == Identifier("external_id", "shop", "C-1")
    assert identifiers.external_id("c-1", "shop") != identifiers.external_id("C-1", "shop")
    assert identifiers.external_id("C-1", "partner:p") != identifiers.external_id("C-1", "shop")
    for broken in ("", "  ", "a\nb", "x" * 129):
        with pytest.raises(ExternalIdInvalid):
            identifiers.external_id(broken, "shop")


def test_identifiers_come_strongest_first() -> None:
    spelled = GivenIdentifiers(email="ana@example.com", phone="13800138001", external_id="C-1")
    kinds = [identifier.kind for identifier in normalise(spelled, issuer="shop", region="CN")]
    assert kinds == ["external_id", "phone", "email"]


@pytest.mark.parametrize(
    "spelled",
    [
        GivenIdentifiers(phone="secret-555"),
        GivenIdentifiers(email="secret-ana"),
        GivenIdentifiers(external_id="\n"),
    ],
)
def test_a_refusal_names_the_field_and_never_the_value(spelled: GivenIdentifiers) -> None:
    with pytest.raises(DomainError) as refused:
        normalise(spelled, issuer="shop", region="CN")
    (error,) = refused.value.errors
    assert error.pointer in ("/phone", "/email", "/external_id")
    assert "secret" not in f"{error}{refused.value}{refused.value.detail('zh')}"
