"""The earning capability: purchases earn points by rules, and returns take them back exactly."""

from services.loyalty.earning.api import (
    backtests,
    budgets,
    differences,
    drafts,
    explanations,
    goals,
    rulebooks,
    simulations,
)
from services.loyalty.earning.events.overdue import end_overdue_returns
from services.loyalty.earning.events.owners import members_merged, members_parted
from services.loyalty.earning.events.purchases import open_rules, purchase_recorded, purchase_returned
from services.loyalty.earning.invariants import INVARIANTS
from services.loyalty.earning.storage.tables import metadata
from services.loyalty.earning.usecases.backtest_rulebook import BACKTEST
from shared.events.profile import CustomerMerged, CustomerUnmerged, PurchaseRecorded, PurchaseReturned
from shared.outbox.jobs import paged
from shared.service import Capability

CAPABILITY = Capability(
    name="earning",
    routers=(
        rulebooks.router,
        differences.router,
        drafts.router,
        simulations.router,
        backtests.router,
        explanations.router,
        goals.router,
        budgets.router,
    ),
    lock=open_rules,
    handlers={
        PurchaseRecorded: purchase_recorded,
        PurchaseReturned: purchase_returned,
        CustomerMerged: members_merged,
        CustomerUnmerged: members_parted,
    },
    jobs=(paged("end_overdue_returns", end_overdue_returns),),
    job_kinds=(BACKTEST,),
    tables=(metadata,),
    invariants=INVARIANTS,
)
