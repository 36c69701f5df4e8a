"""What large receivers ask of bulk mail, as far as a bundle can be judged by it. Few rules, each with where it is written.

Gmail: support.google.com/a/answer/81126. Yahoo: senders.yahooinc.com/best-practices. Outlook: Microsoft's requirements for
high-volume senders (May 2025). SPF, DMARC and reverse DNS are the operator's and are looked at by `hongyan doctor`.
"""

import re
from dataclasses import dataclass

from actors.renderer.job import CompiledJob
from actors.renderer.look.gather import Look
from actors.renderer.look.markup import Link, Markup, Picture

GMAIL_CLIPS_BYTES = 102 * 1024  # of HTML; Gmail shows "[Message clipped]" below it
LONG_SUBJECT = 78  # characters; phones show 30 to 50, desktop programs about as many as this
MOST_RISKS = 20
LITTLE_TEXT = 40  # visible characters beside pictures: below it a page is a picture with a frame
GOOD, WARN, BAD = "good", "warn", "bad"
_BULK = "Gmail, Yahoo"
_ALL = "Gmail, Yahoo, Outlook"
_FREE_HOSTS = """
    aol.com gmail.com googlemail.com hotmail.com icloud.com live.com msn.com outlook.com yahoo.com yahoo.com.tw ymail.com
"""
_FREE = frozenset(_FREE_HOSTS.split())
_REPLY = re.compile(r"^\s*(re|fw|fwd|回覆|回复|轉寄|转发)\s*[:：]", re.IGNORECASE)
_TRICKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\\w.-]+@[\\w.-]+|https?:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and how the job stands to it: good, warn or bad."""

    name: str
    level: str
    text: str
    asked_by: str


def rules_of(job: CompiledJob, look: Look, markup: Markup, *, signed: bool) -> list[Rule]:
    """All rules, in the order of the report."""
    found = [*_unsubscribe(job, look), *_sender(job, signed=signed), *_subject(look), *_parts(job, look, markup)]
    return [*found, *_slots(job), *_links(look, markup)]


def _unsubscribe(job: CompiledJob, look: Look) -> list[Rule]:
    name, without, no_click = "one-click unsubscribe", look.without_unsubscribe, look.without_one_click
    if not look.mails:
        return []
    if without.count:
        text = f"{_rows(without.count)} would leave without List-Unsubscribe: set content.unsubscribe to an https URL"
        return [Rule(name, BAD, text, _ALL)]
    if no_click.count:
        text = f"{_rows(no_click.count)} have List-Unsubscribe but no one-click (RFC 8058): the URL must be https"
        return [Rule(name, WARN, text, _BULK)]
    return [Rule(name, GOOD, "every mail has List-Unsubscribe with one click (RFC 8058)", _ALL)]


def _sender(job: CompiledJob, *, signed: bool) -> list[Rule]:
    domain = job.sender.domain
    found = [
        Rule("DKIM aligned with From", GOOD, f"signed with d={domain}, the domain of From", _ALL)
        if signed
        else Rule("DKIM aligned with From", BAD, f"no identity of the config signs for {domain}: mails leave unsigned", _ALL)
    ]
    if domain.lower() in _FREE:
        found.append(Rule("own From domain", BAD, f"{domain} tells receivers to refuse mail in its name from others", _ALL))
    name = job.sender.display
    if _TRICKS.search(name):
        text = "the display name of From holds an address, a URL or invisible characters"
        found.append(Rule("plain display name", BAD, text, _BULK))
    else:
        found.append(Rule("plain display name", GOOD, "the display name of From is plain text", _BULK))
    return found


def _subject(look: Look) -> list[Rule]:
    if look.longest is None or look.shortest is None:
        return []
    found = []
    if look.shortest.chars == 0:
        found.append(Rule("subject", BAD, f"row {look.shortest.row} has an empty subject", _ALL))
    if _REPLY.match(look.longest.text) or _REPLY.match(look.shortest.text):
        found.append(Rule("honest subject", BAD, "the subject begins like a reply or a forwarded mail", _BULK))
    if look.longest.chars > LONG_SUBJECT:
        text = f"up to {look.longest.chars} characters (row {look.longest.row}); most programs show fewer than {LONG_SUBJECT}"
        found.append(Rule("subject length", WARN, text, ""))
    else:
        found.append(Rule("subject length", GOOD, f"{look.shortest.chars} to {look.longest.chars} characters", ""))
    return found


def _parts(job: CompiledJob, look: Look, markup: Markup) -> list[Rule]:
    kinds = {part.subtype for part in job.texts}
    found = [
        Rule("text part", GOOD, "a text part goes with the HTML", _BULK)
        if "plain" in kinds
        else Rule("text part", WARN, "there is no text part: leave content.text out to have it made", _BULK)
    ]
    if "html" in kinds and (clipped := look.html_sizes.above(GMAIL_CLIPS_BYTES)):
        most = look.html_sizes.most
        text = f"the HTML of {_rows(clipped)} is over 102 KB (row {most[1]}: {most[0] / 1024:.0f} KB): Gmail clips it"
        found.append(Rule("size", BAD, text, "Gmail"))
    elif "html" in kinds:
        found.append(Rule("size", GOOD, f"the largest HTML has {look.html_sizes.most[0] / 1024:.1f} of 102 KB", "Gmail"))
    if markup.dropped:
        text = f"the page has {', '.join(f'<{tag}>' for tag in sorted(markup.dropped))}, which mail programs take out"
        found.append(Rule("elements", WARN, text, _ALL))
    if markup.pictures and 0 <= markup.least_text < LITTLE_TEXT:
        text = f"a page shows pictures and only {markup.least_text} characters of text, as spam does"
        found.append(Rule("text beside pictures", WARN, text, ""))
    return found


def _slots(job: CompiledJob) -> list[Rule]:
    """Slots that escaping does not keep in their place, whatever the list holds today."""
    name = "slots where escaping holds"
    if not job.risks:
        return [Rule(name, GOOD, "every slot of the page stands in text or in quotes", "")]
    return [
        Rule(name, WARN, f"{r.file} line {r.line}: {{{{ {r.slot} }}}} stands in {r.where}", "") for r in job.risks[:MOST_RISKS]
    ]


def _links(look: Look, markup: Markup) -> list[Rule]:
    found = []
    addresses: list[Link | Picture] = [*markup.links.values(), *markup.pictures.values()]
    if scripts := [one for one in addresses if one.runs]:
        text = f"addresses that run or hold a page: {len(scripts)}, the first: {scripts[0].url[:80]} (row {scripts[0].rows[0]})"
        found.append(Rule("addresses", BAD, text, _ALL))
    if plain := [link for link in markup.links.values() if not link.secure]:
        found.append(Rule("https links", WARN, f"links that are not https: {len(plain)}, the first: {plain[0].url}", ""))
    http = sum(slot.plain_http.count for slot in look.slots.values())
    if http:
        found.append(Rule("https links", WARN, f"slots print http:// addresses {http:,} times over the list", ""))
    for link in markup.links.values():
        if link.shows:
            text = f"a link shows {link.shows} and leads to {link.url}: readers and filters take that for fraud"
            found.append(Rule("links lead where they say", BAD, text, _ALL))
        elif link.numeric_host:
            found.append(Rule("links lead where they say", WARN, f"a link names a number for its host: {link.url}", ""))
    pictures = markup.pictures.values()
    if without := [p for p in pictures if p.alt is None]:
        text = f'pictures without alt text: {len(without)}, the first: {without[0].url[:80]} (alt="" marks a decoration)'
        found.append(Rule("alt text", WARN, text, ""))
    if insecure := [p for p in pictures if not p.secure]:
        text = f"pictures neither https nor in the mail: {len(insecure)}, the first: {insecure[0].url[:80]}"
        found.append(Rule("pictures", WARN, text, ""))
    return found


def _rows(count: int) -> str:
    return f"{count:,} mail{'' if count == 1 else 's'}"
