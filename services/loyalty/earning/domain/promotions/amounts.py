"""Fixed amounts: off the order, off each unit, or a price of its own for each unit."""

from typing import Literal

from services.loyalty.earning.domain.promotions.terms import Amounts, Basis, Off, OfLines, OfOrder


class AmountOff(OfOrder):
    """Takes a fixed amount off the lines that count together."""

    kind: Literal["amount_off"] = "amount_off"
    amounts: Amounts

    def off(self, basis: Basis) -> Off:
        """Return the amount."""
        return basis.of(self.amounts)


class OffPerUnit(OfLines):
    """Takes a fixed amount off each unit of the lines that count."""

    kind: Literal["off_per_unit"] = "off_per_unit"
    amounts: Amounts

    def off(self, basis: Basis) -> Off:
        """Return the amount for each unit, but no more than a line costs."""
        amount = basis.of(self.amounts)
        if amount is None:
            return None
        off = [0] * len(basis.cart.lines)
        for line in basis.each(basis.mask):
            off[line] = min(amount * basis.cart.quantity_of(line), basis.cart.amount(1 << line))
        return tuple(off)


class FixedPrice(OfLines):
    """Gives each unit of the lines that count a price of its own, where that is lower."""

    kind: Literal["fixed_price"] = "fixed_price"
    prices: Amounts

    def off(self, basis: Basis) -> Off:
        """Return what the lines cost above that price."""
        price = basis.of(self.prices)
        if price is None:
            return None
        off = [0] * len(basis.cart.lines)
        for line in basis.each(basis.mask):
            above = basis.cart.amount(1 << line) - price * basis.cart.quantity_of(line)
            off[line] = max(0, above)
        return tuple(off)
