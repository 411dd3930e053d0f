"""Parts of paths that several capabilities share."""

ROW_DIGITS_MAX = 18
"""An id of so many digits fits into the columns of ids."""


def plain_number(prefix: str, text: str) -> int | None:
    """Return the number in an id such as `red_1281`; None if the text is no such id."""
    number = text.removeprefix(f"{prefix}_")
    digits = number != text and number.isascii() and number.isdigit() and len(number) <= ROW_DIGITS_MAX
    return int(number) if digits else None
