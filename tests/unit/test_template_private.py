"""Private columns: what prints one unmasked is told with its line, what masks, tests or measures it is not."""

import datetime as dt
import email
import email.policy
import io
import json
from pathlib import Path

import pikepdf
import pytest

from actors.model.errors import InvalidInput
from actors.renderer.template import Context, compile_template
from cluster.config import Config
from cluster.workbench import opened
from tests.unit.test_look import make

CONTEXT = Context(
    types={"id_no": "text", "name": "text", "n": "int", "phone": "text"},
    as_of=dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
    keys={"k": b"key"},
    private=frozenset(("id_no", "phone")),
)

HIDES = """{{ id_no|mask_id_tw }}
{{ mask_keep(id_no, 1, 1) }}
{{ mask_keep(t=id_no, l=1, r=1) }}
{{ id_no|mask_id_tw|upper }}
{{ 'yes' if id_no else 'no' }}
{% if id_no == '1' %}x{% elif id_no is none %}y{% endif %}
{{ id_no|length }}
{{ id_no is defined }}
{{ id_no in ['a', 'b'] }}
{{ id_no.startswith('A') }}
{{ is_null(id_no) }}
{{ iif(id_no, 'a', name) }}
{{ switch(id_no, 'a', 'x', 'y') }}
{{ ifs(id_no, 'x', name) }}
{{ band(id_no, [1], ['a', 'b']) }}
{{ ab_split(id_no, [1, 1], ['a', 'b']) }}
{% set masked = id_no|mask_id_tw %}{{ masked }}
{% set whole %}{{ id_no }}{% endset %}{{ whole|mask_id_tw }}
{% filter mask_id_tw %}{{ id_no }}{% endfilter %}
{% filter mask_id_tw|upper %}{{ id_no }}{% endfilter %}
{% macro m(x) %}{{ x|mask_id_tw }}{% endmacro %}{{ m(id_no) }}
{% set kept = id_no %}{{ name }}
{% for x in [id_no] %}{{ loop.index0 > 0 }}{{ x|mask_id_tw }}{% endfor %}
{{ not id_no }}
{% with x = id_no %}{{ x|mask_id_tw }}{% endwith %}
{{ id_no|mask_keep(1, 1)|default(name) }}""".splitlines()
PRINTS = """{{ id_no }}
{{ name ~ id_no }}
{{ id_no|upper }}
{{ id_no if n else 'x' }}
{{ id_no or 'none' }}
{{ id_no|default('x') }}
{{ if_blank(id_no, '-') }}
{{ coalesce(name, id_no) }}
{{ iif(n, id_no, 'x') }}
{{ switch(n, 1, id_no, 'x') }}
{{ ifs(n, id_no, 'x') }}
{{ mask_keep(name, 1, 1, id_no) }}
{{ id_no[0] }}
{{ {'a': id_no}['a'] }}
{{ id_no.replace('a', 'b') }}
{{ 'x'.join([id_no]) }}
{{ [id_no]|join }}
{{ '%s'|format(id_no) }}
{{ [name]|map('default', id_no)|join }}
{% set x = id_no %}{% set y = x %}{{ y }}
{{ late }}{% set late = 1 %}{% set late = later %}{% set later = id_no %}
{% set a, b = [id_no, 1] %}{{ a }}
{% set whole %}{{ id_no }}{% endset %}{{ whole }}
{% filter upper %}{{ id_no }}{% endfilter %}
{% macro m(x) %}{{ x }}{% endmacro %}{{ m(id_no) }}
{% macro m() %}{{ varargs[0] }}{% endmacro %}{{ m(id_no) }}
{% macro m() %}{{ caller(id_no) }}{% endmacro %}{% call(z) m() %}{{ z }}{% endcall %}
{% macro m(x=id_no) %}{{ x }}{% endmacro %}{{ m() }}
{% set f = m %}{% macro m(x) %}{{ x }}{% endmacro %}{{ f(id_no) }}
{% for x in [id_no] %}{{ x }}{% endfor %}
{% for x in [name] recursive %}{{ x }}{{ loop([id_no]) if n }}{% endfor %}
{% with x = id_no %}{{ x }}{% endwith %}
{% set ns = namespace(x=1) %}{% set ns.x = id_no %}{{ ns.x }}
{{ namespace(x=id_no).x }}
{% if n %}{% else %}{{ id_no }}{% endif %}
{% if n %}{% elif n %}{{ id_no }}{% endif %}
{% for x in [] %}{% else %}{{ id_no }}{% endfor %}
{% autoescape false %}{{ id_no }}{% endautoescape %}
{% block b %}{{ id_no }}{% endblock %}
{% include 'prints' %}
{% include name ~ '.html' %}
{% import 'macros' as lib %}{{ lib.show(id_no) }}
{% from 'macros' import show as s %}{{ s(id_no) }}
{{ skip_recipient(n, id_no) }}
{{ require(n, id_no) }}
{{ id_no|mask_id_tw ~ id_no }}""".splitlines()
FILES = {"prints": "\n{{ id_no }}", "macros": "{% macro show(x) %}{{ x }}{% endmacro %}"}


