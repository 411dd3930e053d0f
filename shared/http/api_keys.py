"""The operations that read API keys. Profile has the register; every other service shows its copy, and its own last uses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from shared import api_keys
from shared.api_keys import ApiKeyNotFound, ApiKeyRecord
from shared.events.base import PartnerId
from shared.http.auth import allow
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Reading
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Response, example
from shared.http.routes import Router

TAG = {
    "api keys": "API keys of partners. Profile creates and revokes them; every service accepts them and shows their uses."
}
EXAMPLE = {
    "id": "key_01k2m9d6v4e8r7a1b2c3d4e5f6", "partner_id": "mart", "label": "tills",
    "scopes": ["customers:read", "purchases:write"], "created_at": "2026-03-01T09:30:00Z", "expires_at": None, "revoked_at": None,
    "last_used_at": "2026-03-01T09:41:00Z",
}  # fmt: skip

router = Router(tags=[*TAG])


class ApiKeyOut(Response):
    """An API key of a partner, without the key itself."""

    model_config = example(**EXAMPLE)

    id: str
    partner_id: str
    label: str = Field(description="The word by which operators know the key.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None = Field(
        description="The key is refused from then on; null: it does not end by itself."
    )
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(
        description="The minute of the last request to this service with the key; null if there was none."
    )

    @classmethod
    def of(cls, record: ApiKeyRecord) -> Self:
        """Return what is shown of a key."""
        return cls.model_validate(record, from_attributes=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyFilters:
    """The filters of the list of API keys."""

    partner_id: Annotated[PartnerId | None, Query(description="Only keys of this partner.")] = None


@router.get(
    "/v1/api-keys",
    operation_id="list_api_keys",
    summary="List API keys",
    allow=allow({"admin"}),
    errors=(CursorInvalid,),
)
async def list_api_keys(
    read: Reading, listing: Annotated[Listing[ApiKeyFilters], listed_by(ApiKeyFilters, sorts=api_keys.SORTS)]
) -> Page[ApiKeyOut]:
    """The API keys of partners, also those that were revoked or have expired.

    `last_used_at` is about the service that is asked. A service that shows `revoked_at` refuses the key.
    """
    records = await api_keys.page(read, listing.filters.partner_id, listing.slice)
    items = [ApiKeyOut.of(record) for record in listing.shown(records)]
    return listing.page(records, listing.sort_key, items)


@router.get(
    "/v1/api-keys/{api_key_id}",
    operation_id="get_api_key",
    summary="Read an API key",
    allow=allow({"admin"}),
    errors=(ApiKeyNotFound,),
)
async def get_api_key(read: Reading, api_key_id: str) -> ApiKeyOut:
    """The state of one API key in the service that is asked, and its last use there."""
    record = await api_keys.find(read, api_key_id)
    if record is None:
        raise ApiKeyNotFound
    return ApiKeyOut.of(record)
