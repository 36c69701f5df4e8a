"""The plain ways to set a lane's limits, to show beside the learned ones what learning gains."""

from collections.abc import Sequence

from actors.model.lanes import LaneLimits, LaneReport


class Fixed:
    """The same limits for every lane for ever, as a configuration file sets them. 20 is Postfix's own default for a destination
    (default_destination_concurrency_limit)."""

    def __init__(self, concurrency: int = 20):
        self._limits = LaneLimits(concurrency)

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        return {report.site: self._limits for report in reports}


class AdditiveIncrease:
    """One connection more after each clean report that used all it had, half of them after a refusal, never under one."""

    def __init__(self, start: int = 4, most: int = 20):
        self._start, self._most = start, most
        self._windows: dict[tuple[str, str], int] = {}

    async def report(self, egress: str, reports: Sequence[LaneReport]) -> dict[str, LaneLimits]:
        limits = {}
        for report in reports:
            key = (egress, report.site)
            window = self._windows.get(key, self._start)
            if report.busy or report.connect_failures:
                window = max(1, window // 2)
            elif report.delivered and report.connections >= window:
                window = min(window + 1, self._most)
            self._windows[key] = window
            limits[report.site] = LaneLimits(window)
        return limits
