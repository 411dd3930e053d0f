"""The scoring service: what can be computed about a customer, and when it changes."""

from pathlib import Path

from services.scoring.erasure import capability as erasure
from services.scoring.facts import capability as facts
from services.scoring.labels import capability as labels
from services.scoring.models import capability as models
from services.scoring.scores import capability as scores
from services.scoring.settings import Settings
from shared import references
from shared.consume import BATCH_MAX
from shared.service import Service

EMBEDDED_BATCH_MAX = 200
"""Records of one transaction on SQLite. SQLite works inline, so 500 records would block the loop for twice as long."""


def service(settings: Settings) -> Service:
    """Return the table of contents of the service."""
    return Service(
        title="Huitou scoring",
        description=(
            "What a customer is worth and whether they will come back: RFM with segments, BG/NBD and Gamma-Gamma, "
            "as of any moment, from every purchase and return."
        ),
        tags={
            "scores": "What is computed about one customer.",
            "models": "The models behind the scores: their versions and their fits.",
        },
        settings=settings,
        capabilities=(
            references.CAPABILITY,
            facts.CAPABILITY,
            models.CAPABILITY,
            labels.CAPABILITY,
            scores.CAPABILITY,
            erasure.CAPABILITY,
        ),
        migrations=Path(__file__).parent / "storage" / "migrations",
        inbox=False,
        batch_max=EMBEDDED_BATCH_MAX if settings.database.startswith("sqlite") else BATCH_MAX,
    )