@pytest.mark.parametrize("source", HIDES)
def test_masks_tests_and_lengths_reveal_nothing(source: str) -> None:
    compile_template(source, name="t", context=CONTEXT, escape=True, files=FILES)


@pytest.mark.parametrize("source", PRINTS)
def test_whatever_prints_the_value_is_told(source: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_template(source, name="t", context=CONTEXT, escape=True, files=FILES)
    assert all("'id_no' unmasked" in p.message and p.line for p in refused.value.problems), refused.value.problems


def test_the_problem_names_file_line_column_and_remedy() -> None:
    source = "a\n{{ phone }} {{ id_no }}\n{% include 'prints' %}"
    with pytest.raises(InvalidInput) as refused:
        compile_template(source, name="t", context=CONTEXT, escape=True, files=FILES)
    told = [(p.file, p.line, p.message.split(" unmasked")[0]) for p in refused.value.problems]
    assert told == [
        ("prints", 2, "prints the private column 'id_no'"),
        ("t", 2, "prints the private column 'id_no' and 'phone'"),
    ]
    assert "content.allow_private" in refused.value.problems[0].message


CONTROL = """name: private
sender: {from: "Bank <service@bank.test>"}
list: {columns: {id_no: {type: text, private: true}, email: {private: yes}}}
content: {subject: "%s", html: body.html}
"""
LIST = "email,id_no,name\na@b.test,A123456789,Ann\n"


async def test_a_job_is_refused_unless_the_bundle_allows_the_column(tmp_path: Path) -> None:
    files = {"job.yaml": CONTROL % "{{ id_no|mask_id_tw }}", "body.html": "<p>\n{{ id_no }}</p>", "list.csv": LIST}
    with pytest.raises(InvalidInput) as refused:
        async with opened(make(tmp_path / "a", files), Config()):
            pass
    assert [(p.file, p.line) for p in refused.value.problems] == [("body.html", 2)]
    files["job.yaml"] += "  # a comment\n"
    files["job.yaml"] = files["job.yaml"].replace("html: body.html", "html: body.html, allow_private: [id_no]")
    async with opened(make(tmp_path / "b", files), Config()) as bench:
        shown = await bench.preview(0)
    assert shown.values == {"email": "●" * 6, "id_no": "●" * 6, "name": "Ann"}
    assert "A123456789" in shown.html
    assert "A123456789" not in repr(shown)
    assert "A12345****" in shown.subject


async def test_a_private_column_may_be_the_password_of_a_file_and_shows_nowhere(tmp_path: Path) -> None:
    """In the job, in the look at all rows and in what explain tells; a name in its place is refused."""
    attachments = '  attachments: [{template: s.html, name: "s.pdf", password: "{{ id_no }}"}]\n'
    control = "\n".join(CONTROL.splitlines()[:3]) + "\ncontent:\n  subject: hello\n  html: body.html\n" + attachments
    files = {
        "job.yaml": control,
        "body.html": "<p>{{ name }}</p>",
        "s.html": "<p>statement of {{ name }}</p>",
        "list.csv": LIST,
    }
    async with opened(make(tmp_path / "a", files), Config()) as bench:
        shown, report = await bench.preview(0), await bench.look()
    message = email.message_from_bytes(shown.message, policy=email.policy.default)
    (attached,) = message.iter_attachments()
    with pikepdf.open(io.BytesIO(attached.get_content()), password="A123456789") as pdf:
        assert len(pdf.pages) == 1
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(attached.get_content()))
    assert (report["mails"], report["errors"]) == (1, [])
    assert "A123456789" not in json.dumps(report) + repr(shown)
    files["job.yaml"] = control.replace('name: "s.pdf"', 'name: "{{ id_no }}.pdf"')
    with pytest.raises(InvalidInput, match="prints the private column 'id_no'"):
        async with opened(make(tmp_path / "b", files), Config()):
            pass


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("list: {private: [nome]}", "list.private: the list has no column 'nome'; did you mean 'name'?"),
        ("list: {columns: {name: {typ: text}}}", "list.columns.name.typ: unknown key; did you mean 'type'?"),
        ("list: {columns: {name: {private: perhaps}}}", "list.columns.name.private: must be true or false"),
        ("list: {columns: {name: {type: txt, private: true}}}", "list.columns.name: unknown type 'txt'; did you mean 'text'?"),
        ("content: {allow_private: [name]}", "content.allow_private: 'name' is no private column"),
    ],
)
async def test_mistakes_in_the_declaration_are_told(tmp_path: Path, lines: str, told: str) -> None:
    control = 'name: n\nsender: {from: "b@b.test"}\ncontent: {subject: s, html: body.html}\n' + lines + "\n"
    if lines.startswith("content"):
        control = control.replace("html: body.html}\n", "html: body.html, allow_private: [name]}\n").replace(lines, "")
    files = {"job.yaml": control, "body.html": "<p>x</p>", "list.csv": LIST}
    with pytest.raises(InvalidInput) as refused:
        async with opened(make(tmp_path / "a", files), Config()):
            pass
    assert told in [p.message for p in refused.value.problems]
