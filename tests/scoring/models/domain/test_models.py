"""Which version of a model answers for a day."""

from datetime import date

from services.scoring.models.domain import models
from services.scoring.models.domain.kinds import rfm
from services.scoring.models.domain.models import Model, Status


def version(number: int, until: date, status: Status = "published") -> Model:
    return Model("rfm", "", number, until, "UTC", rfm.SHIPPED, None, 100, 10, "btyd-1", {}, status, None)


def test_the_latest_fit_up_to_the_day_answers() -> None:
    fits = [version(1, date(1997, 9, 30)), version(2, date(2026, 1, 1)), version(3, date(1997, 9, 30))]
    then = models.in_force(fits, date(1997, 10, 5))
    assert then is not None
    assert (then.model.version, then.look_ahead) == (3, False)
    today = models.in_force(fits, date(2026, 8, 1))
    assert today is not None
    assert today.model.version == 2


def test_a_day_before_every_fit_gets_the_earliest_and_says_so() -> None:
    used = models.in_force([version(1, date(2026, 1, 1)), version(2, date(1997, 9, 30))], date(1990, 1, 1))
    assert used is not None
    assert (used.model.version, used.look_ahead) == (2, True)
    assert models.confidence(used, purchases=9) == "low"


def test_what_was_not_published_never_answers() -> None:
    assert (
        models.in_force(
            [version(1, date(2026, 1, 1), "proposed"), version(2, date(2026, 1, 1), "rejected")],
            date(2027, 1, 1),
        )
        is None
    )


def test_a_shop_starts_with_version_zero() -> None:
    prior = models.shipped("bg_nbd", "UTC")
    assert prior is not None
    assert prior.version == 0
    assert models.shipped("gamma_gamma", "UTC") is None
