"""Files of returns, which are checked before they are sent as far as this needs no stored data."""

from dataclasses import replace
from functools import cache

from services.profile.purchases.api import return_files
from services.profile.purchases.api.returns import ReturnIn
from services.profile.purchases.domain.purchases import must_be_believable
from services.profile.settings import Settings
from shared.clock import SystemClock


@cache
def _profile() -> Settings:
    """Return the settings of profile, which takes the returns in."""
    return Settings()


def _check(request: ReturnIn) -> None:
    must_be_believable(request.returned_at, SystemClock().now(), "/returned_at", _profile().purchases_since)


RETURNS = replace(return_files.RETURNS, rules=_check)
