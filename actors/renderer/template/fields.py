"""Slots of text files with fields: each is wrapped in the function that makes it a field of the format.

The wrapping is in the syntax tree, so columns and the sandbox do the same. What would wrap a text twice, or take in a file that
nobody has wrapped, is refused.
"""

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

from actors.model.errors import Problem
from actors.renderer.template.syntax import Source
from actors.renderer.template.walking import find_all

FORMATS: Final = frozenset((".csv", ".ics"))
_CAPTURES: Final = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock, nodes.Import, nodes.FromImport)
_SEPARATORS: Final = ",;\t\r\n"
# Properties of RFC 5545 whose values are no TEXT.
_WORDS: Final = (
    "ATTACH ATTENDEE COMPLETED CREATED DTEND DTSTAMP DTSTART DUE DURATION EXDATE FREEBUSY GEO LAST-MODIFIED"
    " ORGANIZER PERCENT-COMPLETE PRIORITY RDATE RECURRENCE-ID REPEAT RRULE SEQUENCE TRIGGER TZOFFSETFROM TZOFFSETTO TZURL URL"
)
_VALUES: Final = frozenset(_WORDS.split())


def field_problems(source: Source, suffix: str) -> list[Problem]:
    """What cannot be in a file with fields."""
    problems = [
        Problem(source.name, f"macros and captured blocks are not to be had in a {suffix} template", node.lineno)
        for node in find_all(source.tree, _CAPTURES)
    ]
    problems += [
        Problem(source.name, f"a {suffix} template takes in files by fixed names only", taken.lineno)
        for taken in find_all(source.tree, (nodes.Include, nodes.Extends))
        if not isinstance(taken.template, nodes.Const)  # type: ignore[attr-defined]
    ]
    if suffix == ".csv":
        message = "a slot of a .csv template is a whole field: no quotes around it; join texts in it with ~"
        problems += [
            Problem(source.name, message, node.lineno)
            for node, before, after in _slots(source)
            if (before and before[-1] not in _SEPARATORS) or (after and after[0] not in _SEPARATORS)
        ]
    return problems


def wrap_fields(source: Source, suffix: str) -> None:
    """Changes the tree in place."""
    wrapped = {id(node): _filter(node, _function(suffix, before)) for node, before, _ in _slots(source)}
    for output in find_all(source.tree, nodes.Output):
        output.nodes = [wrapped.get(id(node), node) for node in output.nodes]
    source.slots.update({id(wrapped[old]): said for old, said in source.slots.items() if old in wrapped})


def _slots(source: Source) -> Iterator[tuple[nodes.Expr, str, str]]:
    """Each slot with the literal text right before and after it, as far as it is known."""
    for output in find_all(source.tree, nodes.Output):
        texts = [node.data if isinstance(node, nodes.TemplateData) else None for node in output.nodes]
        for i, node in enumerate(output.nodes):
            if texts[i] is None:
                before = "" if i == 0 else texts[i - 1]
                after = "" if i + 1 == len(texts) else texts[i + 1]
                yield node, "~" if before is None else before, "~" if after is None else after  # ~: another slot


def _function(suffix: str, before: str) -> str:
    if suffix == ".csv":
        return "csv_field"
    name = before.rpartition("\n")[2].replace(";", ":").partition(":")[0].upper()
    return "ics_value" if name in _VALUES else "ics_text"


def _filter(node: nodes.Expr, name: str) -> nodes.Filter:
    wrapped = nodes.Filter(node, name, [], [], None, None)
    wrapped.lineno = node.lineno
    return wrapped
