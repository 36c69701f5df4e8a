"""A job's templates compiled once: everything of a message that does not change from row to row is worked out here.

`compile_job` reads the snapshot through the vault and finds all problems of the content at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from actors.model.delivery import Dsn
from actors.model.errors import InvalidInput
from actors.model.job import Snapshot, code_column, snapshot_path
from actors.model.ports import Vault
from actors.model.rendersettings import NO_KEYS, TemplateKeys
from actors.model.spec_json import manifest_from_json, spec_from_json
from actors.renderer.attached import RowAttachment, Templated
from actors.renderer.enclosed import FILES, PICTURES
from actors.renderer.envelope import dsn_of, verp_problem
from actors.renderer.functions.enclosures import Enclosures
from actors.renderer.jobfiles import JobFiles
from actors.renderer.jobtemplates import JobTemplates, has_tags
from actors.renderer.joining import JobTables
from actors.renderer.message import headers
from actors.renderer.message.contexts import Risk, risks
from actors.renderer.message.files import BundleFiles
from actors.renderer.message.html_page import bundle_path, escape_static, has_body, insert_preheader, replace_pictures
from actors.renderer.message.html_text import text_template
from actors.renderer.message.mailbox import Mailbox, mailbox_value, parse_mailbox
from actors.renderer.message.mime import Entity
from actors.renderer.message.tags import static_texts
from actors.renderer.message.transfer import Encoder, encoder
from actors.renderer.ranking import ListRanks
from actors.renderer.sources import HTML_SUFFIXES, Sources
from actors.renderer.template import Context, Plan
from actors.renderer.template.watch import Watch

PREHEADER = "content.preheader"  # the page takes it in under this name, so that it keeps lines of its own


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text part: its plan and the layout of its static stretches."""

    subtype: str
    plan: Plan
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class CompiledJob:
    """All that a job's messages share."""

    snapshot: Snapshot
    zone: ZoneInfo
    sender: Mailbox
    return_path: str
    utf8: bool  # an address of the control file needs SMTPUTF8
    from_line: bytes
    reply_line: bytes
    subject: Plan
    headers: tuple[tuple[str, Plan], ...]
    unsubscribe: Plan | None
    texts: tuple[TextPart, ...]  # from plain to rich
    inline: tuple[Entity, ...]
    attachments: tuple[Entity | RowAttachment, ...]
    files: BundleFiles
    enclosures: Enclosures  # what the templates' functions ask for
    pictured: bool  # a template asks for pictures of a row's own
    attached: bool  # and for files
    made: Mapping[str, Templated]  # the templates of those, by path
    risks: tuple[Risk, ...] = ()  # slots of the pages that escaping does not keep in their place
    watches: tuple[tuple[str, Watch], ...] = ()  # of a job compiled for a look, by part of the mail
    bounce_key: bytes = field(
        default=b"", repr=False
    )  # rows have return paths of their own, made with it; empty: they have not
    dsn: Dsn | None = None


def load_snapshot(vault: Vault, job: str) -> Snapshot:
    """The frozen inputs; FileNotFoundError when there is no whole snapshot."""
    folder = snapshot_path(job)
    manifest = manifest_from_json(vault.read(f"{folder}/manifest.json"))
    return Snapshot(job, spec_from_json(vault.read(f"{folder}/spec.json")), manifest)


def compile_job(vault: Vault, job: str, keys: TemplateKeys = NO_KEYS, *, watched: bool = False) -> CompiledJob:
    """InvalidInput carries every problem that was found. `watched`: the plans tell what their slots and branches see."""
    snapshot = load_snapshot(vault, job)
    return _Compiler(vault, snapshot, keys, watched=watched).compile()


