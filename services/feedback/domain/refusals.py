"""What feedback refuses, each with a stable code and what to do about it."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class UnknownComplaint(DomainError):
    """No such complaint, or another customer's, which looks the same."""

    kind, code = Kind.NOT_FOUND, "complaint_not_found"
    title = ("Complaint not found", "未找到投诉")
    en = "There is no such complaint. Check the id."
    zh = "没有该投诉，请检查标识。"


class WrongState(DomainError):
    """The action is not legal in the complaint's state."""

    kind, code = Kind.CONFLICT, "wrong_state"
    title = ("Not possible in this state", "当前状态不允许该操作")
    en = "{action} is not possible while the complaint is {status}; `allowed` lists what is."
    zh = "投诉处于 {status} 时不能执行 {action}，allowed 列出了可执行的操作。"


class NotForThisActor(DomainError):
    """The action is legal, but not for who asks."""

    kind, code = Kind.FORBIDDEN, "action_forbidden"
    title = ("Not yours to do", "无权执行该操作")
    en = "{action} may be taken by: {who}."
    zh = "{action} 只能由以下角色执行：{who}。"


class NotUsedHere(DomainError):
    """Something came with an action that has no use for it."""

    kind, code = Kind.INVALID, "field_not_used"
    title = ("Not used by this action", "该操作不使用此字段")
    en = "{action} does nothing with `{field}`; leave it out."
    zh = "{action} 不使用 {field}，请不要填写。"


class ReasonRequired(DomainError):
    """The action needs a reason."""

    kind, code = Kind.CONFLICT, "reason_required"
    title = ("A reason is needed", "需要理由")
    en = "Give a `reason` for {action}."
    zh = "执行 {action} 需要填写 reason。"


class MessageRequired(DomainError):
    """Nothing was written to the customer in this cycle."""

    kind, code = Kind.CONFLICT, "message_required"
    title = ("The customer was not written to", "尚未联系顾客")
    en = "Send the customer a message in this cycle before {action}."
    zh = "执行 {action} 前，请先在本轮中给顾客发送一条消息。"


class AnswerRequired(DomainError):
    """A complaint is not answered by a status."""

    kind, code = Kind.CONFLICT, "answer_required"
    title = ("Nobody has answered", "尚未答复顾客")
    en = "Send the customer a message in this cycle that did not fail; then mark the complaint answered."
    zh = "请先在本轮中成功发送一条给顾客的消息，再标记为已答复。"


class FollowUpRequired(DomainError):
    """No follow-up was recorded in this cycle."""

    kind, code = Kind.CONFLICT, "follow_up_required"
    title = ("A follow-up is needed", "需要回访记录")
    en = "Record a `follow_up` with its method and result first."
    zh = "请先记录回访 follow_up（方式和结果）。"


class OutcomeRequired(DomainError):
    """A complaint is closed with how it ended."""

    kind, code = Kind.CONFLICT, "outcome_required"
    title = ("An outcome is needed", "需要处理结果")
    en = "Give an `outcome`: {outcomes}."
    zh = "请填写处理结果 outcome：{outcomes}。"


class AttemptsRequired(DomainError):
    """Unreachable is not said before enough attempts."""

    kind, code = Kind.CONFLICT, "attempts_required"
    title = ("More attempts are needed", "回访次数不足")
    en = (
        "A customer counts as unreachable after {attempts} attempts that reached nobody; {made} are recorded."
    )
    zh = "回访 {attempts} 次均未联系上才算无法联系，目前记录了 {made} 次。"


class ReviewLevelsExhausted(DomainError):
    """There is no higher level to review the answer."""

    kind, code = Kind.CONFLICT, "review_levels_exhausted"
    title = ("No further review", "没有更高的复核级别")
    en = "The answer was reviewed on all {levels} levels; follow up and close the complaint."
    zh = "答复已经过全部 {levels} 级复核，请回访并关闭投诉。"


class OtherOwnerRequired(DomainError):
    """An answer is not reviewed by who gave it."""

    kind, code = Kind.CONFLICT, "other_owner_required"
    title = ("Another owner is needed", "需要更换负责人")
    en = "The review needs another `owner` than the one whose answer was refused."
    zh = "复核需要另一位负责人 owner，不能是原答复人。"


class TargetRequired(DomainError):
    """A merge names another complaint that exists."""

    kind, code = Kind.CONFLICT, "target_required"
    title = ("Which complaint is it a duplicate of?", "请指明重复的投诉")
    en = "Give in `duplicate_of` the id of another complaint that exists."
    zh = "请在 duplicate_of 中填写另一条已存在投诉的标识。"


