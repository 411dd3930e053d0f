"""The register of references: the identity to which an external id leads, for services that must not learn the id."""

from shared.references.capability import CAPABILITY
from shared.references.register import KnownReferences, erase, find_identities, find_identity, record
from shared.references.tables import reference, reference_record, references_metadata

__all__ = [
    "CAPABILITY",
    "KnownReferences",
    "erase",
    "find_identities",
    "find_identity",
    "record",
    "reference",
    "reference_record",
    "references_metadata",
]
