"""docs/templates.md: Jinja2's documented template features one by one. `python -m tests.template_features` writes the page.

The table is the test: each template is compiled, its way is the one told here, and its bytes are Jinja2's own. Features that
are not offered are refused with file and line before anything is rendered.
"""

from pathlib import Path
from typing import Any, NamedTuple

from actors.model.rendersettings import CALL_SECONDS, ROW_SECONDS
from actors.renderer.functions import limits

PAGE = Path(__file__).parents[1] / "docs" / "templates.md"
SECONDS = f"{ROW_SECONDS:g}; {CALL_SECONDS:g}"
COLUMN, ROWS, REFUSED, STOPPED = "column", "row by row", "refused", "row fails"

ROWS_OF_TEST: list[dict[str, Any]] = [
    {
        "name": "ann <Lee>",
        "n": 3,
        "f": 2.5,
        "ok": True,
        "xs": [3, 1, 2],
        "lines": [{"item": "pen", "n": 2}, {"item": "ink", "n": 1}],
    },
    {"name": "", "n": 0, "f": -0.5, "ok": False, "xs": [], "lines": []},
    {"name": "王小明", "n": -7, "f": 1e6, "ok": True, "xs": [5], "lines": [{"item": "<b>", "n": 3}, {"item": "<b>", "n": 3}]},
]
FILES = {
    "part.html": "[{{ name }}|{{ n }}]",
    "other.html": "other",
    "macros.html": "{% macro bold(text, mark='*') %}{{ mark }}{{ text }}{{ mark }}{% endmacro %}",
    "base.html": "<h1>{% block title %}base {{ n }}{% endblock %}</h1>"
    "{% block body %}{% block inner %}in{% endblock %}{% endblock %}",
    "middle.html": "{% extends 'base.html' %}{% block title %}middle {{ super() }}{% endblock %}",
    "scoped.html": "{% for x in xs %}{% block item scoped %}{{ x }}{% endblock %}{% endfor %}",
    "required.html": "{% block must required %}{% endblock %}",
}


class Feature(NamedTuple):
    """One line of the table: what Jinja2's Template Designer Documentation calls it, a template, which way it goes."""

    name: str
    template: str
    way: str
    note: str = ""


def _part(*features: tuple[str, ...]) -> list[Feature]:
    return [Feature(*feature) for feature in features]


