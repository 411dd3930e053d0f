"""The wallets that a transaction holds locked."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.wallets import Member, Wallet


class Locked:
    """The wallets of whole groups of owners, by identity, by id and by owner."""

    def __init__(self) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.by_id: dict[int, Wallet] = {}
        self.members: dict[str, Member] = {}
        self.created: list[str] = []
        """The identities whose first wallet this transaction has made."""

    def add(self, wallets: Iterable[Wallet]) -> None:
        """Take in wallets that were just locked."""
        for wallet in wallets:
            if wallet.id not in self.by_id:
                self.wallets[wallet.identity_id] = self.by_id[wallet.id] = wallet
                self.members.setdefault(wallet.owner_id, Member(wallet.owner_id, [])).wallets.append(wallet)

    def living(self, identity_id: str) -> Wallet | None:
        """Return the wallet of an identity; None if there is none, or the identity was erased."""
        wallet = self.wallets.get(identity_id)
        return None if wallet is None or wallet.erased_at is not None else wallet

    def member(self, identity_id: str) -> Member:
        """Return the member that an identity belongs to."""
        return self.members[self.wallets[identity_id].owner_id]

    def member_of(self, owner_id: str) -> Member:
        """Return the member with this id, who may have no wallet yet."""
        return self.members.setdefault(
            owner_id, Member(owner_id, [], lots_complete=True, holds_complete=True)
        )


class OwnerChanged(ConnectionError):
    """The owners of wallets kept changing while their lock was waited for; like a deadlock, it passes."""
