"""Header fields for whole columns: checked, encoded (RFC 2047), folded at 78 (RFC 5322 section 2.2.3).

Every value is checked before it is folded: CR, LF, NUL, other controls, U+0085, U+2028, U+2029 and lone surrogates in a value
fail its row, so no value can start a header line. Folds are made here only, as CRLF and one blank in place of one blank or
between encoded words, so unfolding is `replace(CRLF, "")`.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from actors.renderer.message.columns import Column, Failed, fail
from actors.renderer.message.headercolumns import simple_lines

LINE = 78  # RFC 5322 section 2.1.1: should
MAX_LINE = 998  # RFC 5322 section 2.1.1: must
WORD = 75  # RFC 2047 section 2: one encoded word
MAX_VALUE = 8_000  # characters; a value above this is a mistake in the list, and receivers refuse such headers

FORBIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_RESERVED = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "received"}
    | {"return-path", "delivered-to", "domainkey-signature", "authentication-results"}
    | {"list-unsubscribe", "list-unsubscribe-post"}
)
_RESERVED_FAMILIES = ("content-", "dkim-", "arc-", "resent-")
UNSUBSCRIBE_URL = re.compile(r"(?:https?://[!-;=?-~]+|mailto:[!-;=?-~]+)", re.IGNORECASE)
_Q_LITERAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+/- "
_Q_PLAIN = re.compile(rb"[^A-Za-z0-9!*+/-]")  # what Q must escape, for use anywhere (RFC 2047 section 5 rule 3)
_ENCODED_WORD = "=?"
_FOLD_POINT = re.compile(r"(?<=[^ ]) ")
_PREFIX = {"B": "=?utf-8?B?", "Q": "=?utf-8?Q?"}
_ROOM = WORD - len("=?utf-8?B??=")


def name_problem(name: str) -> str:
    """Why a bundle may not set this header, or nothing."""
    if not _NAME.fullmatch(name):
        return "a header name has 1 to 76 printable ASCII characters without colon"
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_FAMILIES):
        return f"the header {name} is written by Hongyan itself"
    return ""


def value_problem(value: str) -> str:
    """Why a text may not be a header value, or nothing. Names the kind of character, never the value."""
    found = FORBIDDEN.search(value)
    if found:
        return f"a forbidden character (U+{ord(found[0]):04X})"
    if len(value) > MAX_VALUE:
        return f"a value longer than {MAX_VALUE} characters"
    return ""


def check_cells(name: str, values: list[str], failed: Failed) -> list[str]:
    """The cells, those that no header may hold emptied and failed."""
    if not FORBIDDEN.search("".join(values)) and max(map(len, values), default=0) <= MAX_VALUE:
        return values
    out = list(values)
    for index, value in enumerate(values):
        problem = value_problem(value)
        if problem:
            fail(failed, index, f"{problem} in the header {name}")
            out[index] = ""
    return out


def unstructured(name: str, values: list[str] | pa.StringArray, failed: Failed) -> Column:
    """Fields of free text (Subject, user headers): outer blanks go; an empty value leaves the field out."""
    room = LINE - len(name) - 2
    if isinstance(values, list):
        return _unstructured(name, values, failed)
    word_room = min(_ROOM, 76 - len(name) - 2 - len("=?utf-8?B??="))
    simple = simple_lines(name, values, room, word_room, _Q_LITERAL)
    if simple is None:
        return _unstructured(name, values.to_pylist(), failed)
    lines, done = simple
    if done.all():
        return lines.cast(pa.binary())
    rest = np.flatnonzero(~done)
    below: Failed = {}
    found = lines.to_pylist()
    for i, line in zip(rest.tolist(), _unstructured(name, values.take(pa.array(rest)).to_pylist(), below), strict=True):
        found[i] = line.decode("ascii")
    for index, failure in below.items():
        failed.setdefault(int(rest[index]), failure)
    return pa.array(found, pa.string()).cast(pa.binary())


def _unstructured(name: str, values: list[str], failed: Failed) -> list[bytes]:
    values = check_cells(name, values, failed)
    room = LINE - len(name) - 2
    joined = "".join(values)
    if joined.isascii() and _ENCODED_WORD not in joined and max(map(len, values), default=0) <= room:
        return [f"{name}: {text}\r\n".encode("ascii") if (text := value.strip(" ")) else b"" for value in values]
    return [f"{name}: {fold(value, len(name) + 2)}\r\n".encode("ascii") if value.strip(" ") else b"" for value in values]


def structured(name: str, values: Sequence[str], failed: Failed, *, utf8: bool = False) -> list[bytes]:
    """Fields of one token that cannot be folded inside (addresses, URLs, ids); an empty value leaves the field out.

    `utf8`: non-ASCII stays as UTF-8 (RFC 6532); else it fails the row."""
    out = []
    for index, value in enumerate(check_cells(name, list(values), failed)):
        if not value:
            out.append(b"")
            continue
        if not utf8 and not value.isascii():
            fail(failed, index, f"a non-ASCII character in the header {name}")
            value = ""
        data = value.encode()
        if len(data) > MAX_LINE - 1:
            fail(failed, index, f"a value too long for a line in the header {name}")
            data = b""
        start = name.encode("ascii") + (b": " if len(name) + 2 + len(data) <= LINE else b":\r\n ")
        out.append(start + data + b"\r\n")
    return out


def fold(value: str, used: int) -> str:
    """The value as it goes into a field: plain ASCII folded at blanks where that is possible, else encoded words.

    `used`: columns of the first line that are taken."""
    value = value.strip(" ")
    if value.isascii() and _ENCODED_WORD not in value:
        folded = _fold_ascii(value, used)
        if folded is not None:
            return folded
    return encoded_words(value, used)


def _fold_ascii(value: str, used: int) -> str | None:
    """None when a word is too long for its line."""
    if used + len(value) <= LINE:
        return value
    lines: list[str] = []
    current, *words = _FOLD_POINT.split(value)
    room = LINE - used
    for word in words:
        if len(current) + 1 + len(word) <= room:
            current = f"{current} {word}"
            continue
        lines.append(current)
        if len(current) > room:
            return None
        current, room = word, LINE - 1
    return None if len(current) > room else "\r\n ".join([*lines, current])


def encoded_words(value: str, used: int) -> str:
    """RFC 2047 encoded words in UTF-8, B or Q by size, cut between characters, lines of 76 at most."""
    data = value.encode()
    special = len(data.translate(None, _Q_LITERAL))
    kind = "Q" if len(data) + 2 * special <= len(data) * 4 // 3 else "B"
    room = min(_ROOM, 76 - used - len("=?utf-8?B??="))
    words: list[str] = []
    start = 0
    while start < len(data):
        end = _cut_b(data, start, room) if kind == "B" else _cut_q(data, start, room)
        words.append(_word(kind, data[start:end]))
        start, room = end, _ROOM
    return "\r\n ".join(words)


def _word(kind: str, data: bytes) -> str:
    if kind == "B":
        text = b2a_base64(data, newline=False).decode("ascii")
    else:
        text = _Q_PLAIN.sub(lambda m: b"_" if m[0] == b" " else b"=%02X" % m[0][0], data).decode("ascii")
    return f"{_PREFIX[kind]}{text}?="


def _cut_b(data: bytes, start: int, room: int) -> int:
    end = start + max(room // 4 * 3, 4)  # 4: the longest character
    if end >= len(data):
        return len(data)
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return end


def _cut_q(data: bytes, start: int, room: int) -> int:
    end = border = start
    while end < len(data):
        if data[end] & 0xC0 != 0x80:
            border = end
        byte = data[end : end + 1]
        room -= 3 if byte != b" " and _Q_PLAIN.match(byte) else 1
        if room < 0 and border > start:
            return border
        end += 1
    return end


def parameter(name: str, value: str) -> str:
    """`; name=value` on a line of its own, RFC 2231 continuations with UTF-8 where plain quoting does not do."""
    if value.isascii() and _ENCODED_WORD not in value and len(value) <= 60:
        quoted = re.sub(r'(["\\])', r"\\\1", value)
        return f';\r\n {name}="{quoted}"'
    escaped = "".join(chr(b) if _is_attribute_char(b) else f"%{b:02X}" for b in value.encode())
    if len(escaped) <= 60:
        return f";\r\n {name}*=utf-8''{escaped}"
    chunks = re.findall(r"(?:%..|[^%]){1,20}", f"utf-8''{escaped}")  # 20 escapes are 60 characters
    return "".join(f";\r\n {name}*{i}*={chunk}" for i, chunk in enumerate(chunks))


def _is_attribute_char(byte: int) -> bool:
    """RFC 2231 section 7: attribute-char."""
    return 0x20 < byte < 0x7F and chr(byte) not in "()<>@,;:\\\"/[]?=*'%"
