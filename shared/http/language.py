"""The language of an answer, English or Chinese, by the caller's Accept-Language (RFC 9110 §12.5.4)."""

from functools import lru_cache

from shared.speech import Language as Language

HEADER_CHARACTERS_MAX = 500
_KNOWN: dict[str, Language] = {"en": "en", "zh": "zh"}


@lru_cache(maxsize=256)
def preferred(accept_language: str) -> Language:
    """Return the language with the greater weight, or English if the weights are equal or neither is named."""
    weights: dict[Language, float] = {}
    anything: float = 0.0
    for part in accept_language[:HEADER_CHARACTERS_MAX].split(","):
        name, _, parameters = part.partition(";")
        primary = name.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if primary == "*":
            anything = weight
        elif language := _KNOWN.get(primary):
            weights[language] = max(weight, weights.get(language, 0.0))
    chinese = weights.get("zh", anything)
    return "zh" if chinese > weights.get("en", anything) else "en"


def _weight(parameters: str) -> float:
    """Return the q-value of one part: 1 if there is none, 0 if it cannot be read."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
            return weight if 0 <= weight <= 1 else 0.0
    return 1.0
