"""Four eyes: a request that one operator proposes and another one approves. Then it is done, once.

A service declares the operations for which a second person can be needed (`Capability.approvables`), and gets the operations on
approvals, the table and the job that ends what nobody decided about. Its use case calls `propose` where a limit is passed.
"""

from shared.approvals.approvable import Approvable, Approved
from shared.approvals.deciding import OF_OBJECT_MAX, OPEN_FOR, Proposal, propose
from shared.approvals.limits import Above, OperatorLimit
from shared.approvals.refusals import ProposedBefore, TooManyProposals
from shared.approvals.tables import ApprovalRecord

__all__ = [
    "OF_OBJECT_MAX",
    "OPEN_FOR",
    "Above",
    "Approvable",
    "ApprovalRecord",
    "Approved",
    "OperatorLimit",
    "Proposal",
    "ProposedBefore",
    "TooManyProposals",
    "propose",
]
