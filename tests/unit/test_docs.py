"""The documents against the tree: links lead somewhere, every key of config and control file is described, and only those.

Reads files only. Whether a sentence is true is a reviewer's matter; whether a key is missing is this module's.
"""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from pydantic import BaseModel

from actors.conductor import filling, leases
from actors.intake import problems
from actors.intake.control import parse_control
from actors.model import delivery, job
from actors.model.spec import JobSpec
from actors.model.states import Blame, JobState, OnDoubt, RowState, Stage
from actors.renderer.functions import limits
from actors.renderer.message import dkim, headers
from actors.reputation import state
from cluster.config import Config
from cluster.workbench import opened
from gateway.cli.main import build

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 150
NOT_IN_FILE = {"file"}  # set by the loader, not by people

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")
MACHINE_PATH = re.compile(r"(?<![\w.:/<>~-])/(?:work|home|root|Users|tmp)(?:/|\b)")
SYNONYMS = re.compile(r"\b(?:campaign|VMTA|audience|dataframe)s?\b", re.IGNORECASE)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    plain = FENCE.sub("", text(page))
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in HEADING.findall(plain)}


def broken_links(page: Path) -> Iterator[str]:
    plain = FENCE.sub("", text(page))
    for target in LINK.findall(plain) + IMAGE.findall(plain):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            yield target


