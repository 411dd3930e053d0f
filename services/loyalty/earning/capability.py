"""The earning capability: purchases and activities earn points by rules, and returns take them back exactly."""

from services.loyalty.earning.api import (
    activities,
    backtests,
    budgets,
    differences,
    drafts,
    explanations,
    goals,
    rulebooks,
    simulations,
)
from services.loyalty.earning.events.overdue import END_OVERDUE_RETURNS
from services.loyalty.earning.events.owners import members_merged, members_parted
from services.loyalty.earning.events.purchases import open_rules, purchase_recorded, purchase_returned
from services.loyalty.earning.invariants import INVARIANTS
from services.loyalty.earning.storage.tables import metadata
from services.loyalty.earning.usecases.backtest_rulebook import BACKTEST
from shared.events.profile import CustomerMerged, CustomerUnmerged, PurchaseRecorded, PurchaseReturned
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
        activities.router,
    ),
    lock=open_rules,
    handlers={
        PurchaseRecorded: purchase_recorded,
        PurchaseReturned: purchase_returned,
        CustomerMerged: members_merged,
        CustomerUnmerged: members_parted,
    },
    jobs=(END_OVERDUE_RETURNS,),
    job_kinds=(BACKTEST,),
    tables=(metadata,),
    invariants=INVARIANTS,
)
