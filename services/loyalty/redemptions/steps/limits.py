"""The limits of one redemption, as the programme promises them."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import ProgrammeDocument
from services.loyalty.redemptions.refusals import MorePointsThanAllowed, TooFewPoints


def check_limits(promised: ProgrammeDocument, points: int) -> None:
    """Refuse points that are not within the limits. Raises TooFewPoints and MorePointsThanAllowed."""
    fewest, most = promised.redemption_points_min, promised.redemption_points_max
    if fewest is not None and points < fewest:
        raise TooFewPoints(fewest=fewest)
    if most is not None and points > most:
        raise MorePointsThanAllowed(most=most)
