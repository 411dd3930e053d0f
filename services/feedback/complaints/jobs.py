"""The work that time alone brings: clocks give their notices."""

from services.feedback.complaints.queries.due_complaints import due_complaints
from services.feedback.complaints.usecases.fire_clocks import fire_clocks
from shared.outbox.due_rows import by_rows

FIRE_CLOCKS = by_rows("fire_clocks", due_complaints, fire_clocks, every_seconds=1)
