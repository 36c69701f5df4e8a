"""Where a job may not go on because the receiver refuses the sender's domain or the message. Pure: counts in, halts out.

A refusal that speaks about the sender's domain halts the whole account at that site, one that speaks about the content halts
the one job there: more of the same would only be refused too, and harm the address. A halt ends after a while with a probe of
a few rows; delivered mail lifts it, another refusal doubles it. Nothing is kept on disk: after a restart the next refusals
halt again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from actors.model.lanes import Refusals
from actors.model.reasons import Reason
from actors.model.states import Blame

FIRST_SECONDS, LONGEST_SECONDS = 900.0, 4 * 3600.0  # DNS records are mended within hours, and cached for as long
ENOUGH = {Blame.SENDER_DOMAIN: 3, Blame.CONTENT: 10}  # one refusal may be about one mail; content differs from row to row
SHARE = {Blame.SENDER_DOMAIN: 0.5, Blame.CONTENT: 0.5}  # of what the site settled for the job or account
PROBE_ROWS = 8
PROBE_SECONDS = 120.0  # a probe that nobody tells about is over by then
FORGET_SECONDS = 24 * 3600.0
MOST_KEPT = 10_000  # (account or job, site) pairs; the oldest go first

RECORDS = {
    Reason.SPF: "the SPF record (TXT) of the return path's domain must name our sending addresses",
    Reason.DKIM: "the DKIM record (TXT at SELECTOR._domainkey.DOMAIN) must hold the key that signs",
    Reason.DMARC: "SPF or DKIM must pass for the domain in From, whose policy stands in the TXT record _dmarc.DOMAIN",
    Reason.ALIGNMENT: "the return path or the DKIM signature must be of the domain in From",
    Reason.SENDER_DNS: "the return path's domain needs an MX or A record",
    Reason.REPUTATION: "the domain is not well thought of there; no record mends that",
}
MEND = "it is not said which record: SPF, DKIM and DMARC must all pass"

Key = tuple[str, str, Blame]  # account or job, site, what for


@dataclass(slots=True)
class Halt:
    """What is known of one pair. `until` 0: no halt yet, refusals are being counted."""

    reason: Reason
    words: str
    refused: int = 0
    delivered: int = 0
    until: float = 0.0
    seconds: float = 0.0
    probed_at: float = 0.0
    at: float = 0.0
    egresses: frozenset[str] = frozenset()  # that told of refusals


class Halts:
    """All halts of the conductor."""

    def __init__(self) -> None:
        self._halts: dict[Key, Halt] = {}

    def tell(self, account: str, told: Refusals, now: float, egress: str = "", others: bool = False) -> bool:
        """Takes what a sender saw; whether a halt began or ended. `others`: more egresses carry the job."""
        changed = False
        for blame, whom in ((Blame.SENDER_DOMAIN, account), (Blame.CONTENT, told.job)):
            refused = told.refused if told.blame is blame else 0
            changed |= self._count((whom, told.site, blame), refused, told, now, egress, others)
        return changed

    def _count(self, key: Key, refused: int, told: Refusals, now: float, egress: str, others: bool) -> bool:
        halt = self._halts.get(key)
        if halt is None:
            if not refused:
                return False
            while len(self._halts) >= MOST_KEPT:
                del self._halts[next(iter(self._halts))]
            halt = self._halts[key] = Halt(told.reason, told.reply)
        if halt.until and told.delivered and not refused and now >= halt.until:
            del self._halts[key]  # the probe arrived
            return True
        halt.refused += refused
        halt.delivered += told.delivered
        halt.at = now
        if refused:
            halt.reason, halt.words = told.reason, told.reply
            halt.egresses |= {egress}
        if refused and halt.until <= now and self._enough(key[2], halt, others):
            halt.seconds = min(2 * halt.seconds or FIRST_SECONDS, LONGEST_SECONDS)
            halt.until, halt.probed_at = now + halt.seconds, 0.0
            halt.refused = halt.delivered = 0
            return True
        return False

    @staticmethod
    def _enough(blame: Blame, halt: Halt, others: bool) -> bool:
        """Whether what was counted means everybody there; after a halt one refused probe is enough. Content that only one of
        several egresses is told about is that egress's trouble, in the words of a spam filter."""
        if blame is Blame.CONTENT and others and len(halt.egresses) < 2 and not halt.seconds:
            return False
        share = halt.refused / (halt.refused + halt.delivered)
        return share >= SHARE[blame] and (halt.seconds > 0 or halt.refused >= ENOUGH[blame])

    def closed(self, job: str, account: str, now: float) -> frozenset[str]:
        """Sites where the job may send nothing now: halted, or waiting for the end of a probe."""
        return frozenset(
            site
            for site, halt in self._of(job, account)
            if halt.until > now or (halt.until and now - halt.probed_at < PROBE_SECONDS)
        )

    def lapsed(self, job: str, account: str, now: float) -> frozenset[str]:
        """Sites whose halt is over and that nobody has probed yet: `PROBE_ROWS` rows may go there."""
        sites = self.closed(job, account, now)
        return frozenset(site for site, halt in self._of(job, account) if 0 < halt.until <= now and site not in sites)

    def probing(self, job: str, account: str, sites: Iterable[str], now: float) -> None:
        """A probe of these sites was leased."""
        wanted = set(sites)
        for site, halt in self._of(job, account):
            if site in wanted and halt.until:
                halt.probed_at = now

    def why(self, job: str, account: str, now: float) -> str:
        """What to tell about the job: the first halts, with what must be mended. Empty: there are none."""
        parts = []
        for (_, site, blame), halt in self._mine(job, account):
            if not halt.until:
                continue
            if blame is Blame.SENDER_DOMAIN:
                what = f"{site} refuses the sender's domain ({halt.reason or blame.value}): {RECORDS.get(halt.reason, MEND)}"
            else:
                what = f"{site} refuses the content ({halt.reason or blame.value})"
            parts.append(f"{what}; it says: {halt.words}")
        more = f"; and {len(parts) - 2} sites more" if len(parts) > 2 else ""
        return "; ".join(parts[:2]) + more

    def forget(self, now: float) -> None:
        """Drops what was told long ago."""
        for key in [k for k, h in self._halts.items() if max(h.at, h.until) < now - FORGET_SECONDS]:
            del self._halts[key]

    def _mine(self, job: str, account: str) -> list[tuple[Key, Halt]]:
        return [(k, h) for k, h in self._halts.items() if k[0] == (account if k[2] is Blame.SENDER_DOMAIN else job)]

    def _of(self, job: str, account: str) -> list[tuple[str, Halt]]:
        return [(key[1], halt) for key, halt in self._mine(job, account)]
