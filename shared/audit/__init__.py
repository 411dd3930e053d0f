"""The audit trail of a service: the privileged acts of operators, and their reads of personal data.

The edge writes a row of every act of an operator in the act's own transaction (`shared/http/trail.py`), so no use case needs
to. A use case adds what only it knows with `note`: the customer, the reason, the values before and after.

    audit.note(tx, customer_id=complaint.customer_id, changes=[Change(complaint.id, "status", before, after)])
"""

from shared.audit.reading import SORTS, AuditSelection, name_of, page, reasons_of
from shared.audit.tables import AuditRecord, Change, Kind, Value
from shared.audit.writing import OBJECTS_MAX, Act, Operator, customer_noted, note, prune, write

__all__ = [
    "OBJECTS_MAX",
    "SORTS",
    "Act",
    "AuditRecord",
    "AuditSelection",
    "Change",
    "Kind",
    "Operator",
    "Value",
    "customer_noted",
    "name_of",
    "note",
    "page",
    "prune",
    "reasons_of",
    "write",
]