def config_keys(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """`gateway.tls.cert`, `egresses[].address`, ..."""
    for name, field in section.model_fields.items():
        if not prefix and name in NOT_IN_FILE:
            continue
        yield prefix + name
        for inner, several in inner_types(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from config_keys(inner, f"{prefix}{name}{'[]' if several else ''}.")


def spec_keys(kind: Any = JobSpec, prefix: str = "") -> Iterator[str]:
    """`content.attachments[].file`, `tables.NAME.key`, ..."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        name = field.name.removesuffix("_")
        inner = next(((i, s) for i, s in inner_types(hints[field.name]) if is_dataclass(i)), None)
        yield prefix + name
        if inner is not None:
            named = getattr(hints[field.name], "__origin__", None) is dict
            yield from spec_keys(inner[0], f"{prefix}{name}{'[]' if inner[1] else '.NAME' if named else ''}.")


def inner_types(hint: Any, several: bool = False) -> Iterator[tuple[Any, bool]]:
    """All classes inside a type, each with whether it is in a tuple."""
    arguments = get_args(hint)
    if not arguments:
        yield hint, several
    for argument in arguments:
        yield from inner_types(argument, several or getattr(hint, "__origin__", None) is tuple)


def documented(page: str, section: str) -> set[str]:
    """The keys that a section describes: first cells of its tables, in code quotes."""
    _, _, rest = text(ROOT / page).partition(f"\n## {section}\n")
    return set(re.findall(r"^\| `([\w.\[\]]+)` \|", rest.partition("\n## ")[0], re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_path_of_some_machine(page: Path) -> None:
    assert MACHINE_PATH.findall(text(page)) == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "glossary.md"], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_synonym_of_a_glossary_word(page: Path) -> None:
    assert SYNONYMS.findall(CODE.sub("", text(page))) == []  # `utm_campaign` and its like are other people's names


def test_readme_is_short() -> None:
    assert len(text(ROOT / "README.md").splitlines()) < README_LINES


def test_every_config_key_is_described_and_no_other() -> None:
    keys = set(config_keys())
    assert len(keys) > 30
    assert documented("docs/operating.md", "The config file") == keys


def test_every_control_file_key_is_described_and_no_other() -> None:
    keys = set(spec_keys())
    assert len(keys) > 30
    assert documented("docs/bundle.md", "The control file") == keys


def blocks(page: str, kind: str) -> list[str]:
    """The contents of a page's fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", text(ROOT / page), re.MULTILINE | re.DOTALL)


def test_config_examples_are_valid() -> None:
    examples = blocks("docs/operating.md", "yaml")
    assert len(examples) >= 4
    for example in examples:
        Config(**yaml.safe_load(example))


@pytest.mark.parametrize("page", ["README.md", "docs/bundle.md"])
def test_control_file_examples_are_valid(page: str) -> None:
    examples = blocks(page, "yaml")
    assert examples
    for example in examples:
        assert parse_control("job.yaml", example.encode()).name


async def test_first_bundle_of_the_readme_gives_mails(tmp_path: Path) -> None:
    bundle = tmp_path / "hello"
    bundle.mkdir()
    (bundle / "job.yaml").write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    (bundle / "body.html").write_text(blocks("README.md", "html")[0], encoding="utf-8")
    (bundle / "list.csv").write_text(blocks("README.md", "csv")[0], encoding="utf-8")
    async with opened(bundle, Config()) as bench:
        assert bench.accepted.counts["pending"] == 2
        shown = await bench.preview(0)
    assert shown.state is RowState.PENDING
    assert shown.subject == "Ann, you have 1,200 points"
    assert "a coupon waits for you" in shown.html


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("docs/architecture.md", [s.label for s in RowState]),
        ("docs/architecture.md", list(JobState)),
        ("docs/bundle.md", list(OnDoubt)),
        ("docs/glossary.md", [*Stage, *(b for b in Blame if b)]),
    ],
)
def test_states_and_words_are_described(page: str, words: list[str]) -> None:
    content = text(ROOT / page)
    assert [w for w in words if not re.search(rf"\b{w}\b", content)] == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    pages = {p.name for p in folder.glob("[0-9]*.md")}
    assert pages == {t for t in LINK.findall(text(folder / "README.md")) if t[0].isdigit()}
    for page in pages:
        content = text(folder / page)
        assert content.startswith(f"# {page[:4]}: ")
        assert all(f"\n## {part}\n" in content for part in ("Context", "Decision", "Consequences"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:actors|cluster|gateway|sandbox|proto|tests|bench|clients|docs)/[\w./-]*)`", text(page))
    assert [n for n in named if not (ROOT / n).exists()] == []


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("rows open a sender", f"{delivery.MAX_OPEN_ROWS}"),
        ("lease of a sender", f"{delivery.SENDER_LEASE_SECONDS:g} s"),
        ("characters of a recorded reply", f"{delivery.MAX_REPLY_CHARS}"),
        ("rows a segment", f"{job.DEFAULT_SEGMENT_ROWS:,}"),
        ("waiting rows before the next segment is cut", f"{filling.LOW_ROWS:,}"),
        ("due rows held in memory, a job", f"{filling.MOST_QUEUED_RETRIES:,}"),
        ("a sender that does not ask for work is gone after", f"{leases.HOLDER_GONE_SECONDS:g} s"),
        ("messages a connection", f"{state.MESSAGES_PER_CONNECTION:,}"),
        ("problems told at once", f"{problems.MAX_PROBLEMS}"),
        ("characters of a template's source", f"{limits.MAX_SOURCE_CHARS:,}"),
        ("characters that slots and loops of a row may write", f"{limits.MAX_OUTPUT_CHARS:,}"),
        ("loop turns and calls a row", f"{limits.MAX_STEPS:,}"),
        ("characters of one header value", f"{headers.MAX_VALUE:,}"),
        ("signature valid for", f"{dkim.VALID_SECONDS // 86400} days"),
    ],
)
def test_limits_are_those_of_the_code(limit: str, value: str) -> None:
    assert f"| {limit} | {value} |" in text(ROOT / "docs" / "architecture.md")


def test_bounds_of_templates_are_those_of_the_code() -> None:
    sentence = text(ROOT / "docs" / "bundle.md").partition("\nBounds, which no real mail comes near: ")[2].partition("\n\n")[0]
    bounds = (limits.MAX_SOURCE_CHARS, limits.MAX_OUTPUT_CHARS, limits.MAX_STEPS, limits.MAX_RANGE, limits.MAX_TEXT_CHARS)
    assert re.findall(r"[\d,]*\d", sentence) == [f"{bound:,}" for bound in bounds]


def test_every_command_is_in_the_readme() -> None:
    table = text(ROOT / "README.md").partition("\n## The command\n")[2].partition("\n## ")[0]
    app = build()
    commands = [c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands]
    groups = [g.name or "" for g in app.registered_groups]
    assert len(commands) > 10
    assert [c for c in [*commands, *groups] if not re.search(rf"\b{c}\b", table)] == []


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    named = {t for page in PAGES for t in re.findall(r"`make ([a-z-]+)", text(page))}
    assert named <= targets
