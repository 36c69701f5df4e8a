"""The text template of an HTML template: what a reader sees, tags intact, and still a template with the same meaning."""

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.renderer.message.html_text import text_template


def rendered(html: str, **values: object) -> str:
    return jinja2.Environment().from_string(text_template(html)).render(**values)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello {{ name }}</p>", "Hello {{ name }}"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<a href='https://x.test/?i={{ id }}'>Read</a> on", "Read (https://x.test/?i={{ id }}) on"),
        ("<a href='https://x.test/'>https://x.test/</a>", "https://x.test/"),
        ("<a href='#top'>Top</a>", "Top"),
        ("<a href='mailto:a@b.test'>a@b.test</a>", "a@b.test"),
        ("<a href='https://x.test/'><img src='x.png' alt='Shop'></a>", "Shop (https://x.test/)"),
        ("<a href='https://x.test/'><img src='x.png'></a>", "https://x.test/"),
        ("<table><tr><td>Tea</td><td>30</td></tr><tr><td>Rice</td><td>15</td></tr></table>", "Tea 30\nRice 15"),
        ("<ul><li>a</li><li>b</li></ul>after", "- a\n- b\n\nafter"),
        ("a &amp; b &lt;c&gt; &#40199;&nbsp;&eacute;", "a & b <c> 鴇 é"),
        ("<style>p{}</style><script>if (a<b) {}</script><title>t</title>x", "x"),
        ("<div style='display: none'>preview <div>inner</div></div>x", "x"),
        ("a<!-- comment {{ x }} -->b", "ab"),
        ("<p>some <b>bold</b> and\n   <i>it</i>alic</p>", "some bold and italic"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("{{ '}}' }}{# note #}", "{{ '}}' }}"),
        ("{{ x | e }} {{ y | nl2br }} {{ z|safe }}", "{{ x }} {{ y }} {{ z}}"),
        ("{{ nl2br(linkify(x)) }} {{ my_nl2br(x) }}", "{{ ((x)) }} {{ my_nl2br(x) }}"),
        ("", ""),
    ],
)
def test_text_of_html(html: str, text: str) -> None:
    assert text_template(html) == text


def test_a_loop_over_table_rows_gives_a_line_a_turn() -> None:
    html = """<table><tr><th>Item</th><th>Price</th></tr>
      {%- for item in items -%}
      <tr><td>{{ item }}</td><td>{{ loop.index }}</td></tr>
      {% endfor %}
    </table><p>Bye</p>"""
    assert rendered(html, items=["tea", "rice"]) == "Item Price\ntea 1\nrice 2\n\nBye"
    assert rendered(html, items=[]) == "Item Price\n\nBye"


def test_conditions_keep_their_blank_space() -> None:
    html = "Dear {% if vip %}valued {% endif %}guest,{% if a %}<p>A</p>{% else %}<p>B</p>{% endif %}<p>End</p>"
    assert rendered(html, vip=True, a=True) == "Dear valued guest,\n\nA\n\nEnd"
    assert rendered(html, vip=False, a=False) == "Dear guest,\n\nB\n\nEnd"


def test_tags_in_what_is_dropped_stay_only_when_they_must() -> None:
    assert rendered("<style>{% if x %}a{% endif %}</style><td {% if x %}class='a'{% endif %}>t</td>", x=1) == "t"
    html = "<!-- {% if x %} -->secret<!-- {% endif %} -->open"
    assert rendered(html, x=False) == "open"
    assert rendered(html, x=True) == "secretopen"
    assert rendered("<script>{% set y = 3 %}</script><p>{{ y is defined }}</p>") in ("True", "False")


def test_brackets_from_entities_stay_text() -> None:
    assert rendered("&#123;&#123; 7 * 7 }} &#123;% raw %} &lcub;# c #}") == "{{ 7 * 7 }} {% raw %} {# c #}"


def test_blocks_and_includes_keep_their_distance() -> None:
    pages = {
        "body": "{% extends 'layout' %}{% block main %}<p>One</p>{% include 'part' %}{% endblock %}",
        "layout": "<h1>Bank</h1>{% block main %}{% endblock %}<p>Bye</p>",
        "part": "<p>Two</p>",
    }
    loader = jinja2.DictLoader({name: text_template(page) for name, page in pages.items()})
    assert jinja2.Environment(loader=loader).get_template("body").render() == "Bank\n\nOne\n\nTwo\n\nBye"


def test_raw_blocks_stay_raw() -> None:
    assert rendered("<p>{% raw %}{{ no }}{% endraw %}</p>") == "{{ no }}"


def test_broken_syntax_is_left_to_the_compiler() -> None:
    assert text_template("<p>{{ x </p>") == "<p>{{ x </p>"


@given(st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=200))
def test_any_page_gives_a_template_or_stays_as_it_is(page: str) -> None:
    try:
        jinja2.Environment().from_string(page)
    except jinja2.TemplateError:
        return
    jinja2.Environment().from_string(text_template(page))
