"""CSV, TSV and TXT: the delimiter, the header, the rows (Arrow's reader), and where a row stands in the file.

Quoting is RFC 4180's: a field in double quotes may hold delimiters, line ends and doubled quotes. The fast reader only
says that a row is wrong; the line is then found by reading again with Python's csv module. Input is sound UTF-8 with
bounded lines.
"""

import csv
import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pacsv

from actors.intake.bundle import open_plain
from actors.intake.encoding import BLOCK_BYTES, MAX_LINE_BYTES, Text
from actors.intake.problems import Problems, refuse
from actors.intake.types import plain_name
from actors.model.errors import BrokenPromise, InvalidInput
from actors.model.mailbox import check_mailbox

MAX_COLUMNS = 1000  # a list with more is a mistake of the export
DELIMITERS = (",", "\t", ";", "|")
PROBE_ROWS = 20
END = "\x02end\x03"  # a last row of our own: if it does not come back as a row, a quote was left open

csv.field_size_limit(MAX_LINE_BYTES * 16)


class Delimited:
    """A text list; see `lists.Source`."""

    def __init__(self, text: Text, file: str, delimiter: str, names: list[str], body: int):
        self.names = names
        self.fixed: dict[str, str] = {}
        self.warnings: list[str] = []
        self._text, self._file, self._delimiter = text, file, delimiter
        self._body = body  # where the first data row begins

    def batches(self) -> Iterator[pa.RecordBatch]:
        problems: list[int] = []

        def odd_row(row: pacsv.InvalidRow) -> str:
            problems.append(row.actual_columns)
            return "skip"

        held: pa.RecordBatch | None = None
        try:
            for batch in self._reader(odd_row):
                if problems:
                    break
                if batch.num_rows:
                    if held is not None:
                        yield held
                    held = batch
        except pa.ArrowInvalid as error:
            raise self._explain() from error
        closed = held is not None and held.column(0)[-1].as_py() == END
        if problems or not closed or held is None:
            raise self._explain()
        if held.num_rows > 1:
            yield held.slice(0, held.num_rows - 1)

    def _reader(self, odd_row: object) -> pacsv.CSVStreamingReader:
        names = [str(i) for i in range(len(self.names))]
        return pacsv.open_csv(
            pa.PythonFile(_Body(self._text.path, self._file, self._body, self._delimiter * (len(names) - 1)), mode="r"),
            pacsv.ReadOptions(column_names=names, block_size=BLOCK_BYTES),
            pacsv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=odd_row),
            pacsv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )

    def _explain(self) -> Exception:
        """The list is broken somewhere: reads it slowly and names the lines."""
        problems = Problems()
        with _rows(self._text, self._body) as lines:
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            before = lines.first_line
            try:
                for row in reader:
                    if row and len(row) != len(self.names):
                        message = f"has {len(row)} fields, the header has {len(self.names)}"
                        problems.add(self._file, message, before)
                    if problems.full:
                        break
                    before = lines.first_line + reader.line_num
            except csv.Error:
                problems.add(self._file, "a quoted field is not closed, or goes on after its closing quote", before)
        if not len(problems):
            problems.add(self._file, f"a row has more than {BLOCK_BYTES} bytes; is a quote left open?")
        try:
            problems.stop()
        except InvalidInput as refusal:
            return refusal
        raise BrokenPromise("a broken list was explained without a problem")

    def lines(self, rows: Sequence[int]) -> list[int]:
        found: list[int] = []
        wanted = iter(rows)
        target = next(wanted, None)
        with _rows(self._text, self._body) as lines:
            reader = csv.reader(lines, delimiter=self._delimiter)
            before, at = lines.first_line, 0
            for row in reader:
                if row:
                    if at == target:
                        found.append(before)
                        target = next(wanted, None)
                        if target is None:
                            break
                    at += 1
                before = lines.first_line + reader.line_num
        return found


class _rows(io.TextIOWrapper):
    """The data rows as text lines with their own line ends; `first_line` is the line of the first."""

    def __init__(self, text: Text, body: int):
        stream = open(text.path, "rb")  # noqa: SIM115 - the wrapper closes it
        head = stream.read(body)
        self.first_line = len(head.decode().splitlines()) + 1 if body > text.start else 1
        super().__init__(stream, encoding="utf-8", newline="")


class _Body(io.RawIOBase):
    """The file from `start`, with a line end and the END row after it."""

    def __init__(self, path: str, file: str, start: int, delimiters: str):
        self._stream = open_plain(path, file)
        self._stream.seek(start)
        self._end = f"\n{END}{delimiters}\n".encode()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        if not data:
            data, self._end = self._end, b""
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_text(text: Text, file: str, delimiter: str, email: str) -> Delimited:
    """Finds delimiter and header. `email` names the column of a list that is nothing but addresses."""
    with open(text.path, "rb") as stream:
        stream.seek(text.start)
        head = stream.read(MAX_LINE_BYTES)
    sample = head.decode("utf-8", "ignore")
    if not sample.strip():
        raise refuse(file, "is empty")
    delimiter = delimiter or _find_delimiter(sample)
    skipped, header = _first_record(sample, delimiter)
    body = text.start + len(header.encode()) + len(skipped.encode())
    names = [plain_name(n) for n in next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter))]
    if any(not check_mailbox(n).reason for n in names):
        if len(names) == 1:
            return Delimited(text, file, delimiter, [email], text.start)
        raise refuse(file, "the first line must hold the column names; it holds an address", 1)
    check_header(names, file, sample[: len(skipped)].count("\n") + 1)
    return Delimited(text, file, delimiter, names, body)


def check_header(names: Sequence[str], file: str, line: int) -> None:
    """Names must be there, differ and keep off the reserved prefix."""
    problems = Problems()
    if len(names) > MAX_COLUMNS:
        raise refuse(file, f"has {len(names)} columns; the limit is {MAX_COLUMNS}", line)
    for i, name in enumerate(names):
        if not name:
            problems.add(file, f"column {i + 1} has no name", line)
        elif name in names[:i]:
            problems.add(file, "the column name is there twice", line, name)
        elif name.startswith("__"):
            problems.add(file, "column names that begin with __ are reserved", line, name)
        elif not name.isprintable() or len(name) > 200:
            problems.add(file, f"the name of column {i + 1} is too long or holds a control character", line)
    problems.stop()


def _find_delimiter(sample: str) -> str:
    """The delimiter that gives the most columns, the same number in each of the first rows."""
    whole = sample if len(sample) < MAX_LINE_BYTES // 4 else sample[: MAX_LINE_BYTES // 4]
    best, columns = ",", 1
    for delimiter in DELIMITERS:
        rows = []
        try:
            for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter):
                if row:
                    rows.append(len(row))
                if len(rows) > PROBE_ROWS:
                    break
        except csv.Error:
            continue
        common = sum(n == rows[0] for n in rows)
        if rows[0] > columns and common * 2 > len(rows):
            best, columns = delimiter, rows[0]
    return best


def _first_record(sample: str, delimiter: str) -> tuple[str, str]:
    """(blank lines before it, the first record with its line end); quotes may hold line ends."""
    body = sample.lstrip("\r\n")
    lines = io.StringIO(body, newline="")
    next(csv.reader(lines, delimiter=delimiter))
    return sample[: len(sample) - len(body)], body[: lines.tell()]
