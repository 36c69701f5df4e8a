"""Bytes from a receiver to SMTP replies (RFC 5321 section 4.2), bounded in every direction.

Pure: no IO. What is no reply breaks the reader for good: the replies before it stand, nothing after it is read, and whoever
holds the connection ends it. Reply texts come out clean: printable, one line, short.
"""

import re
from typing import NamedTuple

from actors.model.delivery import MAX_REPLY_CHARS, Reply

MAX_LINE = 4096  # RFC 5321 allows 512; real ones stay under 1 KB. This only stops a line that never ends.
MAX_LINES = 64  # continuation lines of one reply; an EHLO reply of today has about 15
MAX_REPLY = 16_384  # octets of one reply

# One line each, nothing left over: what a pipelined group is answered with.
PLAIN = re.compile(rb"(?:[2-5]\d\d [^\n]*\n)+")
ADDRESS = re.compile(r"\S+@\S+")
ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)\s*")


class RawReply(NamedTuple):
    """A complete reply whose text nobody has asked for yet: most replies are only counted."""

    code: int
    lines: tuple[bytes, ...]  # with their codes in front


class ReplyReader:
    """Takes what arrives, gives complete replies. `broken` tells why nothing more can be read."""

    __slots__ = ("_code", "_lines", "_rest", "_size", "broken")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0
        self.broken = ""

    @property
    def partial(self) -> bool:
        """Whether a reply has begun and not ended."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[RawReply]:
        """All replies that are complete now."""
        replies: list[RawReply] = []
        if self.broken:
            return replies
        if not self.partial and len(data) <= MAX_LINE and PLAIN.fullmatch(data):
            return [RawReply(int(line[:3]), (line,)) for line in data.split(b"\n")[:-1]]
        lines = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            code, mark = line[:3], line[3:4]
            if not code.isdigit() or len(line) > MAX_LINE or not b"2" <= code[:1] <= b"5" or len(code) != 3:
                return self._break(replies, "malformed reply")
            if not self._lines and mark == b" ":
                replies.append(RawReply(int(code), (line,)))
            elif not self._take(code, mark, line, replies):
                return self._break(replies, "malformed reply")
        if len(self._rest) > MAX_LINE:
            return self._break(replies, "reply line too long")
        return replies

    def _take(self, code: bytes, mark: bytes, line: bytes, replies: list[RawReply]) -> bool:
        """A line of a reply with several lines, or one that is only a code."""
        if self._lines and code != self._code:
            return False
        self._code = code
        self._lines.append(line)
        self._size += len(line)
        if len(self._lines) > MAX_LINES or self._size > MAX_REPLY:
            return False
        if mark in (b" ", b"\r", b""):
            replies.append(RawReply(int(code), tuple(self._lines)))
            self._lines, self._size = [], 0
            return True
        return mark == b"-"

    def _break(self, replies: list[RawReply], why: str) -> list[RawReply]:
        self.broken = why
        self._rest, self._lines = b"", []
        return replies


def clean(text: str) -> str:
    """Printable characters only, runs of others become one blank; at most MAX_REPLY_CHARS."""
    if not text.isprintable():
        text = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * MAX_REPLY_CHARS]).split())
    return text[:MAX_REPLY_CHARS]


def shown(reply: Reply, most: int) -> str:
    """For people, in at most so many characters: code, enhanced code and text, without addresses."""
    words = " ".join(filter(None, (str(reply.code), reply.enhanced, reply.text)))
    return ADDRESS.sub("<address>", words)[:most]


def make_reply(code: int, text: str) -> Reply:
    """A Reply from its code and text lines (without codes, by `\\n`); the enhanced code is cut off every line."""
    if "\n" not in text:
        found = ENHANCED.match(text)
        if found is None or int(found[1]) != code // 100:
            return Reply(code, clean(text.strip()))
        return Reply(code, clean(text[found.end() :].strip()), found[0].rstrip())
    enhanced = ""
    parts: list[str] = []
    for line in text.split("\n"):
        found = ENHANCED.match(line)
        if found and int(found[1]) == code // 100 and enhanced in ("", found[0].rstrip()):
            enhanced = found[0].rstrip()
            line = line[found.end() :]
        parts.append(line.strip())
    return Reply(code, clean(" ".join(p for p in parts if p)), enhanced)


def to_reply(raw: RawReply) -> Reply:
    """The Reply that a raw one tells."""
    return make_reply(raw.code, b"\n".join([line[4:].rstrip(b"\r") for line in raw.lines]).decode("utf-8", "replace"))
