"""The files that a control file and its templates name: are they in the bundle? Only names without template parts can be
known here.

Understands no template; what the templates themselves hold wrong is told by the renderer.
"""

import posixpath
import re
from urllib.parse import unquote

from actors.intake.bundle import Bundle
from actors.intake.controlrules import is_template
from actors.intake.problems import Problems, nearest
from actors.intake.zips import check_name
from actors.model.spec import JobSpec

MAX_TEMPLATE_BYTES = 4 << 20  # Gmail clips at 100 KB; this only stops a mistake

_REFERENCE = re.compile(
    r"""(?:\b(?:src|background)\s*=\s*["']([^"'<>]+)["'])|(?:url\(\s*["']?([^"')]+)["']?\s*\))""", re.IGNORECASE
)
_REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//|#|/)", re.IGNORECASE)


def check_content(bundle: Bundle, spec: JobSpec, control: str, problems: Problems) -> None:
    """Adds a problem for every named file that is missing, outside the bundle, or not UTF-8 where it is a template."""
    content = spec.content
    for place, name in (("content.html", content.html), ("content.text", content.text)):
        if name and (text := _template(bundle, name, place, control, problems)) is not None and place == "content.html":
            _check_pictures(bundle, name, text, problems)
    for i, attachment in enumerate(content.attachments):
        name = attachment.file
        if is_template(name):
            static = re.split(r"\{[{%#]", name)[0]
            if ".." in name.split("/") or static.startswith(("/", "\\")):
                problems.add(control, f"content.attachments[{i}].file: the path leaves the bundle")
        else:
            _check_file(bundle, name, f"content.attachments[{i}].file", control, problems)


def _check_file(bundle: Bundle, name: str, place: str, control: str, problems: Problems) -> bool:
    if why := check_name(name):
        problems.add(control, f"{place}: {why}")
    elif name not in bundle:
        problems.add(control, f"{place}: {name!r} is not in the bundle{nearest(name, bundle.names)}")
    else:
        return True
    return False


def _template(bundle: Bundle, name: str, place: str, control: str, problems: Problems) -> str | None:
    if not _check_file(bundle, name, place, control, problems):
        return None
    if bundle.sizes[name] > MAX_TEMPLATE_BYTES:
        problems.add(name, f"has {bundle.sizes[name]} bytes; the limit for a template is {MAX_TEMPLATE_BYTES}")
        return None
    data = bundle.read(name, MAX_TEMPLATE_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(name, "is not UTF-8", data[: error.start].count(b"\n") + 1)
        return None


def _check_pictures(bundle: Bundle, file: str, text: str, problems: Problems) -> None:
    base = posixpath.dirname(file)
    for found in _REFERENCE.finditer(text):
        reference = (found[1] or found[2]).strip()
        if is_template(reference) or _REMOTE.match(reference):
            continue
        path = unquote(reference.split("#")[0].split("?")[0])
        name = posixpath.normpath(posixpath.join(base, path))
        if name not in bundle:
            line = text.count("\n", 0, found.start()) + 1
            problems.add(file, f"{path!r} is not in the bundle{nearest(name, bundle.names)}", line)
