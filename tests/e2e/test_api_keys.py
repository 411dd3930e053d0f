"""An API key of a partner works in every service soon after it was created, and in none soon after it was revoked."""

import uuid

import pytest

from tests.e2e.shop import Shop
from tests.parts import waiting

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

EVERYWHERE_SECONDS_MAX = 5.0
"""The promise of the documentation."""
SCOPES = ["complaints:read", "customers:read", "purchases:read", "returns:read"]


async def test_a_key_is_known_and_a_revoked_key_is_refused_in_every_service_within_five_seconds(
    shop: Shop,
) -> None:
    wanted = {"partner_id": f"p-{uuid.uuid4().hex[:12]}", "label": "tills", "scopes": SCOPES}
    created = await shop.post(shop.profile, "/v1/api-keys", wanted)
    bearer = {"Authorization": f"Bearer {created['key']}"}
    nobody = f"cus_{'0' * 26}"
    looks = {
        shop.profile: f"/v1/customers/{nobody}",
        shop.loyalty: f"/v1/members/{nobody}",
        shop.feedback: "/v1/complaints",
        shop.scoring: f"/v1/customers/{nobody}/scores",
    }

    async def refusals() -> set[bool]:
        """Whether the services refuse the key; both while only some know."""
        return {(await client.get(path, headers=bearer)).status_code == 401 for client, path in looks.items()}

    async def known_everywhere() -> bool:
        return await refusals() == {False}

    async def refused_everywhere() -> bool:
        return await refusals() == {True}

    await waiting.until(known_everywhere, seconds_max=EVERYWHERE_SECONDS_MAX)
    for client in looks:
        shown = await shop.get(client, f"/v1/api-keys/{created['id']}")
        assert shown["last_used_at"] is not None
    answer = await shop.profile.post(f"/v1/api-keys/{created['id']}/revoke", headers=shop.admin)
    assert answer.json()["revoked_at"] is not None
    await waiting.until(refused_everywhere, seconds_max=EVERYWHERE_SECONDS_MAX)