PARTS: dict[str, list[Feature]] = {}
PARTS["Variables"] = _part(
    ("variable", "{{ name }}", COLUMN),
    ("attribute of a variable", "{% for l in lines %}{{ l.item }}{% endfor %}", COLUMN),
    ("subscript", "{% for l in lines %}{{ l['item'] }}{% endfor %}", COLUMN),
    ("subscript by number", "{{ xs[0] if xs }}", COLUMN),
    ("slice", "{{ xs[1:] }}{{ name[:2] }}", COLUMN),
    ("undefined variable", "{{ nmae }}", REFUSED, "the nearest column is named; `is defined` and `default` may ask for it"),
    (
        "undefined attribute",
        "{% for l in lines %}{{ l.nothing|default('-') }}{% endfor %}",
        COLUMN,
        "printing one fails the row",
    ),
    ("attribute that begins with _", "{{ name.__class__ }}", REFUSED),
)
PARTS["Comments, whitespace, escaping"] = _part(
    ("comment", "a{# {{ name }} #}b", COLUMN),
    ("whitespace control, minus", "a  {%- if ok -%}  b  {%- endif %}  {{- n -}}  c", COLUMN),
    ("whitespace control, plus", "  {%+ if ok +%}\n b {% endif %}", COLUMN),
    ("newline at the end", "{{ n }}\n", COLUMN, "one is taken off, as in Jinja2"),
    ("line statements", "# for x in xs\n{{ n }}", COLUMN, "not enabled, as in Jinja2 by default: the line is text"),
    ("line comments", "{{ n }} ## no comment", COLUMN, "not enabled: text"),
    ("raw", "{% raw %}{{ name }}{% endraw %}", COLUMN),
    ("escaping of a delimiter", "{{ '{{' }}{{ '{%' }}", COLUMN),
    ("automatic escaping", "{{ name }}{{ '<' ~ name }}", COLUMN, "in HTML parts; text parts print as it is"),
    ("manual escaping", "{{ name|e }}{{ name|e|e }}", COLUMN),
    ("autoescape", "{% autoescape false %}{{ name }}{% endautoescape %}", COLUMN),
    ("autoescape by a value", "{% autoescape ok %}{{ name }}{% endautoescape %}", ROWS),
)
PARTS["Statements"] = _part(
    ("for", "{% for x in xs %}{{ x }},{% endfor %}", COLUMN),
    (
        "for: loop.index and its kin",
        "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}"
        "{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
        COLUMN,
    ),
    ("for: loop.cycle", "{% for x in xs %}{{ loop.cycle('odd', 'even') }}{% endfor %}", COLUMN),
    (
        "for: loop.previtem, loop.nextitem",
        "{% for x in xs %}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }}{% endfor %}",
        COLUMN,
    ),
    ("for: loop.changed", "{% for l in lines %}{{ loop.changed(l.item) }}{% endfor %}", ROWS),
    ("for: unpacking", "{% for a, b in [(1, n), (2, name)] %}{{ a }}{{ b }}{% endfor %}", COLUMN),
    (
        "for: over a dict",
        "{% for k, v in {'a': n}.items() %}{{ k }}{{ v }}{% endfor %}",
        ROWS,
        "a dict that the template writes down has no column form",
    ),
    ("for: filtering", "{% for x in xs if x > 1 %}{{ x }}{{ loop.length }}{% endfor %}", COLUMN),
    ("for: else", "{% for x in xs %}{{ x }}{% else %}none{% endfor %}", COLUMN),
    ("for: recursive", "{% for x in [[1, [2]]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}", ROWS),
    ("for in for", "{% for l in lines %}{% for x in xs %}{{ l.item }}{{ x }}{% endfor %}{% endfor %}", COLUMN),
    ("if, elif, else", "{% if n > 0 %}a{% elif n < 0 %}b{% else %}c{% endif %}", COLUMN),
    ("macro", "{% macro m(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ m(name) }}{{ m(n, b=1) }}", COLUMN),
    ("macro: varargs and kwargs", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, a=n) }}", ROWS),
    (
        "macro: name, arguments, catch_kwargs, catch_varargs, caller",
        "{% macro m(a) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}",
        ROWS,
    ),
    (
        "macro: calls itself",
        "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(n) }}",
        ROWS,
        "bounded by the steps of a row",
    ),
    ("call", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}{{ name }}{% endcall %}", ROWS),
    ("call with arguments", "{% macro m() %}{{ caller(n) }}{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}", ROWS),
    ("filter", "{% filter upper %}a{{ name }}{% endfilter %}", COLUMN),
    ("set", "{% set v = n * 2 %}{{ v }}", COLUMN),
    ("set of several names", "{% set a, b = n, name %}{{ a }}{{ b }}", ROWS),
    (
        "set in a loop",
        "{% set v = 0 %}{% for x in xs %}{% set v = x %}{{ v }}{% endfor %}{{ v }}",
        COLUMN,
        "ends with the loop",
    ),
    ("block set", "{% set v %}<b>{{ name }}</b>{% endset %}{{ v }}{{ v }}", COLUMN),
    ("block set with a filter", "{% set v | upper %}a{{ name }}{% endset %}{{ v }}", COLUMN),
    (
        "namespace and set of its attribute",
        "{% set ns = namespace(t=0) %}{% for x in xs %}{% set ns.t = ns.t + x %}{% endfor %}{{ ns.t }}",
        ROWS,
        "`sum` is a column step where it serves",
    ),
    ("with", "{% with a = n, b = 2 %}{{ a }}{{ b }}{% endwith %}", COLUMN),
    ("extends and block", "{% extends 'base.html' %}{% block title %}{{ name }}{% endblock %}", COLUMN),
    ("super", "{% extends 'base.html' %}{% block title %}a {{ super() }}{% endblock %}", COLUMN),
    (
        "extends over two levels, super twice",
        "{% extends 'middle.html' %}{% block title %}top {{ super() }}{% endblock %}",
        COLUMN,
    ),
    ("super.super", "{% extends 'middle.html' %}{% block title %}{{ super.super() }}{% endblock %}", ROWS),
    ("self.block()", "{% block a %}{{ n }}{% endblock %}{{ self.a() }}", ROWS),
    ("nested block", "{% extends 'base.html' %}{% block inner %}{{ name }}{% endblock %}", COLUMN),
    ("named block end", "{% block a %}{{ n }}{% endblock a %}", COLUMN),
    ("scoped block", "{% extends 'scoped.html' %}{% block item %}({{ x }}){% endblock %}", COLUMN),
    ("required block", "{% extends 'required.html' %}{% block must %}{{ n }}{% endblock %}", ROWS),
    ("required block that is not filled", "{% extends 'required.html' %}", STOPPED),
    ("extends by a value", "{% extends 'base.html' if ok else 'other.html' %}{% block title %}{{ n }}{% endblock %}", ROWS),
    ("include", "{% include 'part.html' %}", COLUMN),
    ("include of a file that is not there", "{% include 'none.html' %}", REFUSED),
    ("include ignore missing", "a{% include 'none.html' ignore missing %}b", ROWS),
    ("include of a list of names", "{% include ['none.html', 'part.html'] %}", ROWS),
    ("include by a value", "{% include 'part.html' if ok else 'other.html' %}", ROWS, "only files of the bundle"),
    ("include with context", "{% for x in xs %}{% include 'part.html' with context %}{% endfor %}", COLUMN),
    ("include without context", "{% include 'other.html' without context %}", ROWS),
    ("import", "{% import 'macros.html' as m %}{{ m.bold(name) }}", COLUMN),
    ("from import", "{% from 'macros.html' import bold as b %}{{ b(name, mark='-') }}", COLUMN),
    ("import with context", "{% import 'macros.html' as m with context %}{{ m.bold(name) }}", ROWS),
    ("from import with context", "{% from 'macros.html' import bold with context %}{{ bold(name) }}", ROWS),
)
PARTS["Extensions"] = _part(
    ("do", "{% do xs.append(1) %}", REFUSED),
    ("loop controls: break, continue", "{% for x in xs %}{% break %}{% endfor %}", REFUSED, "filter the loop with `if`"),
    ("trans (i18n)", "{% trans %}Hello{% endtrans %}", REFUSED),
    ("debug", "{% debug %}", REFUSED),
)
PARTS["Expressions"] = _part(
    ("literals: text", "{{ 'a' }}{{ \"b\\n\" }}", COLUMN),
    ("literals: numbers", "{{ 42 }}{{ 1_000 }}{{ 0x1f }}{{ 42.1e2 }}", COLUMN),
    ("literals: list, tuple", "{{ [1, n] }}{{ (1, n) }}{{ (1,) }}", COLUMN),
    ("literals: dict", "{{ {'a': n} }}", ROWS),
    ("literals: true, false, none", "{{ true }}{{ False }}{{ none }}", COLUMN, "none prints as nothing, unlike Jinja2's None"),
    ("literals: number above 64 bits", "{{ 99999999999999999999 }}", REFUSED),
    ("math: + - * /", "{{ n + 1 }}{{ n - f }}{{ n * 2 }}{{ n / 2 }}", COLUMN),
    ("math: // % **", "{{ n // 2 }}{{ n % 2 }}{{ n ** 2 }}", COLUMN),
    ("math: signs", "{{ -n }}{{ +f }}", COLUMN),
    ("math: text times a number", "{{ name * 2 }}", COLUMN),
    ("math: division by zero", "{{ 1 // (n - n) }}", STOPPED),
    ("math: result above 64 bits", "{{ (n - n + 9) ** 99 }}", STOPPED, "a whole number stays within 64 bits"),
    ("comparisons", "{{ n == 3 }}{{ n != 3 }}{{ n > f }}{{ n >= 0 }}{{ n < 0 }}{{ n <= f }}", COLUMN),
    ("comparisons in a chain", "{{ -1 < n < 5 }}", COLUMN),
    ("logic: and, or, not, ( )", "{{ (ok and n) or not name }}", COLUMN),
    ("in, not in", "{{ n in [3, 4] }}{{ 'a' in name }}{{ n not in xs }}", COLUMN),
    ("is, is not", "{{ n is odd }}{{ n is not odd }}", COLUMN),
    ("filter |", "{{ name|upper|length }}", COLUMN),
    ("concatenation ~", "{{ name ~ n ~ '!' }}", COLUMN),
    ("call ( )", "{{ range(3)|list }}", COLUMN),
    ("if expression", "{{ 'a' if ok else 'b' }}", COLUMN),
    ("if expression without else", "{{ 'a' if ok }}", COLUMN),
    ("text on either side of a % sign", "{{ '%s-%03d' % (name, n) }}", COLUMN),
)
PARTS["Python methods"] = _part(
    ("text: upper, lower, title, strip", "{{ name.upper() }}{{ name.lower() }}{{ name.title() }}{{ name.strip() }}", COLUMN),
    ("text: split, join, replace", "{{ name.split(' ') }}{{ ','.join(['a', 'b']) }}{{ name.replace('e', 'E') }}", COLUMN),
    (
        "text: startswith, endswith, find, count",
        "{{ name.startswith('a') }}{{ name.endswith('>') }}{{ name.find('n') }}{{ name.count('e') }}",
        COLUMN,
    ),
    ("text: format", "{{ '{} {:>5}'.format(n, f) }}", ROWS, "`format` and `%` are column steps"),
    ("text: encode", "{{ name.encode() }}", STOPPED, "bytes are no text"),
    ("list: index, count", "{{ xs.count(1) }}{{ xs.index(xs[0]) if xs }}", COLUMN),
    ("list: append and all that change it", "{{ xs.append(1) }}", STOPPED, "values never change"),
    (
        "dict: items, keys, values, get",
        "{% set d = {'a': n} %}{{ d.items()|list }}{{ d.keys()|list }}{{ d.values()|list }}{{ d.get('a') }}",
        ROWS,
    ),
    ("dict: update and all that change it", "{{ {'a': n}.update({'b': 1}) }}", STOPPED),
)
PARTS["Filters"] = _part(
    ("abs", "{{ n|abs }}", COLUMN),
    ("attr", "{{ name|attr('upper') }}", REFUSED, "a way around the sandbox; write `x.name` or `x['name']`"),
    ("batch", "{% for row in xs|batch(2, '-') %}{{ row|join }};{% endfor %}", COLUMN),
    ("capitalize", "{{ name|capitalize }}", COLUMN),
    ("center", "{{ name|center(12) }}", COLUMN),
    ("count", "{{ xs|count }}", COLUMN),
    ("d", "{{ name|d('x', true) }}", COLUMN),
    ("default", "{{ name|default('x', true) }}{{ nobody|default('y') }}", COLUMN),
    ("dictsort", "{{ {'b': n, 'a': 1}|dictsort }}", ROWS, "of a dict that the template writes down"),
    ("e", "{{ name|e }}", COLUMN),
    ("escape", "{{ name|escape }}", COLUMN),
    ("filesizeformat", "{{ 12345|filesizeformat }}{{ f|filesizeformat(true) }}", COLUMN),
    ("first", "{{ xs|first|default('-') }}", COLUMN),
    ("float", "{{ n|float }}{{ name|float(1.5) }}", COLUMN),
    ("forceescape", "{{ name|e|forceescape }}", COLUMN),
    ("format", "{{ '%s=%d'|format(name, n) }}", COLUMN),
    ("groupby", "{% for g in lines|groupby('item') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}", COLUMN),
    ("indent", "{{ 'a\\nb'|indent(n|abs) }}", COLUMN),
    ("int", "{{ f|int }}{{ name|int(-1) }}", COLUMN),
    ("items", "{% for k, v in {'a': n}|items %}{{ k }}{{ v }}{% endfor %}", ROWS, "of a dict that the template writes down"),
    ("join", "{{ xs|join(', ') }}{{ lines|join('/', attribute='item') }}", COLUMN),
    ("last", "{{ xs|last|default('-') }}", COLUMN),
    ("length", "{{ xs|length }}{{ name|length }}", COLUMN),
    ("list", "{{ name|list }}", COLUMN),
    ("lower", "{{ name|lower }}", COLUMN),
    ("map", "{{ lines|map(attribute='item')|join }}{{ xs|map('string')|join }}", ROWS),
    ("max", "{{ xs|max|default('-') }}{{ lines|max(attribute='n')|default('-') }}", COLUMN),
    ("min", "{{ xs|min|default('-') }}", COLUMN),
    ("pprint", "{{ xs|pprint }}", REFUSED, "for developers"),
    ("random", "{{ xs|random }}", REFUSED, "a row gives the same text on every run; see the functions for choices by key"),
    ("reject", "{{ xs|reject('odd')|list }}", ROWS),
    ("rejectattr", "{{ lines|rejectattr('n', 'odd')|list|length }}", ROWS),
    ("replace", "{{ name|replace('e', 'E') }}", COLUMN),
    ("reverse", "{{ name|reverse }}{{ xs|reverse|list }}", ROWS, "a column step as what a loop runs over"),
    ("round", "{{ f|round }}{{ f|round(1, 'floor') }}", COLUMN),
    ("safe", "{{ name|safe }}", COLUMN),
    ("select", "{{ xs|select('odd')|list }}", ROWS),
    ("selectattr", "{{ lines|selectattr('n', 'gt', 1)|map(attribute='item')|list }}", ROWS),
    ("slice", "{% for c in xs|slice(2) %}{{ c }};{% endfor %}", COLUMN),
    ("sort", "{{ xs|sort }}{{ xs|sort(reverse=true) }}{{ lines|sort(attribute='n')|join(',', attribute='item') }}", COLUMN),
    ("string", "{{ n|string ~ 'x' }}", COLUMN),
    ("striptags", "{{ name|striptags }}", COLUMN),
    ("sum", "{{ xs|sum }}{{ lines|sum(attribute='n', start=1) }}", COLUMN),
    ("title", "{{ name|title }}", COLUMN),
    ("tojson", "{{ name|tojson }}{{ xs|tojson }}{{ lines|tojson }}", COLUMN),
    ("trim", "{{ (' ' ~ name ~ ' ')|trim }}{{ name|trim('a') }}", COLUMN),
    ("truncate", "{{ name|truncate(5, true, '…', 0) }}", COLUMN),
    (
        "unique",
        "{{ xs|unique|list }}{{ lines|unique(attribute='item')|list|length }}",
        ROWS,
        "a column step as what a loop runs over",
    ),
    ("upper", "{{ name|upper }}", COLUMN),
    ("urlencode", "{{ name|urlencode }}", COLUMN),
    ("urlize", "{{ ('see https://example.com ' ~ name)|urlize(20, true) }}", COLUMN),
    ("wordcount", "{{ name|wordcount }}", COLUMN),
    ("wordwrap", "{{ (name ~ ' and more words')|wordwrap(8) }}", COLUMN),
    ("xmlattr", "<a{{ {'title': name, 'id': n, 'x': none}|xmlattr }}>", ROWS, "of a dict that the template writes down"),
)
PARTS["Tests"] = _part(
    ("boolean", "{{ ok is boolean }}{{ n is boolean }}", COLUMN),
    ("callable", "{{ name is callable }}", REFUSED, "no value of a template is"),
    ("defined", "{{ nobody is defined }}{{ name is defined }}", COLUMN),
    ("divisibleby", "{{ n is divisibleby 3 }}", COLUMN),
    ("eq, equalto", "{{ n is eq 3 }}{{ n is equalto 3 }}", COLUMN),
    (
        "==, !=, <, <=, >, >=",
        "{% for op in ['==', '!=', '<', '<=', '>', '>='] %}{{ xs|select(op, 2)|list }}{% endfor %}",
        ROWS,
        "names for `select` and its kin; elsewhere write the operator",
    ),
    ("escaped", "{{ name is escaped }}{{ name|e is escaped }}", COLUMN),
    ("even", "{{ n is even }}", COLUMN),
    ("false", "{{ ok is false }}", COLUMN),
    ("filter", "{{ 'upper' is filter }}{{ 'nothing' is filter }}", COLUMN),
    ("float", "{{ f is float }}{{ n is float }}", COLUMN),
    ("ge", "{{ n is ge 0 }}", COLUMN),
    ("gt, greaterthan", "{{ n is gt 0 }}{{ n is greaterthan 0 }}", COLUMN),
    ("in", "{{ n is in [3, 4] }}", COLUMN),
    ("integer", "{{ n is integer }}{{ f is integer }}", COLUMN),
    ("iterable", "{{ xs is iterable }}{{ n is iterable }}", COLUMN),
    ("le", "{{ n is le 0 }}", COLUMN),
    ("lower", "{{ name is lower }}", COLUMN),
    ("lt, lessthan", "{{ n is lt 0 }}{{ n is lessthan 0 }}", COLUMN),
    ("mapping", "{{ xs is mapping }}{% for l in lines %}{{ l is mapping }}{% endfor %}", COLUMN),
    ("ne", "{{ n is ne 3 }}", COLUMN),
    ("none", "{{ name is none }}", COLUMN),
    ("number", "{{ f is number }}{{ name is number }}", COLUMN),
    ("odd", "{{ n is odd }}", COLUMN),
    ("sameas", "{{ ok is sameas true }}", COLUMN),
    ("sequence", "{{ xs is sequence }}{{ n is sequence }}", COLUMN),
    ("string", "{{ name is string }}", COLUMN),
    ("test", "{{ 'odd' is test }}{{ 'nothing' is test }}", COLUMN),
    ("true", "{{ ok is true }}", COLUMN),
    ("undefined", "{{ nobody is undefined }}", COLUMN),
    ("upper", "{{ name is upper }}", COLUMN),
)
PARTS["Global functions"] = _part(
    ("range", "{% for i in range(1, 7, 2) %}{{ i }}{% endfor %}", COLUMN),
    ("dict", "{{ dict(a=n)['a'] }}", ROWS),
    (
        "cycler",
        "{% set c = cycler('a', 'b') %}{% for x in xs %}{{ c.next() }}{% endfor %}",
        ROWS,
        "`loop.cycle` is a column step",
    ),
    ("joiner", "{% set j = joiner(', ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}", ROWS, "`join` is a column step"),
    ("namespace", "{% set ns = namespace(a=n) %}{{ ns.a }}", ROWS),
    ("lipsum", "{{ lipsum() }}", REFUSED, "not the same text on every run"),
)

