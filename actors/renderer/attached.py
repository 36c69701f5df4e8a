"""Attachments of which each row has its own: files of the bundle, text and PDF made from templates, PDF with a password.

What cannot be had fails its row. A file that should have a password never goes without.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from actors.renderer.enclosed import Enclosed
from actors.renderer.media import pdf
from actors.renderer.media.textfiles import csv_file, ics_file, text_file
from actors.renderer.message.columns import Failed, fail
from actors.renderer.message.files import BundleFiles, disposition, type_field
from actors.renderer.message.html_page import bundle_path
from actors.renderer.message.mime import Entity, OptionalPart, file_entity, file_lines, whole_part
from actors.renderer.template import Plan

PDF: Final = ".pdf"
MAKERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    ".csv": csv_file,
    ".ics": ics_file,
    ".txt": text_file,
    ".html": text_file,
    ".htm": text_file,
}
PAGES: Final = frozenset((".html", ".htm"))  # templates that can be made a PDF


@dataclass(frozen=True, slots=True)
class Templated:
    """A template whose text is the file; `pages`: the file is a PDF of it."""

    path: str
    plan: Plan
    pages: bool

    @property
    def name(self) -> str:
        """The file's name where none is given."""
        stem = self.path.rpartition("/")[2]
        return stem.rpartition(".")[0] + PDF if self.pages else stem


@dataclass(frozen=True, slots=True)
class RowAttachment:
    """An attachment that differs from row to row: its file in the bundle, or made; `name` None: the file's own."""

    file: Plan | None
    name: Plan | None
    made: Templated | None = None
    password: Plan | None = None


class Rows(Protocol):
    """The shard that is being rendered."""

    @property
    def failed(self) -> Failed: ...
    @property
    def enclosed(self) -> Enclosed: ...
    def __len__(self) -> int: ...
    def texts(self, plan: Plan) -> list[str]: ...
    def part_of(self, rows: Sequence[int]) -> "Rows":
        """Some rows as a shard of their own."""
        ...


def row_entity(rows: Rows, attachment: RowAttachment, files: BundleFiles) -> Entity:
    """The attachment's part for each row."""
    source = attachment.file or (attachment.made.plan if attachment.made else None)
    assert source is not None
    found = rows.texts(source)
    paths = [bundle_path(text.strip(" ")) for text in found] if attachment.file else [""] * len(rows)
    names = rows.texts(attachment.name) if attachment.name else [_own_name(attachment, path) for path in paths]
    words = rows.texts(attachment.password) if attachment.password else None
    bodies, types, dispositions = [], [], []
    for index, (text, path, name) in enumerate(zip(found, paths, names, strict=True)):
        body = line = b""
        if index not in rows.failed:
            try:
                line = disposition("attachment", name.strip(" "))
                body = _body(rows, attachment.made, text, path, None if words is None else words[index], files)
            except FileNotFoundError:
                fail(rows.failed, index, "the attachment's file is not in the bundle")
            except ValueError as error:
                fail(rows.failed, index, f"the attachment's file: {error}")
        bodies.append(body)
        dispositions.append(line)
        types.append(type_field(name.strip(" ") if attachment.made else path))
    return file_entity(types, dispositions, bodies)


def _own_name(attachment: RowAttachment, path: str) -> str:
    return attachment.made.name if attachment.made else path.rpartition("/")[2]


def _body(rows: Rows, made: Templated | None, text: str, path: str, password: str | None, files: BundleFiles) -> bytes:
    """Base64 lines."""
    if made is None and password is None:
        return files.encoded(path)
    data = files.read(path) if made is None else content(made, text, rows.enclosed, files)
    return file_lines(data if password is None else pdf.encrypted(data, password))


def content(made: Templated, text: str, enclosed: Enclosed, files: BundleFiles) -> bytes:
    """A made file."""
    if not made.pages:
        return MAKERS["." + made.path.rpartition(".")[2]](text)
    pictures = enclosed.pictures_of(text, files)

    def read(target: str) -> bytes:
        if not target.startswith("cid:"):
            return files.read(target)
        return b64decode(pictures[target.removeprefix("cid:")]) if target.removeprefix("cid:") in pictures else _missing()

    return pdf.pages(text, made.path, read)


def _missing() -> bytes:
    raise FileNotFoundError("no such picture")


def called_parts(rows: Rows, templates: Mapping[str, Templated], files: BundleFiles) -> list[OptionalPart]:
    """The files that rows ask for with `pdf_attach`: each row's first, second and so on."""
    asked = rows.enclosed.asked_files()
    texts = {path: _texts_of(rows, made, asked, path) for path, made in templates.items()}
    lines: list[list[bytes]] = []
    for index, place, (path, password, name) in _places(asked):
        while len(lines) <= place:
            lines.append([b""] * len(rows))
        if index in rows.failed:
            continue
        try:
            made = templates.get(path)
            data = content(made, texts[path][index], rows.enclosed, files) if made else files.read(path)
            shown = name or path.rpartition("/")[2].rpartition(".")[0] + PDF
            body = file_lines(pdf.encrypted(data, password))
            lines[place][index] = whole_part(type_field(PDF), disposition("attachment", shown), body)
        except FileNotFoundError:
            fail(rows.failed, index, "pdf_attach: the file is not in the bundle")
        except ValueError as error:
            fail(rows.failed, index, f"pdf_attach: the file: {error}")
    return [OptionalPart(column) for column in lines]


Asked = Mapping[int, Sequence[tuple[str, str, str]]]


def _places(asked: Asked) -> Iterator[tuple[int, int, tuple[str, str, str]]]:
    for index, recipes in asked.items():
        for place, recipe in enumerate(recipes):
            yield index, place, recipe


def _texts_of(rows: Rows, made: Templated, asked: Asked, path: str) -> dict[int, str]:
    """The template's text for the rows that ask for it, and for no others: those might fail in it."""
    wanted = [i for i, recipes in asked.items() if i not in rows.failed and any(r[0] == path for r in recipes)]
    if not wanted:
        return {}
    some = rows.part_of(wanted)
    texts = some.texts(made.plan)
    for at, failure in some.failed.items():
        rows.failed.setdefault(wanted[at], failure)
    return dict(zip(wanted, texts, strict=True))
