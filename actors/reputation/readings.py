"""What is learned of replies whose words nobody knows: templates by site, whom each follows, and how senders are to read them.

Bounded, for the words are strangers'. A finding outlives a restart, the counts behind it are counted anew. Where a site has
none of its own for words that two other sites were found to say in one sense, that sense counts.
"""

from collections import OrderedDict
from typing import Any

from actors.model.lanes import LaneReport, Reading, Unread
from actors.model.sitenames import means
from actors.model.states import Blame
from actors.reputation.experiment import UNKNOWN, Finding
from actors.reputation.followed import QUIET, Followed
from actors.reputation.templates import Template, Templates

MOST_SITES = 5_000
MOST_HERE = 32  # templates of one site; the longest unheard go first
KEPT = 30 * 86_400.0  # seconds after which words that are not heard any more are forgotten
AGREED = 2  # other sites that must be of one mind


class Readings:
    """The findings of all sites. `changed`: sites whose findings are not saved."""

    def __init__(self) -> None:
        self._mined = Templates()
        self._sites: OrderedDict[str, dict[int, Followed]] = OrderedDict()  # the longest unheard first
        self._votes: dict[int, dict[str, Blame]] = {}  # by template, then site
        self._given: dict[str, tuple[Reading, ...]] = {}
        self.changed: set[str] = set()

    def take(self, egress: str, report: LaneReport, now: float) -> list[tuple[Template, Finding]]:
        """Counts a report; gives the findings that are new."""
        here = self._sites.get(report.site)
        if here is None and not report.unread:
            return []
        here = self._sites.setdefault(report.site, {}) if here is None else here
        heard: dict[int, list[Unread]] = {}
        for unread in report.unread:
            template = self._mined.add(unread.code, unread.enhanced, unread.words, unread.times)
            here.setdefault(template.number, Followed(template, now))
            heard.setdefault(template.number, []).append(unread)
        for number, found in heard.items():
            here[number].hear(egress, found, now)
        for followed in here.values():
            if now - followed.seen <= QUIET:
                followed.count_accepted(egress, report)
        if not heard:
            return []
        told = []
        for number, found in heard.items():
            changed = [here[number].find(egress, job) for job in sorted({one.job for one in found})]
            if any(changed):
                self._vote(number, report.site, here[number].finding.blame)
                told.append((here[number].template, here[number].finding))
        self._keep(report.site, now)
        return told

    def of(self, site: str) -> tuple[Reading, ...]:
        """How replies of the site are to be read."""
        return self._given.get(site, ())

    def told(self, site: str = "") -> list[dict[str, Any]]:
        """All that is known of replies of the site, or of all; the commonest first."""
        lines = [
            {"site": name, **_data(followed)}
            for name, here in self._sites.items()
            if means(site, name)
            for followed in here.values()
        ]
        return sorted(lines, key=lambda line: (-line["count"], line["site"], line["words"]))

    def data(self, site: str) -> list[dict[str, Any]]:
        """What is kept of a site; empty when it is forgotten."""
        return [_data(followed) for followed in self._sites.get(site, {}).values()]

    def restore(self, site: str, data: list[dict[str, Any]]) -> None:
        """What was kept. ValueError, TypeError or KeyError where it is none."""
        here: dict[int, Followed] = {}
        for one in data[:MOST_HERE]:
            words = tuple(str(word) for word in str(one["words"]).split())
            template = self._mined.add(int(one["code"]), str(one["enhanced"]), words, int(one["count"]))
            finding = Finding(Blame(one["blame"]), str(one["of"]), float(one["confidence"]), str(one["why"]))
            here[template.number] = Followed(
                template,
                seen=float(one["seen"]),
                count=int(one["count"]),
                egresses=[str(name) for name in one["egresses"]],
                jobs=[str(name) for name in one["jobs"]],
                finding=finding,
            )
            self._vote(template.number, site, finding.blame)
        self._sites[site] = here
        self._give(site)

    def _keep(self, site: str, now: float) -> None:
        """After a site was heard: bounds, and what its senders are told."""
        here = self._sites[site]
        self._sites.move_to_end(site)
        while len(here) > MOST_HERE:
            self._vote(gone := min(here, key=lambda n: here[n].seen), site, Blame.NONE)
            del here[gone]
        self._give(site)
        self.changed.add(site)
        while self._sites:
            oldest, followed = next(iter(self._sites.items()))
            if len(self._sites) <= MOST_SITES and now - max(f.seen for f in followed.values()) <= KEPT:
                return
            for number in followed:
                self._vote(number, oldest, Blame.NONE)
            del self._sites[oldest]
            self._given.pop(oldest, None)
            self.changed.add(oldest)

    def _vote(self, number: int, site: str, blame: Blame) -> None:
        votes = self._votes.setdefault(number, {})
        votes.pop(site, None)
        if blame is not Blame.NONE:
            votes[site] = blame
        if not votes:
            del self._votes[number]

    def _give(self, site: str) -> None:
        found = []
        for number, followed in self._sites[site].items():
            blame = followed.finding.blame or self._agreed(number)
            if blame is not Blame.NONE:
                template = followed.template
                found.append(Reading(template.code, template.enhanced, template.words, blame))
        self._given[site] = tuple(found)

    def _agreed(self, number: int) -> Blame:
        votes = self._votes.get(number, {})
        return next(iter(votes.values())) if len(votes) >= AGREED and len(set(votes.values())) == 1 else Blame.NONE


def _data(followed: Followed) -> dict[str, Any]:
    template, finding = followed.template, followed.finding
    return {
        "code": template.code,
        "enhanced": template.enhanced,
        "words": template.text,
        "count": followed.count,
        "seen": followed.seen,
        "egresses": list(followed.egresses),
        "jobs": list(followed.jobs),
        "blame": str(finding.blame),
        "of": finding.of,
        "confidence": finding.confidence,
        "why": finding.why if finding is not UNKNOWN else "",
    }
