"""From references in rendered texts to parts of messages: finds what each row refers to, makes it, lays it out as columns.

Pictures of one kind and setting are made together for the shard. A row has as many parts as it refers to, in the order in
which its texts do; what cannot be made fails the rows that want it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.renderer.functions.coded import Words
from actors.renderer.functions.enclosures import SIGNS, Enclosures, Recipe, content_id
from actors.renderer.functions.strings import parts
from actors.renderer.media.bars import drawn
from actors.renderer.media.logo import logo, side
from actors.renderer.media.png import pictures
from actors.renderer.media.qr import symbols
from actors.renderer.message.columns import Failed, fail
from actors.renderer.message.files import BundleFiles, disposition, type_field
from actors.renderer.message.mime import OptionalPart, file_lines, whole_part
from actors.renderer.template import Columns, Piece

MAX_A_ROW: Final = 50  # pictures and files of one message; each is work for the recipient's client too
PICTURES: Final = frozenset(("qr", "barcode", "img_attach"))  # functions whose calls need a multipart/related
FILES: Final = frozenset(("pdf_attach",))  # and those whose calls need a multipart/mixed
FILE: Final = "pdf"  # the kind of recipe that is an attachment

_PNG: Final = b"Content-Type: image/png\r\n"
_INLINE: Final = disposition("inline", "code.png")


class Made(NamedTuple):
    """A part's fields and body."""

    content_type: bytes
    disposition: bytes
    body: bytes  # base64 lines


class Enclosed:
    """What the rows of a shard refer to."""

    def __init__(self, table: Enclosures, failed: Failed, job: str):
        self._table, self._failed, self._job = table, failed, job
        self._rows: dict[int, dict[str, None]] = {}  # by index in the shard, in the order of reference

    def take(self, columns: Columns, statics: Sequence[str]) -> list[Piece]:
        """Notes the references of one text and gives it back without the marks of attachments."""
        if not self._table.recipes:
            return columns.pieces
        return [self._piece(piece, statics, columns.n) for piece in columns.pieces]

    def pictures(self, n: int, files: BundleFiles) -> list[OptionalPart]:
        """The pictures of the n rows."""
        for index, keys in self._rows.items():
            if len(keys) > MAX_A_ROW:
                fail(self._failed, index, f"refers to more than {MAX_A_ROW} pictures and files")
        rows = {index: self._of(keys, files=False) for index, keys in self._rows.items() if index not in self._failed}
        made, problems = make({key: self._table.recipes[key] for keys in rows.values() for key in keys}, files)
        for index, wanted in rows.items():
            for key in wanted:
                if key in problems:
                    fail(self._failed, index, problems[key])
        return _laid_out(n, rows, made, self._job)

    def asked_files(self) -> dict[int, list[tuple[str, str, str]]]:
        """Path, password and name of the files that each row asks for."""
        rows = {index: self._of(keys, files=True) for index, keys in self._rows.items()}
        return {index: [self._table.recipes[key].values for key in keys] for index, keys in rows.items() if keys}

    def pictures_of(self, text: str, files: BundleFiles) -> dict[str, bytes]:
        """The pictures that one text refers to, in base64 lines by content id."""
        keys = self._of(self._table.keys(text), files=False) if _signed(text) else []
        made, problems = make({key: self._table.recipes[key] for key in keys}, files)
        if problems:
            raise ValueError(next(iter(problems.values())))
        return {content_id(key, self._job): part.body for key, part in made.items()}

    def _of(self, keys: Iterable[str], *, files: bool) -> list[str]:
        return [key for key in keys if (self._table.recipes[key].kind == FILE) == files]

    def _piece(self, piece: Piece, statics: Sequence[str], n: int) -> Piece:
        if piece.static >= 0:
            keys = self._table.keys(statics[piece.static]) if _signed(statics[piece.static]) else []
            if keys:
                self._note(range(n) if piece.mask is None else piece.mask.nonzero()[0].tolist(), keys)
            return piece
        if not _any_signed(piece):
            return piece
        for index, value in enumerate(piece.values):
            if _signed(value):
                self._note((index,), self._table.keys(value))
        return Piece(values=list(map(self._table.taken_out, piece.values)), mask=piece.mask, closed=piece.closed)

    def _note(self, rows: Iterable[int], keys: Sequence[str]) -> None:
        for index in rows:
            self._rows.setdefault(index, {}).update(dict.fromkeys(keys))


def _any_signed(piece: Piece) -> bool:
    if piece.coded is not None:
        return any(words.once(_words_signed) for words, _ in piece.coded.parts)
    if piece.text is None:
        return any(map(_signed, piece.values))
    return _bytes_signed(parts(piece.text)[1].tobytes())


def _words_signed(words: Words) -> bool:
    return _bytes_signed(parts(words.texts)[1].tobytes())


def _bytes_signed(data: bytes) -> bool:
    return any(sign.encode() in data for sign in SIGNS)


def _signed(text: str) -> bool:
    return SIGNS[0] in text or SIGNS[1] in text


def _laid_out(n: int, rows: Mapping[int, Sequence[str]], made: Mapping[str, Made], job: str) -> list[OptionalPart]:
    """One optional part for each place: the rows' first, second and so on."""
    parts = []
    for place in range(max((len(keys) for keys in rows.values()), default=0)):
        lines = [b""] * n
        for index, keys in rows.items():
            part = made.get(keys[place]) if place < len(keys) else None
            if part is not None:
                lines[index] = whole_part(*part, content_id(keys[place], job))
        parts.append(OptionalPart(lines))
    return parts


def make(recipes: Mapping[str, Recipe], files: BundleFiles) -> tuple[dict[str, Made], dict[str, str]]:
    """The parts by key, and why there is none."""
    made: dict[str, Made] = {}
    problems: dict[str, str] = {}
    codes: dict[tuple[object, ...], list[str]] = {}
    for key, recipe in recipes.items():
        if recipe.kind == "qr":
            codes.setdefault(recipe.values[1], []).append(key)
            continue
        if recipe.kind == "barcode":
            made[key] = Made(_PNG, _INLINE, file_lines(drawn(*recipe.values)))
            continue
        path = recipe.values[0]
        try:
            made[key] = Made(type_field(path), disposition("inline", path.rpartition("/")[2]), files.encoded(path))
        except FileNotFoundError:
            problems[key] = "img_attach: the image is not in the bundle"
        except ValueError as error:
            problems[key] = f"img_attach: the image: {error}"
    for settings, keys in codes.items():
        _codes([recipes[key].values[0] for key in keys], keys, settings, files, (made, problems))
    return made, problems


def _codes(
    texts: Sequence[str],
    keys: Sequence[str],
    settings: tuple[Any, ...],
    files: BundleFiles,
    out: tuple[dict[str, Made], dict[str, str]],
) -> None:
    """QR codes with the same settings, together."""
    level, box, quiet, dark, light, path = settings
    made, problems = out
    for version, places, modules in symbols(texts, level):
        try:
            if version > 40:
                raise ValueError(f"the text is longer than a code of level {level} holds")
            image = logo(files.read(path), side(modules.shape[1]), box, light) if path else None
            for place, data in zip(places, pictures(modules, box, quiet, dark, light, image), strict=True):
                made[keys[place]] = Made(_PNG, _INLINE, file_lines(data))
        except FileNotFoundError:
            problems |= {keys[place]: "qr: the logo is not in the bundle" for place in places}
        except ValueError as error:
            problems |= {keys[place]: f"qr: {error}" for place in places}
