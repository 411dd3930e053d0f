"""The journeys of an integrator: Arazzo documents of this checkout, which the reference shows as guides."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from services.console.merging import Part

FOLDER = Path(__file__).parents[2] / "docs" / "journeys"
"""The folder in a checkout and in an image. Where it is missing there are no guides."""
SUFFIX = ".arazzo.yaml"


@dataclass(frozen=True, slots=True)
class Journey:
    """One Arazzo document."""

    name: str
    text: str
    document: Mapping[str, Part]


@cache
def journeys() -> Mapping[str, Journey]:
    """Return all journeys by their names, in the order in which a reader meets them."""
    texts = {
        path.name.removesuffix(SUFFIX): path.read_text(encoding="utf-8") for path in FOLDER.glob(f"*{SUFFIX}")
    }
    read = [Journey(name, text, yaml.safe_load(text)) for name, text in texts.items()]
    return {journey.name: journey for journey in sorted(read, key=_order)}


def _order(journey: Journey) -> tuple[int, str]:
    return int(journey.document["info"]["x-order"]), journey.name
