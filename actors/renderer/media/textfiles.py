"""Text files as their formats want them: CSV (RFC 4180) and iCalendar (RFC 5545), fields and whole files.

A field's text never ends its field, its line or its quotes, whatever the list says.
"""

import re
from typing import Final

from actors.renderer.message.lineends import canonical_newlines

FOLD: Final = 75  # octets of a content line (RFC 5545 section 3.1)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what spreadsheets take for a formula
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_QUOTED: Final = re.compile(r'[",;\t\r\n]')
_TEXT: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_CONTROL: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")


def csv_text(text: str) -> str:
    """A whole field. A text that a spreadsheet would work out (all but plain numbers) gets an apostrophe before it."""
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) or text != text.strip(" ") else text


def ics_escaped(text: str) -> str:
    """A value of type TEXT (section 3.3.11)."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).translate(_TEXT)


def csv_file(text: str) -> bytes:
    """With the mark that tells spreadsheets that it is UTF-8."""
    lines = canonical_newlines(text.removeprefix("\ufeff"))
    return b"\xef\xbb\xbf" + lines.encode() + (b"" if lines.endswith("\r\n") else b"\r\n")


def ics_file(text: str) -> bytes:
    """Lines folded between characters."""
    lines = [line for line in canonical_newlines(text).split("\r\n") if line]
    return "".join(_folded(line) + "\r\n" for line in lines).encode()


def text_file(text: str) -> bytes:
    """Line ends as mail has them."""
    return canonical_newlines(text).encode()


def _folded(line: str) -> str:
    if len(line.encode()) <= FOLD:
        return line
    parts, room, start, used = [], FOLD, 0, 0
    for at, character in enumerate(line):
        size = len(character.encode())
        if used + size > room:
            parts.append(line[start:at])
            start, used, room = at, 0, FOLD - 1  # the blank that begins a folded line counts
        used += size
    return "\r\n ".join([*parts, line[start:]])
