"""The rows of purchases and returns that events tell of: those that belong to somebody."""

from sqlalchemy import func, or_, select

from services.profile.purchases.storage.tables import purchase, purchase_line, purchase_return, return_line

_of_purchase = purchase_line.c.purchase_id == purchase.c.purchase_id
_of_return = return_line.c.return_id == purchase_return.c.return_id

PURCHASES = select(
    purchase.c.purchase_id,
    purchase.c.amount_minor,
    select(func.count(purchase_line.c.line)).where(_of_purchase).scalar_subquery(),
    select(func.coalesce(func.sum(purchase_line.c.quantity), 0)).where(_of_purchase).scalar_subquery(),
).where(purchase.c.identity_id.is_not(None))
"""The purchases, each with its amount, its lines and its units."""
RETURNS = (
    select(
        purchase_return.c.return_id,
        purchase_return.c.amount_minor,
        select(func.count(return_line.c.line)).where(_of_return).scalar_subquery(),
        select(func.coalesce(func.sum(return_line.c.quantity), 0)).where(_of_return).scalar_subquery(),
    )
    .join(purchase, purchase.c.purchase_id == purchase_return.c.purchase_id, isouter=True)
    .where(or_(purchase_return.c.identity_id.is_not(None), purchase.c.identity_id.is_not(None)))
)
"""The returns, each with its amount, its lines and its units. One of an anonymous purchase is told when somebody claims it."""
