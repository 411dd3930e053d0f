"""The registry of the four services. Only this module imports them all."""

from collections.abc import Iterator
from pathlib import Path

from fastapi.routing import APIRoute

from services.console.settings import Settings as ConsoleSettings
from services.feedback import main as feedback
from services.feedback.settings import Settings as FeedbackSettings
from services.loyalty import main as loyalty
from services.loyalty.settings import Settings as LoyaltySettings
from services.profile import main as profile
from services.profile.settings import Settings as ProfileSettings
from services.scoring import main as scoring
from services.scoring.settings import Settings as ScoringSettings
from shared.http.app import kernel_routers
from shared.http.operation import Operation
from shared.http.routes import Route
from shared.service import Service
from shared.service.capability import Resource
from shared.settings import ServiceSettings

SQLITE = "sqlite:///"

SETTINGS: tuple[type[ServiceSettings], ...] = (
    ProfileSettings,
    LoyaltySettings,
    FeedbackSettings,
    ScoringSettings,
)


def services() -> list[Service]:
    """Return every service with its settings from the environment, in the order of their ports."""
    return [
        profile.service(ProfileSettings()),
        loyalty.service(LoyaltySettings()),
        feedback.service(FeedbackSettings()),
        scoring.service(ScoringSettings()),
    ]


def services_by_default() -> list[Service]:
    """Return every service with the default of each setting, whatever the environment says."""
    return [
        profile.service(ProfileSettings.model_construct()),
        loyalty.service(LoyaltySettings.model_construct()),
        feedback.service(FeedbackSettings.model_construct()),
        scoring.service(ScoringSettings.model_construct()),
    ]


def files() -> list[Path]:
    """Return the database files of the services that use SQLite."""
    urls = [settings().database for settings in SETTINGS]
    return [Path(url.removeprefix(SQLITE)) for url in urls if url.startswith(SQLITE)]


def variables() -> set[str]:
    """Return every environment variable that some part of the product reads."""
    every: tuple[type[ServiceSettings], ...] = (*SETTINGS, ConsoleSettings)
    return {f"HUITOU_{name.upper()}" for settings in every for name in settings.model_fields}


def routes(service: Service) -> Iterator[Route]:
    """Yield the declared operations of a service, in the order of its capabilities."""
    for router in service.routers:
        yield from routes_of(router)


def routes_of(router: Resource) -> Iterator[Route]:
    """Yield the declared operations of one router."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            assert isinstance(route, Route), f"{route.path} was not declared on our Router"
            yield route


def operations(service: Service) -> Iterator[Operation]:
    """Yield the declaration of each operation of a service, also of those that every service has: its callers, its refusals."""
    yield from (route.operation for route in routes(service))
    for router in kernel_routers(service):
        yield from (route.operation for route in routes_of(router))


def scopes() -> list[str]:
    """Return every scope that some operation asks a partner for."""
    asked = (operation.allow.partner_scope for service in services() for operation in operations(service))
    return sorted({scope for scope in asked if scope is not None})
