"""The worlds of the bench and the job that each is given. The worlds themselves are files of `bench/worlds`."""

from dataclasses import dataclass, replace
from pathlib import Path

from bench.simulation.figures import Watch
from sandbox.world import WorldSpec, load_world

FOLDER = Path(__file__).parent.parent / "worlds"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
EGRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


@dataclass(frozen=True)
class Case:
    """One world and what is sent in it. `rows`: a site's name to how many recipients it has."""

    name: str
    seconds: float
    rows: dict[str, int]
    egresses: tuple[str, ...] = EGRESSES
    watches: tuple[Watch, ...] = ()
    retry_for: float = 48 * HOUR

    def quick(self) -> "Case":
        """Half of the time, where no block has to be waited for."""
        return self if self.watches else replace(self, seconds=self.seconds / 2)

    def world(self) -> WorldSpec:
        return load_world(FOLDER / f"{self.name}.yaml")


ONE = EGRESSES[0]
CASES = (
    Case("steady", 15 * MINUTE, {"gmail": 24_000, "outlook": 12_000, "small": 3_600}),
    Case("tight_rates", 30 * MINUTE, {"gmail": 14_000, "hinet": 7_200, "pchome": 3_600}),
    Case("shared_limits", 20 * MINUTE, {"yahoo": 12_000, "pchome": 5_500}),
    Case("blocked", 20 * MINUTE, {"gmail": 19_000, "outlook": 9_500}, watches=(Watch(ONE, "gmail", 300.0, 1200.0),)),
    Case("block_heals", 25 * MINUTE, {"outlook": 24_000, "yahoo": 12_000}, watches=(Watch(ONE, "outlook", 300.0, 720.0),)),
    Case("called_spam", 20 * MINUTE, {"gmail": 18_000, "exim": 9_000}, watches=(Watch(ONE, "gmail", 300.0, 720.0),)),
    Case("greylisted", 40 * MINUTE, {"postfix": 8_000, "exim": 8_000, "hinet": 8_000}),
    Case("hosted", 40 * MINUTE, {"provider": 48_000, "outlook": 19_500}),
    Case("sinking", 40 * MINUTE, {"outlook": 18_000, "gmail": 20_000}),
    Case("warm_up", 3 * DAY, {"gmail": 6_500, "hinet": 2_600}),
    Case("outage", 25 * MINUTE, {"outlook": 14_000, "pchome": 12_000}),
    Case("tarpit", 25 * MINUTE, {"exim": 16_000, "gmail": 18_000}),
    Case("mixed_list", 20 * MINUTE, {"yahoo": 20_000, "outlook": 9_500, "exim": 9_000}),
    Case("content", 20 * MINUTE, {"gmail": 20_000, "postfix": 9_500}),
    Case("few_connections", 20 * MINUTE, {"outlook": 6_500, "postfix": 10_000}),
    Case(
        "flapping",
        30 * MINUTE,
        {"yahoo": 21_000, "gmail": 22_000},
        watches=tuple(Watch(ONE, "yahoo", 300.0 + 360.0 * i, 390.0 + 360.0 * i) for i in range(4)),
    ),
    Case("many_sites", 15 * MINUTE, {f"s{i:02}": 1_500 for i in range(12)}, EGRESSES[:2]),
    Case("punished", 30 * MINUTE, {"gmail": 22_000, "yahoo": 10_500}),
)