class TargetOfOtherCustomer(DomainError):
    """Complaints of different customers are not merged."""

    kind, code = Kind.CONFLICT, "target_of_other_customer"
    title = ("Another customer's complaint", "属于其他顾客的投诉")
    en = "Only complaints of the same customer can be merged."
    zh = "只能合并同一顾客的投诉。"


class TargetNotOpen(DomainError):
    """What is merged must go on somewhere."""

    kind, code = Kind.CONFLICT, "target_not_open"
    title = ("That complaint is closed", "目标投诉已关闭")
    en = "Merge into a complaint that is open, or reopen it first."
    zh = "请合并到未关闭的投诉，或先重新打开它。"


class DuplicateStaysClosed(DomainError):
    """A duplicate lives on in its target."""

    kind, code = Kind.CONFLICT, "duplicate_stays_closed"
    title = ("A duplicate is not reopened", "重复投诉不能重新打开")
    en = "This complaint was merged; go on with the one it is a duplicate of."
    zh = "该投诉已被合并，请继续处理合并后的投诉。"


class ReopenTooLate(DomainError):
    """After a month a complaint is a new one."""

    kind, code = Kind.CONFLICT, "reopen_too_late"
    title = ("Closed too long ago", "关闭时间过长")
    en = "A complaint is reopened within {days} days; open a new one with `follows`."
    zh = "只能在关闭后 {days} 天内重新打开；请新建投诉并填写 follows。"


class ContactTimeRefused(DomainError):
    """The time of contact is not ours to believe."""

    kind, code = Kind.INVALID, "contact_at_refused"
    title = ("This time of contact is not possible", "联系时间无效")
    en = "`contact_at` is for operators and partners, not later than now and at most {days} days back."
    zh = "contact_at 仅供操作员和合作伙伴填写，不能晚于当前时间，最多早于当前 {days} 天。"


class MessageTimeRefused(DomainError):
    """The time of a message is not ours to believe."""

    kind, code = Kind.INVALID, "occurred_at_refused"
    title = ("This time is not possible", "消息时间无效")
    en = "`occurred_at` is for operators and partners, not later than now and at most {days} days back."
    zh = "occurred_at 仅供操作员和合作伙伴填写，不能晚于当前时间，最多早于当前 {days} 天。"


class MessageKindForbidden(DomainError):
    """Nobody speaks in another's name."""

    kind, code = Kind.FORBIDDEN, "message_kind_forbidden"
    title = ("Not yours to write", "无权发送该类消息")
    en = "A customer or partner writes messages of kind customer only."
    zh = "顾客和合作伙伴只能发送 customer 类型的消息。"


class OrderOfOtherCustomer(DomainError):
    """A customer complains about their own orders."""

    kind, code = Kind.INVALID, "order_of_other_customer"
    title = ("Not this customer's order", "订单不属于该顾客")
    en = "Give an order of this customer, or leave `order` out."
    zh = "请填写该顾客自己的订单，或不填 order。"


class FollowsRefused(DomainError):
    """A complaint follows an earlier one of the same customer."""

    kind, code = Kind.INVALID, "follows_refused"
    title = ("It cannot follow that one", "后续投诉引用无效")
    en = "`follows` names an earlier complaint of the same customer."
    zh = "follows 必须是同一顾客较早的投诉。"


class MessageNotDatedBack(DomainError):
    """Only a reply that was dated back needs a manager's word."""

    kind, code = Kind.CONFLICT, "nothing_to_confirm"
    title = ("Nothing to confirm", "无需确认")
    en = "Only an agent's message that was dated back by more than {minutes} minutes is confirmed, once."
    zh = "仅需确认一次、且补录超过 {minutes} 分钟的客服消息。"


class UnknownMessage(DomainError):
    """No such message on this complaint."""

    kind, code = Kind.NOT_FOUND, "message_not_found"
    title = ("Message not found", "未找到消息")
    en = "There is no such message on this complaint. Check the id."
    zh = "该投诉没有此消息，请检查标识。"


class CustomerErased(DomainError):
    """The customer was erased: nothing more is written about them."""

    kind, code = Kind.GONE, "customer_erased"
    title = ("This customer was erased", "该顾客数据已删除")
    en = "Nothing can be recorded for a customer who was erased."
    zh = "已删除的顾客不能再记录任何信息。"


