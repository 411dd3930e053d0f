"""The sentence about the callers of an operation, in both languages."""

import pytest

from shared.auth.access import PUBLIC, Allow


@pytest.mark.parametrize(
    ("allow", "english", "chinese"),
    [
        (PUBLIC, "Anyone, without a token.", "任何人，无需令牌。"),
        (Allow(), "Nobody.", "无人。"),
        (Allow(customer="self"), "Customers, for themselves.", "顾客本人。"),
        (
            Allow(frozenset(("viewer", "admin")), partner_scope="jobs:read", customer="owned"),
            "Operators (admin, viewer); partners with the scope `jobs:read`; customers, for themselves.",
            "操作员（admin、viewer）；具有权限范围 `jobs:read` 的合作伙伴；顾客本人。",
        ),
    ],
)
def test_callers_are_said_in_both_languages(allow: Allow, english: str, chinese: str) -> None:
    assert (allow.words(), allow.words("zh")) == (english, chinese)
