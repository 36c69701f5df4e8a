"""Messages in an mbox file: RFC 4155's `From ` lines and line ends, "mboxrd" quoting, which a reader can undo exactly. Pure."""

import re
import time

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_NOBODY = "MAILER-DAEMON"  # what programs write for an address that a From line cannot hold


def from_line(return_path: str, stamp: int) -> bytes:
    """RFC 4155 appendix A: the envelope sender and the time in UTC."""
    sender = _NOBODY if not return_path or any(c.isspace() for c in return_path) else return_path
    return f"From {sender} {time.asctime(time.gmtime(stamp))}\n".encode()


def quoted(message: bytes) -> bytes:
    """The message with LF line ends and `>` before every line that begins with any number of `>` and `From `."""
    lines = message.replace(b"\r\n", b"\n")
    return _FROM.sub(rb">\1", lines) if b"From " in lines else lines
