"""The invariants of identities, for `huitou verify` and the running verification."""

from services.profile.people.storage.rules import RULES, WALKS
from shared.verify.row_rules import invariants_of

INVARIANTS = invariants_of(RULES, WALKS)
