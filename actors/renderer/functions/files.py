"""Files of one message: PDF with a password, and the fields of text files: slots of attached templates become those by
themselves, and templates can call them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text as text_of
from actors.renderer.functions.pictures import missing_file
from actors.renderer.functions.registry import SETTINGS, scalar
from actors.renderer.media import pdf
from actors.renderer.media.textfiles import csv_text, ics_escaped

FAMILY = "Files"
_UNSAFE: Final = re.compile(r'[\0-\x1f\x7f"]')


@scalar(FAMILY, "csv_field('=1+1, \"x\"')", '"\'=1+1, ""x"""')
def csv_field(x: Any) -> str:
    """A whole field of a CSV file (RFC 4180), quoted where it must be, never a formula for a spreadsheet. Slots of attached
    .csv templates go through it by themselves."""
    return csv_text(str(x))


@scalar(FAMILY, "ics_text('a, b; c')", "a\\, b\\; c")
def ics_text(x: Any) -> str:
    """A text of an iCalendar file (RFC 5545). Slots of attached .ics templates go through it by themselves."""
    return ics_escaped(str(x))


@scalar(FAMILY, "ics_value('https://a.test/?a=1,2')", "https://a.test/?a=1,2")
def ics_value(x: Any) -> str:
    """A value of an iCalendar file that is no text: a URL, a date, a parameter. Slots of such properties go through it."""
    text = str(x)
    if _UNSAFE.search(text):
        raise Refused("ics_value", "x", "has a control character or a quote")
    return text


@scalar(
    FAMILY,
    "pdf_attach('statements/1.pdf', 'A123456789')",
    "\ufdd029c127a303c24ea8dee0\ufdd1",
    kind="R",
    nulls="a null password fails the row",
    needed=("template_or_file",),
)
def pdf_attach(job: Context, template_or_file: str, password: str, name: str | None = None) -> str:
    """Attaches a PDF to the message of this row, opened by the password (AES-256), and prints nothing: a .pdf of the bundle, or
    the pages of an .html template of the bundle. name: what the reader sees."""
    path = text_of(template_or_file, "pdf_attach", "template_or_file").strip(" ")
    word = "" if password is None else text_of(password, "pdf_attach", "password")
    if not word:
        raise Refused("pdf_attach", "password", "is empty")
    shown = "" if name is None else text_of(name, "pdf_attach", "name").strip(" ")
    return job.enclosures.attachment(job.job, "pdf", path, word, shown)


def _pdf_problem(job: Context, given: Mapping[str, Any]) -> str:
    path = given.get("template_or_file")
    if isinstance(path, str) and not path.lower().endswith((".pdf", ".html", ".htm")):
        return "pdf_attach: takes a .pdf file or an .html template"
    problem = pdf.missing(draws=isinstance(path, str) and not path.lower().endswith(".pdf"))
    return f"pdf_attach {problem}" if problem else missing_file(job, "pdf_attach", path)


SETTINGS["pdf_attach"] = _pdf_problem
