"""Refuse a hold because of its codes."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.coupons.domain.accepting import RefusedCode
from services.loyalty.coupons.refusals import CodeRefused


def refused_codes(refused: Sequence[RefusedCode]) -> CodeRefused:
    """Return the refusal of a hold whose codes cannot be used. It names them by their numbers: a code is never repeated."""
    first = refused[0]
    told = [
        {
            "number": code.number,
            "reason": code.reason.value,
            "text_en": None if code.document is None else code.document.refused_en,
            "text_zh": None if code.document is None else code.document.refused_zh,
        }
        for code in refused
    ]
    return CodeRefused(number=first.number, reason=first.reason.value, extra={"codes": told})