HEAD = f"""# Templates

<!-- Made by `python -m tests.template_features` from the table of the tests: change the table, not this page. -->

Templates have Jinja2's syntax and give Jinja2's bytes. They are compiled to steps over columns, not run once a row.

- **A column step** works out a slot, condition or loop for a whole shard of rows at once: in Arrow, in NumPy, or once a
  distinct value. A loop is a column step too: its body runs once over the items of all rows. Literal text is encoded once a
  job.
- **Row by row** goes what has no column form: what changes its own state from turn to turn (`namespace`, `cycler`,
  `loop.changed`), calls itself, or chooses a file by a row's value. Mostly that is the one slot or statement; what reaches
  over the whole template (a macro that takes `caller`, `self.block()`, an import with context) makes all of it row by row. It
  runs in Jinja2's own sandbox, bounded, with the same functions. The bytes are the same; columns are faster.
- **Refused** is found before anything is rendered, by `hongyan check` and at submission, with file and line. Where the
  table says **row fails**, every row
  is a `render_error`.

`hongyan explain BUNDLE` shows the way of each slot, why one goes row by row, and how fast each is on the bundle's own list.

Differences from Jinja2 by rule: null prints as nothing (Jinja2: `None`); an undefined name is refused and an undefined
attribute ends its row; whole numbers stay within 64 bits; a float that meets a decimal is taken as the decimal that it
prints. A row that cannot be worked out is `render_error` with file, line and reason, and the others go on.

## Limits

No real mail comes near; each stops a template that would hurt other jobs.

| limit | value |
|---|---|
| characters of a file; words and signs in its tags | {limits.MAX_SOURCE_CHARS:,}; {limits.MAX_TOKENS:,} |
| elements of a template; their nesting | {limits.MAX_NODES:,}; {limits.MAX_DEPTH} |
| depth of files taken in; places that take one in | {limits.MAX_INCLUDE_DEPTH}; {limits.MAX_INCLUDES} |
| loop turns and calls of a row | {limits.MAX_STEPS:,}; lists cost one for each {limits.ITEMS_A_STEP} items |
| items of a list, of `range()` | {limits.MAX_ITEMS:,}; {limits.MAX_RANGE:,} |
| characters of a value | {limits.MAX_TEXT_CHARS:,} |
| characters that slots and loops of a row write | {limits.MAX_OUTPUT_CHARS:,} |
| seconds of processor time of a row; of all rows rendered together | {SECONDS} (config `rendering`) |
| width in a format; size for `center`, `batch` and the like | {limits.MAX_FORMAT_WIDTH:,}; {limits.MAX_SIZE_ARGUMENT:,} |
"""
FOOT = """
## Feature by feature

In the order of Jinja2's Template Designer Documentation. `name` is a text, `n` a whole number, `f` a float, `ok` a bool, `xs`
and `lines` are list columns. Each line is run by the tests against Jinja2 itself.
"""


def page() -> str:
    """The document."""
    parts = [HEAD, FOOT]
    for title, features in PARTS.items():
        parts.append(f"\n### {title}\n\n| feature | example | way | note |\n|---|---|---|---|\n")
        parts.extend(f"| {_text(f.name)} | {_code(f.template)} | {f.way} | {_text(f.note, '`')} |\n" for f in features)
    return "".join(parts)


def _code(text: str) -> str:
    shown = text.replace("\n", "↵").replace("|", "\\|")
    return f"`{shown}`"


def _text(text: str, kept: str = "") -> str:
    for mark in "\\|*_<[":
        if mark not in kept and not kept:
            text = text.replace(mark, "\\" + mark)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
