"""API keys of partners: create, revoke. Every service has the operations that read them."""

from typing import Annotated

from pydantic import Field, StringConstraints
from typing_extensions import TypeAliasType

from services.profile.access.refusals import ExpiryInvalid, KeysInForce, PartnerKeysInForce
from services.profile.access.usecases.create_api_key import create_api_key as create
from services.profile.access.usecases.revoke_api_key import revoke_api_key as revoke
from shared.api_keys import ApiKeyNotFound
from shared.auth import api_key
from shared.auth.principal import Scope
from shared.events.base import Code
from shared.http.api_keys import EXAMPLE, TAG, ApiKeyOut
from shared.http.auth import allow
from shared.http.dependencies import Transaction
from shared.http.models import InstantIn, Request, example
from shared.http.routes import Router
from shared.limits import CODE_MAX, PARTNER_ID_WITH_LETTER, SCOPES_MAX

router = Router(tags=[*TAG])

PartnerScope = TypeAliasType(
    "PartnerScope", Annotated[Scope, Field(description="Something that a partner may do, in all services.")]
)


class ApiKeyIn(Request):
    """An API key to create."""

    model_config = example(partner_id="mart", label="tills", scopes=["customers:read", "purchases:write"])

    partner_id: Annotated[
        str, StringConstraints(max_length=CODE_MAX, pattern=f"^{PARTNER_ID_WITH_LETTER}$")
    ] = Field(description="The partner that the key speaks for, as in the `sub` of its tokens.")
    label: Code = Field(
        description="A word by which you know the key, such as the system that gets it. Name no person."
    )
    scopes: Annotated[list[PartnerScope], Field(min_length=1, max_length=SCOPES_MAX)] = Field(
        description="What the key may do: see `x-scope` of each operation, in every service."
    )
    expires_at: InstantIn | None = Field(
        None,
        description="Refuse the key from then on, an instant ahead and before 2200; without it the key does not end.",
    )


class CreatedApiKeyOut(ApiKeyOut):
    """A new API key. This is the only answer that has the key itself."""

    model_config = example(**EXAMPLE | {"last_used_at": None}, key=api_key.EXAMPLE)

    key: str = Field(
        description="The key. Store it now: it is shown once, and kept nowhere but as a digest.",
        pattern=f"^{api_key.PATTERN}$",
    )


@router.post(
    "/v1/api-keys",
    operation_id="create_api_key",
    summary="Create an API key of a partner",
    allow=allow({"admin"}),
    idempotency="required",
    errors=(PartnerKeysInForce, KeysInForce, ExpiryInvalid),
    status_code=201,
    location="/v1/api-keys/{id}",
)
async def create_api_key(tx: Transaction, body: ApiKeyIn) -> CreatedApiKeyOut:
    """Create a key, and show it this once. Every service accepts it within 5 seconds.

    A partner has at most two keys in force, so that it can change over from one to the next. The answer is kept for repeats with
    the same Idempotency-Key, sealed under the installation's key, for at most 48 hours. After that nobody can read the key.
    """
    key = api_key.new_key()
    record = await create(
        tx,
        key,
        partner_id=body.partner_id,
        label=body.label,
        scopes=set(body.scopes),
        expires_at=body.expires_at,
    )
    return CreatedApiKeyOut(**ApiKeyOut.of(record).model_dump(), key=key)


@router.post(
    "/v1/api-keys/{api_key_id}/revoke",
    operation_id="revoke_api_key",
    summary="Revoke an API key",
    allow=allow({"admin"}),
    errors=(ApiKeyNotFound,),
)
async def revoke_api_key(tx: Transaction, api_key_id: str) -> ApiKeyOut:
    """Refuse the key from now on. Every service has it revoked within 5 seconds. To revoke a key again changes nothing."""
    return ApiKeyOut.of(await revoke(tx, api_key_id))
