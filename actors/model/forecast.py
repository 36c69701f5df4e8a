"""Nouns of the planner: what a lane is expected to do, and when a job's sites will be through."""

from dataclasses import dataclass

from actors.model.lanes import NO_QUOTA


@dataclass(frozen=True, slots=True)
class LaneSpeed:
    """What one lane is expected to deliver."""

    egress: str
    site: str
    rate: float  # mails a second
    learned: bool  # from its own reports; else a starting value
    quota: int = NO_QUOTA  # mails left until `quota_until`, and as many each day from then on
    quota_until: float = 0.0
    closed_until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class SiteForecast:
    """One site of a job. Times in seconds since the epoch, 0 = not within the planner's horizon."""

    site: str
    rows: int
    speed: float  # mails a second, all lanes together
    through_at: float
    late: int  # rows that are left at the deadline
    learned: int  # lanes whose speed was learned ...
    lanes: int  # ... of so many
    why: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A job's sites, the one with the most rows first."""

    starts_at: float
    through_at: float
    deadline_at: float
    sites: tuple[SiteForecast, ...]

    @property
    def late(self) -> int:
        """Rows that will miss the deadline."""
        return sum(site.late for site in self.sites)
