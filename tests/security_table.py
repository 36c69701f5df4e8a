"""docs/security-tests.md: which test holds which promise, by the tests' names. `python -m tests.security_table` writes it.

A test carries its ids in its name: `test_s3_header_injection`, `test_s15_s18_a_zip_entry`.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "security-tests.md"
NAME = re.compile(r"^(?:async )?def (test_((?:s\d+_)+)\w*)\(", re.MULTILINE)

# What each id is about, and what its tests promise.
PROMISES = {
    "S1": "SMTP smuggling into our receivers: no mix of line ends around a dot ends a message, in DATA or behind BDAT",
    "S2": "SMTP smuggling out of us: whatever a value holds, as many messages arrive as were rendered, byte for byte",
    "S3": "Header injection by data: no value makes a header line; its row fails, the others go on",
    "S4": "Command injection by the envelope: the wire never holds a command that was not planned",
    "S5": "Address confusion: our domain is the one that other readers find, or the address is refused",
    "S6": "STARTTLS injection: nothing that was said in clear counts after the handshake, on both sides",
    "S7": "Downgrade: credentials and mail that needs TLS never leave in clear, or to a certificate that does not fit",
    "S10": "Peers without measure: lines, chunks and counts are bounded",
    "S11": "Sandbox escapes: a template reaches nothing but its functions; what it prints is escaped in HTML",
    "S12": "Template bombs: what a row may use is bounded",
    "S13": "Expression injection: no text is ever evaluated as code",
    "S14": "Ray: reachable from this machine only, nothing without the token, which only its owner reads; nothing is unpickled",
    "S15": "Zips: bombs, links, devices, names that lead out, entries that overlap",
    "S16": "Workbooks and XML: size, sparse sheets, entities, formulas",
    "S17": "CSV in and out: broken lines are named, endless ones bounded; no cell of a result is a formula",
    "S18": "Paths: nothing outside of the upload, the bundle, the vault, the allowed folders is read or written",
    "S23": "DKIM l= is never written; an appended body breaks the signature",
    "S24": "Oversigning: a second or changed field breaks the signature",
    "S25": "DKIM replay: every signature expires",
    "S26": "DKIM keys and algorithms: independent verifiers agree, weak keys are refused",
    "S32": "HTML to PDF: no page reads a file outside the bundle or connects anywhere",
    "S33": "Accounts: nobody sees, changes or guesses what is another's",
    "S34": "The gRPC surface: no key no answer; sizes, counts, deadlines, cancelled calls leave nothing half done",
    "S35": "Secrets: keys are in no log and no repr",
}
REQUIRED = frozenset(f"S{n}" for n in (*range(1, 8), 11, *range(14, 19), *range(23, 27), 33, 34))
HEAD = """# Security tests

Which test holds which promise. The ids are in the tests' names, and this page is made from them: after adding such a test call
`python -m tests.security_table`; a unit test fails while the page and the tests differ.
"""


def found(root: Path = ROOT / "tests") -> dict[str, list[str]]:
    """`file::name` of every test that carries an id, by id."""
    tests: dict[str, list[str]] = {}
    for file in sorted(root.rglob("test_*.py")):
        for name, ids in NAME.findall(file.read_text(encoding="utf-8")):
            for number in re.findall(r"s(\d+)_", ids):
                tests.setdefault(f"S{number}", []).append(f"{file.relative_to(root.parent).as_posix()}::{name}")
    return tests


def page(tests: dict[str, list[str]]) -> str:
    """The document."""
    lines = [HEAD]
    for number in sorted(tests, key=lambda s: int(s[1:])):
        lines += [f"## {number}", "", f"{PROMISES[number]}.", "", *(f"- `{test}`" for test in tests[number]), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(found()), encoding="utf-8")
