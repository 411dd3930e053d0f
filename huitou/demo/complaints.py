"""A few complaints about the demo's purchases: new, late, answered, with a remedy, waiting and closed."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from huitou.client import Product
from huitou.demo import baskets
from shared.clock import SystemClock

_TEXTS: tuple[tuple[str, str], ...] = (
    ("Milk was sour", "The milk was sour on the day I bought it."),
    ("鸡蛋有破损", "回家打开包装，发现有两个鸡蛋已经破了。"),
    ("Charged twice", "The coupon was not taken off, I paid the full price."),
    ("面包不新鲜", "面包买回来当天就发硬了，与标注的日期不符。"),
    ("Rude at the till", "I asked for a bag and was told to bring my own next time."),
    ("冷冻食品已融化", "冷冻食品送到时已经完全融化。"),
    ("Wrong item", "I was given the large size but charged for two small ones."),
    ("价格与标签不一致", "结账价格比货架标签高，请核实。"),
    ("Empty shelf again", "Third week in a row that the offer was sold out in the morning."),
    ("水果变质", "一盒草莓底层已经发霉。"),
    ("Leaking bottle", "The detergent leaked over everything else in the bag."),
    ("积分没有到账", "上周的购物积分一直没有到账。"),
)
_ANSWER = "Thank you for telling us. We are looking into it and will come back to you today. 感谢反馈，我们今天会给您答复。"
_REASON = "goodwill for a damaged item"
COUNT = len(_TEXTS)
REMEDY_POINTS = 20
UNANSWERED_EVERY = 4
REMEDY_EVERY = 3

LATE: Final = (0, 5)
"""The places of complaints that came some days ago: their promise is broken when nobody has answered in time."""
LATE_DAYS = 3
NEWEST = 160
"""The orders of the last six days. No complaint is about them, because a late one would be older than its order."""
APART = 40
LATE_DAYS_MAX = 25
"""The age of a demo up to which its late complaints are dated back. A contact far in the past would be refused."""

_ASKED: Final = {"method": "phone", "result": "satisfied"}
_STEPS: Final[Mapping[int, tuple[Mapping[str, Any], ...]]] = {
    1: (
        {"action": "start"},
        {"action": "answer"},
        {"action": "follow_up", "follow_up": _ASKED},
        {"action": "close", "outcome": "satisfied"},
    ),
    2: ({"action": "acknowledge"},),
    3: ({"action": "start"}, {"action": "wait_customer", "reason": "a photo of the receipt 请提供小票照片"}),
    5: ({"action": "start"},),
    6: (
        {"action": "start"},
        {"action": "wait_third_party", "reason": "the supplier looks into it 供应商核实中"},
    ),
    7: ({"action": "start"}, {"action": "answer"}),
    9: ({"action": "withdraw", "reason": "found the receipt 找到了小票"},),
    10: ({"action": "start"}, {"action": "answer"}, {"action": "follow_up", "follow_up": _ASKED}),
}
"""The actions on the complaint of each place. The others stay as they came."""


def open_all(product: Product, customers: Mapping[str, str], last_day: date) -> Iterator[str]:
    """Open complaints about purchases of the last weeks, work on some, and yield the id of each complaint.

    `customers`: the customer of each purchase by order id, in the order of time.
    """
    orders = list(customers.items())
    chosen = orders[-NEWEST : -NEWEST - APART * COUNT : -APART]
    for at, ((title, body), (order_id, customer_id)) in enumerate(zip(_TEXTS, chosen, strict=True)):
        contact = _late_contact(last_day) if at in LATE else {}
        complaint = _open(product, customer_id, order_id, title, body, contact)
        if at % UNANSWERED_EVERY:
            message = {"kind": "agent", "body": _ANSWER, "channel": "email"}
            _post(product, f"/v1/complaints/{complaint}/messages", message, f"demo-answer-{order_id}")
        if at % REMEDY_EVERY == 1:
            remedy = {"kind": "points", "points": REMEDY_POINTS, "reason": _REASON}
            _post(product, f"/v1/complaints/{complaint}/remedies", remedy, f"demo-remedy-{order_id}")
        for step in _STEPS.get(at, ()):
            key = f"demo-{step['action']}-{order_id}"
            _post(product, f"/v1/complaints/{complaint}/transitions", step, key)
        yield complaint


def _late_contact(last_day: date) -> dict[str, str]:
    contact = datetime.combine(last_day - timedelta(days=LATE_DAYS), time(9), UTC)
    if SystemClock().now() - contact > timedelta(days=LATE_DAYS_MAX):
        return {}
    return {"contact_at": contact.isoformat()}


def _open(
    product: Product, customer_id: str, order_id: str, title: str, body: str, contact: Mapping[str, str]
) -> str:
    complaint = {
        "customer": {"id": customer_id},
        "channel": "web",
        "title": title,
        "body": body,
        "order": {"source": baskets.SOURCE, "order_id": order_id},
        **contact,
    }
    return str(_post(product, "/v1/complaints", complaint, f"demo-complaint-{order_id}")["id"])


def _post(product: Product, path: str, body: Mapping[str, Any], key: str) -> Any:
    return product.call("feedback", "POST", path, json=body, key=key)
