"""The only spelling of an id or a code that a merchant gives: equal means the same, however it was typed or pasted."""

import re
import unicodedata

from shared.limits import EXTERNAL_ID_MAX

SPELLED_CHARACTERS_MAX = 512
"""The longest text that is brought into NFKC. It is far longer than any id may be in the end.

The effort of NFKC grows with the square of the marks on one letter: 80,000 of them take half a minute.
"""
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f]")
"""The characters that stand for no letter: NUL, tabs, line breaks, DEL and so on (Unicode's Cc). No id or code has one."""
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@.]{2,}")
_PHONE = re.compile(
    r"(?<!\w)\+\d(?:(?:[^\w:+@]|_)*\d){7,}"
    r"|\+(?:[^\w:+@]|_)*(?!0)\d(?:(?:[^\w:+@]|_)*\d){9,}"
)
"""A plus and 8 digits, or 10 behind a letter or a digit, where fewer number things; a colon is of a time, as in +08:00."""
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]+"
)
"""Characters that are shown as nothing (Unicode's Default_Ignorable_Code_Point) without being format characters (Cf)."""
_BRAILLE_BLANK = "\u2800"
"""A letter of Braille without dots: it looks like a space, and is none for Unicode."""

_INVISIBLE = (
    r"\x00-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""The characters of which `spelled` leaves nothing, for patterns in documents. Those above U+FFFF are left out, because engines of
regular expressions disagree about them."""
VISIBLE_TEXT = rf"^[^\x00]*[^{_INVISIBLE}][^\x00]*$"
"""The pattern of texts in which there is something to see."""
VISIBLE_CODE = rf"^[^\x00-\x1f\x7f-\x9f]*[^{_INVISIBLE}][^\x00-\x1f\x7f-\x9f]*$"
"""The pattern of ids and codes: without control characters, and with something to see."""


def spelled(text: str) -> str:
    """Return a text in NFKC, without characters that nobody sees, and without white space around it.

    So `"O-1"`, `" O-1"`, `"Ｏ-１\\u3000"` and `"O-1\\u200b"` are one id. Case is kept: it may tell two ids apart. Doing it
    again changes nothing. A text of which nothing is left comes back empty; its reader has to refuse it, and also one that
    is longer than SPELLED_CHARACTERS_MAX, which is not brought into NFKC.
    """
    if text.isascii():
        return text.strip()
    # Normalising can make a format character of none, and removing one can bring two characters together.
    while True:
        spaced = _IGNORABLE.sub("", text).replace(_BRAILLE_BLANK, " ")
        seen = "".join(character for character in spaced if unicodedata.category(character) != "Cf").strip()
        if len(seen) > SPELLED_CHARACTERS_MAX:
            return seen
        normal = unicodedata.normalize("NFKC", seen).strip()
        if normal == text:
            return text
        text = normal


def spelled_external_id(text: str) -> str | None:
    """Return a merchant's own id of a customer in its only spelling. None if the text can be no such id.

    It is empty, too long, or holds a character that cannot be printed.
    """
    external_id = spelled(text)
    return external_id if 0 < len(external_id) <= EXTERNAL_ID_MAX and external_id.isprintable() else None


def addresses_a_person(text: str) -> bool:
    """Return whether an id or a code holds an e-mail address, or a phone number in international form.

    Digits alone are no such thing: many systems number their orders like phones.
    """
    return ("@" in text and _EMAIL.search(text) is not None) or (
        "+" in text and _PHONE.search(text) is not None
    )