class CustomerRequired(DomainError):
    """An operator or partner says who complains."""

    kind, code = Kind.INVALID, "customer_required"
    title = ("Who complains?", "缺少投诉顾客")
    en = "Give `customer` with the id of who complains."
    zh = "请在 customer 中填写投诉顾客的标识。"


class OtherCustomerNamed(DomainError):
    """A customer complains for themselves."""

    kind, code = Kind.FORBIDDEN, "other_customer_named"
    title = ("Not yourself", "不是本人")
    en = "A customer's token opens complaints of that customer only; leave `customer` out."
    zh = "顾客令牌只能为本人提交投诉，请不要填写 customer。"


class UnknownRemedy(DomainError):
    """No such remedy on this complaint."""

    kind, code = Kind.NOT_FOUND, "remedy_not_found"
    title = ("Remedy not found", "未找到补偿")
    en = "There is no such remedy on this complaint. Check the id."
    zh = "该投诉没有此补偿，请检查标识。"


class RemedyNotOverdue(DomainError):
    """Only a remedy without an answer is asked for again."""

    kind, code = Kind.CONFLICT, "remedy_not_overdue"
    title = ("Nothing to retry", "无需重试")
    en = "The remedy is {status}; only one that is overdue is sent again. After a refusal grant a new one."
    zh = "补偿状态为 {status}，仅逾期的补偿可重新发送；被拒绝后请发放新的补偿。"


class RemedyOnEndedComplaint(DomainError):
    """Spam, duplicates and withdrawn complaints get nothing."""

    kind, code = Kind.CONFLICT, "remedy_not_possible"
    title = ("No remedy for this complaint", "该投诉不能补偿")
    en = "The complaint was closed as {outcome}; nothing is granted on it."
    zh = "投诉以 {outcome} 关闭，不能再补偿。"


class RetryOfRefused(DomainError):
    """A new try names the remedy of this complaint that was refused."""

    kind, code = Kind.CONFLICT, "retry_of_refused_only"
    title = ("Not a refused remedy", "不是被拒绝的补偿")
    en = "`retry_of` names a remedy of this complaint that was refused."
    zh = "retry_of 必须是该投诉中被拒绝的补偿。"


class PaidAfterRefusal(DomainError):
    """Loyalty says paid of what it had refused: somebody has to look."""

    kind, code = Kind.CONFLICT, "paid_after_refusal"
    title = ("Paid after it was refused", "拒绝后又被支付")
    en = "Remedy {remedy_id} was refused before, and is now told as paid."
    zh = "补偿 {remedy_id} 先前被拒绝，现在又通知已支付。"


class RefusedAfterPayment(DomainError):
    """Loyalty refuses what it had paid: somebody has to look."""

    kind, code = Kind.CONFLICT, "refused_after_payment"
    title = ("Refused after it was paid", "支付后又被拒绝")
    en = "Remedy {remedy_id} was settled before, and is now told as refused."
    zh = "补偿 {remedy_id} 先前已支付，现在又通知被拒绝。"


class CalendarWithoutTime(DomainError):
    """A calendar in which no promise would ever be due."""

    kind, code = Kind.INVALID, "calendar_without_working_time"
    title = ("No working time", "日历没有工作时间")
    en = "The week has no working window; a promise would never be due."
    zh = "一周内没有任何工作时段，承诺将永远不会到期。"


class WindowInvalid(DomainError):
    """A window that is not a window."""

    kind, code = Kind.INVALID, "window_invalid"
    title = ("Not a working window", "工作时段无效")
    en = "A window is [open, close) in seconds since local midnight: 0 <= open < close <= {most}, open < {day}."
    zh = "时段为自当地零点起的秒数 [open, close)：0 <= open < close <= {most}，且 open < {day}。"


class ZoneUnknown(DomainError):
    """Not a zone of the IANA database."""

    kind, code = Kind.INVALID, "zone_unknown"
    title = ("Unknown time zone", "未知时区")
    en = "{zone} is not an IANA time zone, such as Asia/Shanghai."
    zh = "{zone} 不是 IANA 时区，例如 Asia/Shanghai。"


class TargetInvalid(DomainError):
    """A target whose warnings cannot come before it."""

    kind, code = Kind.INVALID, "target_invalid"
    title = ("Not a possible target", "目标无效")
    en = "A target has seconds >= 0, warnings between 0 and its seconds, and at most {most} of each kind of level."
    zh = "目标的 seconds 不小于 0，预警在 0 与 seconds 之间，各级别最多 {most} 个。"
