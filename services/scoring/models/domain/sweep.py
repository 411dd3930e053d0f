"""A sweep: all customers are judged again after a new version of a model was published."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep of all customers for one version; customers up to and including `after_customer_id` are done.

    There is one sweep per kind of model, for the newest version. `finished_at` is None until all customers are done.
    """

    kind: str
    version: int
    after_customer_id: str
    finished_at: datetime | None = None
