"""A percentage off the lines that count, in the stage of lines or in that of the order."""

from typing import Literal

from services.loyalty.earning.domain.promotions.terms import Basis, Off, OfLines, OfOrder, Percent, percent_of


class PercentOffLines(OfLines):
    """Takes `percent` off the list prices of the lines that count."""

    kind: Literal["percent_off_lines"] = "percent_off_lines"
    percent: Percent

    def off(self, basis: Basis) -> Off:
        """Return the percentage of the sum, half a minor unit rounded up."""
        return percent_of(basis.amount, self.percent)


class PercentOff(OfOrder):
    """Takes `percent` off the lines that count, after the promotions of lines."""

    kind: Literal["percent_off"] = "percent_off"
    percent: Percent

    def off(self, basis: Basis) -> Off:
        """Return the percentage of the sum, half a minor unit rounded up."""
        return percent_of(basis.amount, self.percent)
