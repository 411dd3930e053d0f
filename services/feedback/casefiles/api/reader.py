"""The reader of a case file."""

from dataclasses import dataclass

from shared.vault import Keys, Vault


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of one case file, with the keys that open its texts."""

    identity_id: str
    customer_id: str
    """The customer that the complaint belongs to today."""
    vault: Vault
    keys: Keys
    staff: bool
    """Whether the reader is an operator, who also sees notes, names and reasons."""
    is_partner: bool
    """Whether the reader is a partner, who sees only orders that it recorded itself."""
    order_issuer: str
    """The issuer within which the order is looked for: a partner's own, for others that of the complaint's identity."""

    def text(self, field: str, row_id: str, sealed: bytes | None) -> str | None:
        """Return a sealed text; None if there is none, or if the customer was erased."""
        if sealed is None or self.identity_id not in self.keys:
            return None
        return self.keys.open(self.identity_id, f"{field}/{row_id}", sealed)

    def name(self, stored: str | None) -> str | None:
        """Return the name of an actor whose pseudonym is stored, for the staff; None for others, and if there is none."""
        return None if stored is None or not self.staff else self.vault.reveal(stored)
