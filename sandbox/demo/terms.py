"""The attachment: a small PDF (ISO 32000-1), one page of text, written object by object."""

LINES = (
    "Terms of the member programme",
    "",
    "1. One point is given for every NT$ 30 spent with the card; points are valid for two years.",
    "2. Points can be used as discount in all partner shops, one point for NT$ 1.",
    "3. The bank never asks for passwords or card numbers by mail or telephone.",
    "4. Late payment is charged as the contract of the card says, 15 % a year at most.",
    "5. The letter stops when you choose so: the link is at its end.",
    "",
    "Hongyan Bank is invented; any likeness to a real one is chance.",
)


def terms_pdf() -> bytes:
    """The file's bytes."""
    text = ["BT /F1 16 Tf 1 0 0 1 72 760 Tm"]
    for number, line in enumerate(LINES):
        size, step = (16, 0) if number == 0 else (11, 22)
        escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        text.append(f"/F1 {size} Tf 0 -{step} Td ({escaped}) Tj")
    stream = "\n".join([*text, "ET"]).encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Title (Terms of the member programme) /Producer (Hongyan) >>",
    ]
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    """Header, objects, cross-reference table, trailer; the first object is the catalog, the last the information."""
    out = bytearray(b"%PDF-1.4\n%\xe9\xb4\xbb\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        table,
    )
    return bytes(out)
