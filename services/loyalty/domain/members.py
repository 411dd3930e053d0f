"""Refusals that concern the member themselves."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class UnknownMember(DomainError):
    """Nobody of this id has been heard of, or they were erased."""

    kind = Kind.NOT_FOUND
    code = "member_not_found"
    title = ("No such member", "没有该会员")
    en = "There is no member with this id. Members appear with their registration or first purchase."
    zh = "没有该编号的会员。会员在注册或首次购买后出现。"


class KeyUsedBefore(DomainError):
    """The Idempotency-Key made a ledger fact long ago; its stored answer is gone, the fact is not."""

    kind = Kind.CONFLICT
    code = "key_used_before"
    title = ("This key was used before", "该幂等键已被使用")
    en = "This Idempotency-Key was used before and its answer is no longer kept; it was applied then. Use a new key."
    zh = "该 Idempotency-Key 曾被使用，其结果已不再保留；该操作当时已生效。请使用新的键。"
