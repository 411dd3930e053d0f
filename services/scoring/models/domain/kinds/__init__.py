"""The kinds of models: each is a frozen document of parameters with its `kind`. To add a kind, name it here."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from services.scoring.models.domain.kinds.bg_nbd import BgNbd
from services.scoring.models.domain.kinds.gamma_gamma import GammaGamma
from services.scoring.models.domain.kinds.rfm import Cuts

Kind = Literal["rfm", "bg_nbd", "gamma_gamma"]
"""The name of a kind of model, also in URLs."""

Parameters = Annotated[Cuts | BgNbd | GammaGamma, Field(discriminator="kind")]
PARAMETERS: TypeAdapter[Cuts | BgNbd | GammaGamma] = TypeAdapter(Parameters)
"""Reads the stored document of any kind."""

KINDS: tuple[Kind, ...] = ("rfm", "bg_nbd", "gamma_gamma")

__all__ = ["KINDS", "PARAMETERS", "BgNbd", "Cuts", "GammaGamma", "Kind", "Parameters"]
