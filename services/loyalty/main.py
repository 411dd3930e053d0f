"""The loyalty service: points, each traceable to what earned it, and tiers."""

from pathlib import Path

from services.loyalty.activities import capability as activities
from services.loyalty.checkout import capability as checkout
from services.loyalty.coupons import capability as coupons
from services.loyalty.earning import capability as earning
from services.loyalty.finance import capability as finance
from services.loyalty.ledger import capability as ledger
from services.loyalty.members import capability as members
from services.loyalty.notices import capability as notices
from services.loyalty.openings import capability as openings
from services.loyalty.programme import capability as programme
from services.loyalty.promotions import capability as promotions
from services.loyalty.purchases import capability as purchases
from services.loyalty.redemptions import capability as redemptions
from services.loyalty.remedies import capability as remedies
from services.loyalty.rewards import capability as rewards
from services.loyalty.settings import Settings
from services.loyalty.statements import capability as statements
from services.loyalty.tiers import capability as tiers
from services.loyalty.transfers import capability as transfers
from shared import references
from shared.service import Service


def service(settings: Settings) -> Service:
    """Return the table of contents."""
    return Service(
        title="Huitou loyalty",
        description=(
            "Points and tiers: every point traceable to the order line that earned it, given back exactly when it is "
            "returned, and never spent twice."
        ),
        tags={
            "members": "Customers in the programme: their points, their lots and their tier.",
            "programme": "What the members are promised.",
            "rulebooks": "The rules by which members earn, version by version.",
            "rulebook drafts": "Rules that are written down before they are published.",
            "simulations": "The points that a purchase or an activity would earn, or would have earned.",
            "ledger": "Every fact of a member with the points that it moved.",
            "activities": "What members did other than buying, and their occasions.",
            "checkout": "A cart is quoted, points are held for it, and its order is paid with them.",
            "coupons": "Codes that customers type to get a promotion.",
            "redemptions": "Points that a member spends.",
            "rewards": "What members can claim for their points, and what they claimed.",
            "transfers": "Points that members give to each other.",
            "adjustments": "Corrections by an operator.",
            "finance": "What the points of all members come to, and how that came about.",
            "imports": "Files of points that members had in another system.",
            "exports": "Files of the ledger.",
        },
        settings=settings,
        capabilities=(
            references.CAPABILITY,
            ledger.CAPABILITY,
            purchases.CAPABILITY,
            activities.CAPABILITY,
            tiers.CAPABILITY,
            redemptions.CAPABILITY,
            members.CAPABILITY,
            earning.CAPABILITY,
            promotions.CAPABILITY,
            coupons.CAPABILITY,
            checkout.CAPABILITY,
            programme.CAPABILITY,
            transfers.CAPABILITY,
            remedies.CAPABILITY,
            openings.CAPABILITY,
            rewards.CAPABILITY,
            notices.CAPABILITY,
            statements.CAPABILITY,
            finance.CAPABILITY,
        ),
        migrations=Path(__file__).parent / "storage" / "migrations",
    )
