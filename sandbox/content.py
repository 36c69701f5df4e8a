"""The octets of one message as they come, after DATA or in BDAT chunks: where it ends, whether it is clean, what it says.

A message ends at CRLF.CRLF and nowhere else (no smuggling); a bare CR, a bare LF or a NUL in it is refused when it has ended.
Only whole-buffer searches: nothing is done a line.
"""

END = b"\r\n.\r\n"

TOO_LARGE = b"552 5.3.4 the message is too large"
NOT_CLEAN = b"550 5.6.0 bare CR, bare LF or NUL in the message"
NOT_ENDED = b"550 5.6.0 the last line is not ended"


class Content:
    """`fault` is the reply that the message will end with whatever follows; its octets are then read over, not kept."""

    def __init__(self, limit: int):
        self.fault = b""
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._tail = b"\r\n"  # the end of what came; at first that of the DATA line, because "." may be the first line

    def after_data(self, octets: bytes) -> bytes | None:
        """Takes octets after DATA; gives those behind the end of the message, None while the end has not come."""
        across = (self._tail + octets[:4]).find(END)
        if across >= 0:
            end = across - len(self._tail) + len(END)
        else:
            found = octets.find(END)
            end = found + len(END) if found >= 0 else 0
        piece = octets[:end] if end else octets
        self._keep(piece, 3)
        if end:
            return octets[end:]
        self._tail = (self._tail + piece[-4:])[-4:]
        return None

    def in_chunk(self, octets: bytes, missing: int) -> None:
        """Takes octets of a BDAT chunk with `missing` more to come: a chunk that will be too large is not kept at all."""
        self._keep(octets, -missing)

    def _keep(self, piece: bytes, spare: int) -> None:
        self._size += len(piece)
        if self._size > self._limit + spare:
            self.fault = self.fault or TOO_LARGE
        if self.fault:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def end_data(self) -> bytes:
        """The message after DATA, still stuffed, without the final dot."""
        return self._checked(self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))[:-3]

    def end_chunks(self) -> bytes:
        """The message of all chunks."""
        data = self._checked(b"".join(self._pieces))
        if data and not data.endswith(b"\r\n"):
            self.fault = self.fault or NOT_ENDED
        return data

    def _checked(self, data: bytes) -> bytes:
        if not self.fault and (not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r") or b"\0" in data):
            self.fault = NOT_CLEAN
        return data


def unstuff(data: bytes) -> bytes:
    """Takes the stuffed dots out (RFC 5321 section 4.5.2)."""
    if data.startswith(b"."):
        data = data[1:]
    return data.replace(b"\r\n.", b"\r\n")
