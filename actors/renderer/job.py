"""A job's templates compiled once: everything of a message that does not change from row to row is worked out here.

`compile_job` reads the snapshot through the vault and finds all problems of the content at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from actors.model.delivery import Dsn
from actors.model.errors import InvalidInput, Problem
from actors.model.job import Snapshot, code_column, snapshot_path
from actors.model.ports import Vault
from actors.model.spec import AttachmentSpec
from actors.model.spec_json import manifest_from_json, spec_from_json
from actors.renderer.attached import MAKERS, PAGES, PDF, RowAttachment, Templated
from actors.renderer.enclosed import FILES, PICTURES
from actors.renderer.envelope import dsn_of, verp_problem
from actors.renderer.functions.enclosures import Enclosures
from actors.renderer.functions.keys import NO_KEYS, TemplateKeys
from actors.renderer.joining import JobTables
from actors.renderer.media import pdf
from actors.renderer.message import headers
from actors.renderer.message.contexts import Risk, risks
from actors.renderer.message.files import BundleFiles, disposition, type_field
from actors.renderer.message.html_page import bundle_path, escape_static, has_body, insert_preheader, replace_pictures
from actors.renderer.message.html_text import text_template
from actors.renderer.message.mailbox import Mailbox, mailbox_value, parse_mailbox
from actors.renderer.message.mime import Entity, file_entity
from actors.renderer.message.tags import static_texts
from actors.renderer.message.transfer import Encoder, encoder
from actors.renderer.ranking import ListRanks
from actors.renderer.sources import HTML_SUFFIXES, Sources
from actors.renderer.template import Context, Plan, compile_template
from actors.renderer.template.fields import FORMATS
from actors.renderer.template.watch import Watch

CONTROL = "job.yaml"  # how problems name the control file
PREHEADER = "content.preheader"  # the page takes it in under this name, so that it keeps lines of its own
_TAGS = ("{{", "{%", "{#")


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
    """One compilation; `problems` grows, and a step that cannot give its part gives None."""

    def __init__(self, vault: Vault, snapshot: Snapshot, keys: TemplateKeys, *, watched: bool = False):
        self.watched = watched
        self.watches: list[tuple[str, Watch]] = []
        self.risks: list[Risk] = []
        self.snapshot, self.content = snapshot, snapshot.spec.content
        self.files = BundleFiles(vault, snapshot.job)
        self.problems: list[Problem] = []
        self.zone = self._zone(snapshot.spec.schedule.timezone)
        self.names = set(self.files.names())
        self.sources = Sources(self.files, sorted(self.names))
        self.pictures: dict[str, str] = {}  # bundle path -> content id
        as_of = self.content.as_of or datetime.fromtimestamp(snapshot.manifest.accepted_at, UTC).astimezone(self.zone)
        self.context = Context(
            types=snapshot.manifest.types,
            pools={pool: code_column(pool) for pool in snapshot.manifest.pools},
            as_of=as_of if as_of.tzinfo else as_of.replace(tzinfo=self.zone),
            locale=self.content.locale,
            timezone=self.zone.key,
            seed=self.content.seed,
            job=snapshot.job,
            private=frozenset(snapshot.spec.list_.private) - frozenset(self.content.allow_private),
            ranks=ListRanks(vault, snapshot),
            snippets=self.sources.snippets(),
            tables=JobTables(vault, snapshot, self.zone),
            bundle=frozenset(self.names),
            keys=keys.of(snapshot.manifest.account),
        )
        self.ranked: set[str] = set()  # columns whose ranks a template asks for
        self.bounce_key = keys.bounces if snapshot.spec.sender.verp else b""

    def compile(self) -> CompiledJob:
        sender = self._mailbox("sender.from", self.snapshot.spec.sender.from_)
        reply_to = self._mailbox("sender.reply_to", self.snapshot.spec.sender.reply_to)
        return_path = self._mailbox("sender.return_path", self.snapshot.spec.sender.return_path) or sender
        if self.snapshot.spec.sender.verp and return_path and (problem := verp_problem(return_path, self.bounce_key)):
            self._problem(f"sender.verp: {problem}")
        subject = self._header_plan("content.subject", self.content.subject)
        unsubscribe = self._unsubscribe(self.content.unsubscribe.strip())
        fields = self._headers()
        texts = self._texts(sender)
        inline = [self._picture(path, cid) for path, cid in self.pictures.items()]
        attachments = [self._attachment(n, spec) for n, spec in enumerate(self.content.attachments)]
        made = self._made(texts)
        if self.problems or sender is None or return_path is None or subject is None:
            raise InvalidInput(tuple(dict.fromkeys(self.problems)))
        self.context.enclosures.keep()
        for column in sorted(self.ranked):
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
            watches=tuple(self.watches),
            attached=any(part.plan.calls & FILES for part in texts),
            made=made,
            bounce_key=self.bounce_key,
            dsn=dsn_of(self.snapshot.spec.delivery.dsn),
        )

    def _zone(self, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown, or no name at all
            self._problem(f"schedule.timezone: there is no time zone {name!r}")
            return ZoneInfo("UTC")

    def _mailbox(self, place: str, text: str) -> Mailbox | None:
        if not text.strip():
            if place == "sender.from":
                self._problem(f"{place} is missing")
            return None
        if any(tag in text for tag in _TAGS):
            self._problem(f"{place} is the same for all rows and cannot be a template")
            return None
        try:
            return parse_mailbox(text)
        except ValueError as error:
            self._problem(f"{place} {error}")
            return None

    def _problem(self, message: str, file: str = CONTROL) -> None:
        self.problems.append(Problem(file, message))

    def _plan(
        self,
        source: str,
        name: str,
        *,
        escape: bool = False,
        files: Mapping[str, str] | None = None,
        unseen: bool = False,
        fields: str | None = None,
    ) -> Plan | None:
        """`unseen`: no reader sees its text, or another plan is judged in its place, so private columns may stand in it.
        `fields`: the text is an attachment, of the format with fields of this suffix, if any."""
        context = replace(self.context, private=frozenset()) if unseen else self.context
        watch = Watch(frozenset(self.snapshot.spec.list_.private)) if self.watched and not unseen and fields is None else None
        try:
            plan = compile_template(
                source,
                name=name,
                context=context,
                escape=escape,
                files=files or {},
                watch=watch,
                fields=fields or "",
                typed=True,
            )
        except InvalidInput as error:
            self.problems += error.problems
            return None
        self.ranked |= plan.ranked
        if watch is not None:
            part = name.removeprefix("content.") if name.startswith("content.") else "html" if escape else "text"
            self.watches.append((part, watch))
        return plan

    def _header_plan(self, place: str, source: str, *, unseen: bool = False) -> Plan | None:
        """A template whose text becomes a header value: its static text must be one already."""
        if not source.strip():
            if place == "content.subject":
                self._problem(f"{place} is missing")
            return None
        plan = self._plan(source.strip(), place, unseen=unseen)
        if plan and plan.calls & FILES:
            self._problem(f"{place}: pdf_attach belongs into the page or the text")
        for static in static_texts(source.strip()):
            problem = headers.value_problem(static)
            if problem:
                self._problem(f"{place} has {problem}")
                break
        return plan

    def _unsubscribe(self, source: str) -> Plan | None:
        plan = self._header_plan("content.unsubscribe", source)
        fixed = plan is not None and not any(tag in source for tag in _TAGS)
        if fixed and headers.value_problem(source) == "" and not headers.UNSUBSCRIBE_URL.fullmatch(source):
            self._problem("content.unsubscribe is no https or mailto URL")
        return plan

    def _headers(self) -> list[tuple[str, Plan]]:
        found: dict[str, tuple[str, Plan]] = {}
        for name, source in self.content.headers.items():
            problem = headers.name_problem(name)
            if problem or name.lower() in found:
                self._problem(f"content.headers: {problem or 'a header is given twice'}")
            elif plan := self._header_plan(f"content.headers.{name}", source):
                found[name.lower()] = (name, plan)
        return list(found.values())

    def _texts(self, sender: Mailbox | None) -> list[TextPart]:
        html, text = bundle_path(self.content.html), bundle_path(self.content.text)
        if not self.content.html and not self.content.text:
            self._problem("content has neither html nor text")
        for place, given, name in (("html", self.content.html, html), ("text", self.content.text, text)):
            if given and name not in self.names:
                self._problem(f"content.{place}: the file {given!r} is not in the bundle")
        pages, plain = self.sources.reached_from(html), self.sources.reached_from(text)
        self.problems += self.sources.problems
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
        plan = self._plan(source, name, escape=subtype == "html", files=files, unseen=unseen)
        if plan is None:
            return None
        if any("\0" in text for text in files.values()):
            self._problem("has a NUL character", name)
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
                self.problems += problems
        if self.content.preheader.strip():
            home = next((name for name, page in pages.items() if has_body(page)), html)
            pages[home] = insert_preheader(pages[home], f"{{% include '{PREHEADER}' %}}")
            pages[PREHEADER] = escape_static(self.content.preheader)
        return pages

    def _picture(self, path: str, cid: str) -> Entity | None:
        name = path.rpartition("/")[2]
        return self._file(path, lambda: disposition("inline", name), path, cid)

    def _attachment(self, number: int, spec: AttachmentSpec) -> Entity | RowAttachment | None:
        place = f"content.attachments[{number}]"
        if spec.template or spec.password or any(tag in spec.file + spec.name for tag in _TAGS):
            return self._row_attachment(place, spec)
        shown = spec.name or spec.file.rpartition("/")[2]
        return self._file(spec.file, lambda: disposition("attachment", shown), place, "")

    def _row_attachment(self, place: str, spec: AttachmentSpec) -> RowAttachment | None:
        name = self._header_plan(f"{place}.name", spec.name) if spec.name else None
        made = self._templated(f"{place}.template", spec.template, spec.name) if spec.template else None
        file = None if spec.template else self._header_plan(f"{place}.file", spec.file, unseen=bool(spec.name))
        password = self._header_plan(f"{place}.password", spec.password, unseen=True) if spec.password else None
        if spec.password:
            if not (made.pages if made else spec.file.strip().lower().endswith(PDF)):
                self._problem(f"{place}.password: only a PDF can have one")
            if problem := pdf.missing(draws=False):
                self._problem(f"{place}.password {problem}")
        return RowAttachment(file, name, made, password) if file or made else None

    def _templated(self, place: str, path: str, name: str, *, pages: bool = False) -> Templated | None:
        """The template of a file; PDF pages where the name says so."""
        path = bundle_path(path)
        suffix = path[path.rfind(".") :].lower() if "." in path else ""
        if path not in self.names:
            self._problem(f"{place}: the file {path!r} is not in the bundle")
            return None
        if suffix not in MAKERS:
            self._problem(f"{place}: a template's name ends in {', '.join(MAKERS)}")
            return None
        pages = suffix in PAGES and (pages or name.strip().lower().endswith(PDF))
        if pages and (problem := pdf.missing(draws=True)):
            self._problem(f"{place} {problem}")
            return None
        sources = Sources(self.files, sorted(self.names))
        files = sources.reached_from(path)
        self.problems += sources.problems
        fields = suffix if suffix in FORMATS else ""
        plan = self._plan(files[path], path, escape=suffix in PAGES, files=files, fields=fields) if files else None
        if plan and plan.calls & FILES:
            self._problem("an attached template cannot attach files itself", path)
            return None
        return Templated(path, plan, pages) if plan else None

    def _made(self, texts: Sequence[TextPart]) -> dict[str, Templated]:
        """The templates that `pdf_attach` names."""
        found = {}
        for path in sorted({path for part in texts for path in part.plan.attached if not path.lower().endswith(PDF)}):
            if made := self._templated("pdf_attach", path, "", pages=True):
                found[path] = made
        return found

    def _file(self, path: str, field: Callable[[], bytes], place: str, cid: str) -> Entity | None:
        try:
            return file_entity(type_field(path), field(), self.files.encoded(path), cid)
        except FileNotFoundError:
            self._problem(f"{place}: the file {path!r} is not in the bundle")
        except ValueError as error:
            self._problem(f"{place}: {error}")
        return None