class _Compiler:
    """One compilation. A step that cannot give its part gives None and a problem of the templates."""

    def __init__(self, vault: Vault, snapshot: Snapshot, keys: TemplateKeys, *, watched: bool = False):
        self.risks: list[Risk] = []
        self.snapshot, self.content = snapshot, snapshot.spec.content
        self.files = BundleFiles(vault, snapshot.job)
        self.zone, problem = _zone(snapshot.spec.schedule.timezone)
        self.names = set(self.files.names())
        self.sources = Sources(self.files, sorted(self.names))
        self.pictures: dict[str, str] = {}  # bundle path -> content id
        as_of = self.content.as_of or datetime.fromtimestamp(snapshot.manifest.accepted_at, UTC).astimezone(self.zone)
        private = frozenset(snapshot.spec.list_.private)
        self.context = Context(
            types=snapshot.manifest.types,
            pools={pool: code_column(pool) for pool in snapshot.manifest.pools},
            as_of=as_of if as_of.tzinfo else as_of.replace(tzinfo=self.zone),
            locale=self.content.locale,
            timezone=self.zone.key,
            seed=self.content.seed,
            job=snapshot.job,
            private=private - frozenset(self.content.allow_private),
            ranks=ListRanks(vault, snapshot),
            snippets=self.sources.snippets(),
            tables=JobTables(vault, snapshot, self.zone),
            bundle=frozenset(self.names),
            keys=keys.of(snapshot.manifest.account),
        )
        self.bounce_key = keys.bounces if snapshot.spec.sender.verp else b""
        self.templates = JobTemplates(self.context, private, watched)
        if problem:
            self.templates.problem(problem)

    def compile(self) -> CompiledJob:
        sender = self._mailbox("sender.from", self.snapshot.spec.sender.from_)
        reply_to = self._mailbox("sender.reply_to", self.snapshot.spec.sender.reply_to)
        return_path = self._mailbox("sender.return_path", self.snapshot.spec.sender.return_path) or sender
        if self.snapshot.spec.sender.verp and return_path and (problem := verp_problem(return_path, self.bounce_key)):
            self.templates.problem(f"sender.verp: {problem}")
        subject = self.templates.header("content.subject", self.content.subject)
        unsubscribe = self._unsubscribe(self.content.unsubscribe.strip())
        fields = self._headers()
        texts = self._texts(sender)
        files = JobFiles(self.files, self.templates)
        inline = [files.picture(path, cid) for path, cid in self.pictures.items()]
        attachments = [files.attachment(n, spec) for n, spec in enumerate(self.content.attachments)]
        made = files.made(part.plan for part in texts)
        problems = self.templates.problems
        if problems or sender is None or return_path is None or subject is None:
            raise InvalidInput(tuple(dict.fromkeys(problems)))
        self.context.enclosures.keep()
        for column in sorted(self.templates.ranked):
            self.context.ranks[column]  # worked out here, before the first row needs them
        return CompiledJob(
            snapshot=self.snapshot,
            zone=self.zone,
            sender=sender,
            return_path=return_path.address,
            utf8=any(m.utf8 for m in (sender, reply_to, return_path) if m),
            from_line=f"From: {mailbox_value(sender, 6)}\r\n".encode(),
            reply_line=f"Reply-To: {mailbox_value(reply_to, 10)}\r\n".encode() if reply_to else b"",
            subject=subject,
            headers=tuple(fields),
            unsubscribe=unsubscribe,
            texts=tuple(texts),
            inline=tuple(e for e in inline if e),
            attachments=tuple(a for a in attachments if a),
            files=self.files,
            enclosures=self.context.enclosures,
            pictured=any(part.plan.calls & PICTURES for part in texts),
            risks=tuple(self.risks),
            watches=tuple(self.templates.watches),
            attached=any(part.plan.calls & FILES for part in texts),
            made=made,
            bounce_key=self.bounce_key,
            dsn=dsn_of(self.snapshot.spec.delivery.dsn),
        )

    def _mailbox(self, place: str, text: str) -> Mailbox | None:
        if not text.strip():
            if place == "sender.from":
                self.templates.problem(f"{place} is missing")
            return None
        if has_tags(text):
            self.templates.problem(f"{place} is the same for all rows and cannot be a template")
            return None
        try:
            return parse_mailbox(text)
        except ValueError as error:
            self.templates.problem(f"{place} {error}")
            return None

    def _unsubscribe(self, source: str) -> Plan | None:
        plan = self.templates.header("content.unsubscribe", source)
        fixed = plan is not None and not has_tags(source)
        if fixed and headers.value_problem(source) == "" and not headers.UNSUBSCRIBE_URL.fullmatch(source):
            self.templates.problem("content.unsubscribe is no https or mailto URL")
        return plan

    def _headers(self) -> list[tuple[str, Plan]]:
        found: dict[str, tuple[str, Plan]] = {}
        for name, source in self.content.headers.items():
            problem = headers.name_problem(name)
            if problem or name.lower() in found:
                self.templates.problem(f"content.headers: {problem or 'a header is given twice'}")
            elif plan := self.templates.header(f"content.headers.{name}", source):
                found[name.lower()] = (name, plan)
        return list(found.values())

    def _texts(self, sender: Mailbox | None) -> list[TextPart]:
        html, text = bundle_path(self.content.html), bundle_path(self.content.text)
        if not self.content.html and not self.content.text:
            self.templates.problem("content has neither html nor text")
        for place, given, name in (("html", self.content.html, html), ("text", self.content.text, text)):
            if given and name not in self.names:
                self.templates.problem(f"content.{place}: the file {given!r} is not in the bundle")
        pages, plain = self.sources.reached_from(html), self.sources.reached_from(text)
        self.templates.problems += self.sources.problems
        parts: list[TextPart | None] = []
        if plain:
            parts.append(self._part("plain", plain[text], text, plain))
        elif pages and not text:
            made = {n: text_template(s) if n == html or n.endswith(HTML_SUFFIXES) else s for n, s in pages.items()}
            parts.append(self._part("plain", made[html], f"{html} (as text)", made, unseen=True))  # the page is judged
        if pages:
            pages = self._pages(html, pages, sender.domain if sender else "")
            parts.append(self._part("html", pages[html], html, pages))
        return [part for part in parts if part]

    def _part(self, subtype: str, source: str, name: str, files: Mapping[str, str], *, unseen: bool = False) -> TextPart | None:
        plan = self.templates.plan(source, name, escape=subtype == "html", files=files, unseen=unseen)
        if plan is None:
            return None
        if any("\0" in text for text in files.values()):
            self.templates.problem("has a NUL character", name)
            return None
        return TextPart(subtype, plan, encoder(plan.statics, plan.closing, "".join(static_texts(source))))

    def _pages(self, html: str, sources: Mapping[str, str], domain: str) -> dict[str, str]:
        """The sources with pictures as parts and the preheader in the page that writes the body."""

        def content_id(path: str) -> str | None:
            if path not in self.names:
                return None
            return self.pictures.setdefault(path, f"p{len(self.pictures)}.{self.snapshot.job}@{domain}")

        pages = dict(sources)
        for name, source in sources.items():
            if name == html or name.endswith(HTML_SUFFIXES):
                self.risks += risks(source, name)
                pages[name], problems = replace_pictures(source, name, content_id)
                self.templates.problems += problems
        if self.content.preheader.strip():
            home = next((name for name, page in pages.items() if has_body(page)), html)
            pages[home] = insert_preheader(pages[home], f"{{% include '{PREHEADER}' %}}")
            pages[PREHEADER] = escape_static(self.content.preheader)
        return pages


def _zone(name: str) -> tuple[ZoneInfo, str]:
    """The zone, and what is wrong with its name."""
    try:
        return ZoneInfo(name), ""
    except (KeyError, ValueError, OSError):  # unknown, or no name at all
        return ZoneInfo("UTC"), f"schedule.timezone: there is no time zone {name!r}"
