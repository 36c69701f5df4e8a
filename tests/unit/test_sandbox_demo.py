"""The demo's material: the same every time, only keys that the control file knows, a list with what real lists have."""

import csv
import random
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from PIL import Image

from actors.model.spec import JobSpec
from sandbox.demo import make_demo
from sandbox.policy import Policy, Stage
from sandbox.script import load_script

ROWS = 6000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo")
    make_demo(place, ROWS, 1)
    return place


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "list.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def files(place: Path) -> dict[str, bytes]:
    return {str(f.relative_to(place)): f.read_bytes() for f in sorted(place.rglob("*")) if f.is_file()}


def test_the_same_seed_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    make_demo(tmp_path / "again", ROWS, 1)
    assert files(folder) == files(tmp_path / "again")
    make_demo(tmp_path / "other", ROWS, 2)
    assert files(tmp_path / "other")["list.csv"] != files(folder)["list.csv"]


def unknown_keys(data: Any, kind: Any, place: str) -> list[str]:
    if not is_dataclass(kind) or not isinstance(data, dict):
        return []
    hints = get_type_hints(kind)
    known = {f.name.rstrip("_"): hints[f.name] for f in fields(kind)}
    found = [f"{place}.{key}" for key in data if key not in known]
    for key in data.keys() & known.keys():
        inner = get_args(known[key])[:1] or (known[key],)
        parts = data[key] if isinstance(data[key], list) else [data[key]]
        found += [k for part in parts for k in unknown_keys(part, inner[0], f"{place}.{key}")]
    return found


def test_the_control_file_has_known_keys_only(folder: Path) -> None:
    control = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    assert unknown_keys(control, JobSpec, "job") == []
    assert unknown_keys({"content": {"tezt": 1}, "sender": {"from": "a"}}, JobSpec, "job") == ["job.content.tezt"]


def test_every_file_that_is_named_is_there(folder: Path) -> None:
    control = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    html = (folder / control["content"]["html"]).read_text(encoding="utf-8")
    named = [control["list"]["file"], *(a["file"] for a in control["content"]["attachments"])]
    named += re.findall(r'src="([^"]+)"', html)
    assert len(named) == 4
    assert all((folder / name).is_file() for name in named)


def test_every_name_in_the_templates_is_a_column(folder: Path, rows: list[dict[str, str]]) -> None:
    import jinja2
    from jinja2 import meta

    control = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    texts = [(folder / "body.html").read_text(encoding="utf-8"), control["content"]["subject"], control["content"]["preheader"]]
    environment = jinja2.Environment()
    used = set().union(*(meta.find_undeclared_variables(environment.parse(re.sub(r"\| *\w+", "", text))) for text in texts))
    called = set().union(*(re.findall(r"(\w+)\(", text) for text in texts))
    assert used - called <= set(rows[0])
    functions = called | {name for text in texts for name in re.findall(r"\| *(\w+)", text)}
    assert len(functions) >= 20, sorted(functions)
    assert set(control["list"]["columns"]) <= set(rows[0])


def test_the_list_is_like_a_real_one(rows: list[dict[str, str]]) -> None:
    assert len(rows) == ROWS
    emails = [row["email"] for row in rows]
    good = [e for e in emails if re.fullmatch(r"[a-z0-9]+(?:[._][a-z0-9]+)?@[a-z0-9-]+(?:\.[a-z0-9-]+)+", e) and "@-" not in e]
    assert 0.005 < 1 - len(good) / ROWS < 0.02
    assert 0.005 < 1 - len(set(good)) / len(good) < 0.02
    domains = [e.partition("@")[2] for e in good]
    assert 0.32 < domains.count("gmail.test") / ROWS < 0.38
    assert len(set(domains)) > 250
    assert all(domain.endswith((".test", ".example")) for domain in domains)
    assert 0.1 < sum(row["name"].isascii() or row["lang"] == "en" for row in rows) / ROWS < 0.2
    assert sum(not row["account"] for row in rows) == 1


def test_numbers_have_their_check_digits(rows: list[dict[str, str]]) -> None:
    for row in rows[:500]:
        digits = [int(d) for d in row["card"]]
        assert len(digits) == 16
        assert sum(digits[1::2]) % 10 == -sum(sum(divmod(2 * d, 10)) for d in digits[::2]) % 10
        code = ord(row["id_no"][0]) - ord("A") + 10
        rest = [int(d) for d in row["id_no"][1:]]
        assert (
            code // 10 + code % 10 * 9 + sum(d * w for d, w in zip(rest, [8, 7, 6, 5, 4, 3, 2, 1, 1], strict=True))
        ) % 10 == 0


def test_pictures_and_terms(folder: Path) -> None:
    with Image.open(folder / "images/banner.png") as banner, Image.open(folder / "images/logo.png") as logo:
        assert (banner.size, logo.size) == ((600, 180), (96, 96))
        assert len(banner.convert("RGB").getcolors(1 << 16) or []) > 20, "an empty picture"
    assert sum(f.stat().st_size for f in (folder / "images").iterdir()) < 16_000, "every mail carries them"
    pdf = (folder / "attachments/terms.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-1.4")
    places = [int(line[:10]) for line in pdf.partition(b"xref\n")[2].splitlines() if line.endswith(b" n ")]
    assert [pdf[p : p + 7] for p in places] == [b"%d 0 obj" % n for n in range(1, len(places) + 1)]
    assert pdf[int(pdf.split()[-2]) :].startswith(b"xref")


def test_the_world_answers_with_everything(folder: Path, rows: list[dict[str, str]]) -> None:
    script = load_script(folder / "demo-world.yaml")
    policy = Policy(script, random.Random(script.seed).random)
    reception = policy.reception("127.0.0.2", "127.0.1.1")
    emails = [row["email"] for row in rows if row["email"].count("@") == 1]
    codes = [reception.answer(Stage.RCPT, 0.0, e, e.partition("@")[2]).code for e in emails]
    assert {0, 450, 451, 550} <= set(codes)
    assert codes.count(0) > 0.97 * len(codes)
    assert {Stage.RCPT, Stage.BODY, Stage.DOT} == {rule.at for rule in script.rules}
