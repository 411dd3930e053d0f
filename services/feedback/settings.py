"""Settings of the feedback service."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import ServiceSettings

Points = Annotated[int, Field(ge=0, le=1_000_000_000)]


class Settings(ServiceSettings):
    """The settings that only feedback has."""

    service: ClassVar[str] = "feedback"
    port_offset: ClassVar[int] = 3

    feedback_database_url: str = ""
    """URL of feedback's own database; empty: a SQLite file under `home`."""
    feedback_database_url_file: Path | None = None
    """File that holds `feedback_database_url`."""
    sla_grace_seconds: Annotated[int, Field(ge=0, le=3_600)] = 10
    """Seconds between a promise's due time and the announcement of its breach, so that a reply that was taken before
    the due time and is written down just after it still wins. The breach keeps its own time."""
    remedy_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    """Seconds within which loyalty's answer to a remedy is expected. After them the remedy is overdue: its fate is
    unknown."""
    remedy_points_agent_complaint_max: Points = 10_000
    """Points that an agent may grant as long as the remedies of the complaint add up to no more than this."""
    remedy_points_agent_day_max: Points = 30_000
    """Points that an agent may grant in all on one day in the shop's time zone."""
    remedy_points_manager_complaint_max: Points = 100_000
    """Points that a manager or admin may grant as long as the remedies of the complaint add up to no more than this."""
    remedy_points_manager_day_max: Points = 500_000
    """Points that a manager or admin may grant in all on one day in the shop's time zone."""

    @property
    def remedy_points_of_agent_max(self) -> tuple[int, int]:
        """The points that an agent may grant on a complaint, and on a day."""
        return self.remedy_points_agent_complaint_max, self.remedy_points_agent_day_max

    @property
    def remedy_points_of_manager_max(self) -> tuple[int, int]:
        """The points that a manager may grant on a complaint, and on a day."""
        return self.remedy_points_manager_complaint_max, self.remedy_points_manager_day_max

    @property
    def sla_grace(self) -> timedelta:
        """`sla_grace_seconds` as a duration."""
        return timedelta(seconds=self.sla_grace_seconds)

    @property
    def remedy_deadline(self) -> timedelta:
        """`remedy_deadline_seconds` as a duration."""
        return timedelta(seconds=self.remedy_deadline_seconds)
