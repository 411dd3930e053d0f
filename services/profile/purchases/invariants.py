"""The invariants of purchases and returns, for `huitou verify` and the running verification."""

from services.profile.people.queries.ownership import identity_exists
from services.profile.purchases.storage.rules import WALKS, rules
from services.profile.purchases.storage.tables import purchase
from shared.verify.row_rules import invariants_of

INVARIANTS = invariants_of(rules(identity_exists(purchase.c.identity_id)), WALKS)
