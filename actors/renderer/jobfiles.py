"""The files of a job's mails: pictures of the page, attachments that are the same for all rows, and those of a row's own."""

from collections.abc import Callable, Iterable

from actors.model.spec import AttachmentSpec
from actors.renderer.attached import MAKERS, PAGES, PDF, RowAttachment, Templated
from actors.renderer.enclosed import FILES
from actors.renderer.jobtemplates import JobTemplates, has_tags
from actors.renderer.media import pdf
from actors.renderer.message.files import BundleFiles, disposition, type_field
from actors.renderer.message.html_page import bundle_path
from actors.renderer.message.mime import Entity, file_entity
from actors.renderer.sources import Sources
from actors.renderer.template import Plan
from actors.renderer.template.fields import FORMATS


class JobFiles:
    """Makes them of the bundle's files; what cannot be made gives None, and a problem of the templates."""

    def __init__(self, files: BundleFiles, templates: JobTemplates):
        self._files, self._templates = files, templates
        self._names = set(files.names())

    def picture(self, path: str, cid: str) -> Entity | None:
        """A picture of the page under a content id."""
        name = path.rpartition("/")[2]
        return self._file(path, lambda: disposition("inline", name), path, cid)

    def attachment(self, number: int, spec: AttachmentSpec) -> Entity | RowAttachment | None:
        """The attachment of this number in the control file."""
        place = f"content.attachments[{number}]"
        if spec.template or spec.password or has_tags(spec.file + spec.name):
            return self._row_attachment(place, spec)
        shown = spec.name or spec.file.rpartition("/")[2]
        return self._file(spec.file, lambda: disposition("attachment", shown), place, "")

    def _row_attachment(self, place: str, spec: AttachmentSpec) -> RowAttachment | None:
        name = self._templates.header(f"{place}.name", spec.name) if spec.name else None
        made = self._templated(f"{place}.template", spec.template, spec.name) if spec.template else None
        file = None if spec.template else self._templates.header(f"{place}.file", spec.file, unseen=bool(spec.name))
        password = self._templates.header(f"{place}.password", spec.password, unseen=True) if spec.password else None
        if spec.password:
            if not (made.pages if made else spec.file.strip().lower().endswith(PDF)):
                self._templates.problem(f"{place}.password: only a PDF can have one")
            if problem := pdf.missing(draws=False):
                self._templates.problem(f"{place}.password {problem}")
        return RowAttachment(file, name, made, password) if file or made else None

    def _templated(self, place: str, path: str, name: str, *, pages: bool = False) -> Templated | None:
        """The template of a file; PDF pages where the name says so."""
        path = bundle_path(path)
        suffix = path[path.rfind(".") :].lower() if "." in path else ""
        if path not in self._names:
            self._templates.problem(f"{place}: the file {path!r} is not in the bundle")
            return None
        if suffix not in MAKERS:
            self._templates.problem(f"{place}: a template's name ends in {', '.join(MAKERS)}")
            return None
        pages = suffix in PAGES and (pages or name.strip().lower().endswith(PDF))
        if pages and (problem := pdf.missing(draws=True)):
            self._templates.problem(f"{place} {problem}")
            return None
        sources = Sources(self._files, sorted(self._names))
        files = sources.reached_from(path)
        self._templates.problems += sources.problems
        fields = suffix if suffix in FORMATS else ""
        plan = self._templates.plan(files[path], path, escape=suffix in PAGES, files=files, fields=fields) if files else None
        if plan and plan.calls & FILES:
            self._templates.problem("an attached template cannot attach files itself", path)
            return None
        return Templated(path, plan, pages) if plan else None

    def made(self, plans: Iterable[Plan]) -> dict[str, Templated]:
        """The templates that `pdf_attach` names in these plans."""
        found = {}
        for path in sorted({path for plan in plans for path in plan.attached if not path.lower().endswith(PDF)}):
            if made := self._templated("pdf_attach", path, "", pages=True):
                found[path] = made
        return found

    def _file(self, path: str, field: Callable[[], bytes], place: str, cid: str) -> Entity | None:
        try:
            return file_entity(type_field(path), field(), self._files.encoded(path), cid)
        except FileNotFoundError:
            self._templates.problem(f"{place}: the file {path!r} is not in the bundle")
        except ValueError as error:
            self._templates.problem(f"{place}: {error}")
        return None
