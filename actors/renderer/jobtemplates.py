"""The templates of a job: all are compiled with one context, and what they are found to be is gathered here.

A template that cannot be compiled gives None and its problems, so that all problems of a job are found at once.
"""

from collections.abc import Mapping
from dataclasses import replace

from actors.model.errors import InvalidInput, Problem
from actors.renderer.enclosed import FILES
from actors.renderer.message import headers
from actors.renderer.message.tags import static_texts
from actors.renderer.template import Context, Plan, compile_template
from actors.renderer.template.watch import Watch

CONTROL = "job.yaml"  # how problems name the control file
_TAGS = ("{{", "{%", "{#")


def has_tags(text: str) -> bool:
    """Whether a value of the control file is a template."""
    return any(tag in text for tag in _TAGS)


class JobTemplates:
    """`problems` grows; `ranked` are the columns whose ranks a template asks for. `watched`: the plans tell what their slots
    and branches see, in `watches` by part of the mail; `private` columns are hidden there."""

    def __init__(self, context: Context, private: frozenset[str], watched: bool):
        self.context = context
        self.problems: list[Problem] = []
        self.ranked: set[str] = set()
        self.watches: list[tuple[str, Watch]] = []
        self._private, self._watched = private, watched

    def problem(self, message: str, file: str = CONTROL) -> None:
        """Notes a problem of the control file or another."""
        self.problems.append(Problem(file, message))

    def plan(
        self,
        source: str,
        name: str,
        *,
        escape: bool = False,
        files: Mapping[str, str] | None = None,
        unseen: bool = False,
        fields: str | None = None,
    ) -> Plan | None:
        """`unseen`: no reader sees its text, or another plan is judged in its place, so private columns may stand in it.
        `fields`: the text is an attachment, of the format with fields of this suffix, if any."""
        context = replace(self.context, private=frozenset()) if unseen else self.context
        watch = Watch(self._private) if self._watched and not unseen and fields is None else None
        try:
            plan = compile_template(
                source,
                name=name,
                context=context,
                escape=escape,
                files=files or {},
                watch=watch,
                fields=fields or "",
                typed=True,
            )
        except InvalidInput as error:
            self.problems += error.problems
            return None
        self.ranked |= plan.ranked
        if watch is not None:
            part = name.removeprefix("content.") if name.startswith("content.") else "html" if escape else "text"
            self.watches.append((part, watch))
        return plan

    def header(self, place: str, source: str, *, unseen: bool = False) -> Plan | None:
        """A template whose text becomes a header value: its static text must be one already."""
        if not source.strip():
            if place == "content.subject":
                self.problem(f"{place} is missing")
            return None
        plan = self.plan(source.strip(), place, unseen=unseen)
        if plan and plan.calls & FILES:
            self.problem(f"{place}: pdf_attach belongs into the page or the text")
        for static in static_texts(source.strip()):
            problem = headers.value_problem(static)
            if problem:
                self.problem(f"{place} has {problem}")
                break
        return plan
