"""Line ends of texts. Knows nothing of columns, so that whoever makes a file may use it."""

import re

_LINE_END = re.compile(r"\r\n|\r|\n")


def canonical_newlines(text: str) -> str:
    """Every line end as CRLF (RFC 2045 section 6.8)."""
    return _LINE_END.sub("\r\n", text)
