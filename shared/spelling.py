"""The only spelling of an id or a code that a merchant gives: equal means the same, however it was typed or pasted."""

import unicodedata


def spelled(text: str) -> str:
    """Return a text in NFKC, without characters that nobody sees (format characters), and without white space around it.

    So `"O-1"`, `" O-1"`, `"Ｏ-１\\u3000"` and `"O-1\\u200b"` are one id. Case is kept: it may tell two ids apart. Doing it
    again changes nothing. A text of which nothing is left comes back empty; its reader has to refuse it.
    """
    if text.isascii():
        return text.strip()
    # Normalising can make a format character of none, and removing one can bring two characters together.
    while True:
        seen = "".join(character for character in text if unicodedata.category(character) != "Cf")
        normal = unicodedata.normalize("NFKC", seen).strip()
        if normal == text:
            return text
        text = normal
