"""Masks: what is left of an identifier or a name for a reader who may not see the person behind it.

+8613800138000      +86138****8000
li.lei@example.com  l***@example.com
李雷                李*
C-100123            C-****
"""

import re

from shared.ids import is_id

HIDDEN = "****"
PHONE_DIGITS_SHOWN = 4
"""The last digits of a phone number that stay. As many before them are hidden."""
CODE_CHARACTERS_SHOWN = 2
_PHONE = re.compile(r"\+?[0-9]{7,15}")


def identifier(text: str) -> str:
    """Mask an identifier of a customer by its form: a phone number, an e-mail address, or an id of the merchant's."""
    if "@" in text:
        return email(text)
    return phone(text) if _PHONE.fullmatch(text) else code(text)


def phone(number: str) -> str:
    """Hide the four digits before the last four. Of a number that is too short for it the last two stay."""
    hidden = 2 * PHONE_DIGITS_SHOWN
    if len(number) <= hidden:
        return HIDDEN + number[-2:]
    return number[:-hidden] + HIDDEN + number[-PHONE_DIGITS_SHOWN:]


def email(address: str) -> str:
    """Hide the part before the @ but for its first character."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def code(text: str) -> str:
    """Hide an id of the merchant's but for its first two characters. Nothing stays of a short one."""
    return (text[:CODE_CHARACTERS_SHOWN] if len(text) > 2 * CODE_CHARACTERS_SHOWN else "") + HIDDEN


def name(text: str) -> str:
    """Hide a name but for its first character. Its length is hidden too."""
    return f"{text[:1]}*"


def actor(text: str) -> str:
    """Hide the login of an operator but for its first character. The id of a customer names nobody and stays."""
    kind, mark, rest = text.rpartition(":")
    return text if is_id("cus", rest) else f"{kind}{mark}{rest[:1]}***"


def everything(_: str) -> str:
    """Hide the whole text."""
    return HIDDEN
