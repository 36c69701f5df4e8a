"""The files that a control file names: are they in the bundle? Only names without template parts can be known here.

Understands no template; pictures and whatever else a template itself names are told by the renderer's check.
"""

import re

from actors.intake.bundle import MAX_ASSET_BYTES, Bundle
from actors.intake.controlrules import is_template
from actors.intake.pools import POOLS
from actors.intake.problems import Problems, nearest
from actors.intake.tables import table_name
from actors.intake.zips import check_name
from actors.model.spec import JobSpec

MAX_TEMPLATE_BYTES = 4 << 20  # Gmail clips at 100 KB; this only stops a mistake


def check_content(bundle: Bundle, spec: JobSpec, control: str, problems: Problems) -> None:
    """Adds a problem for every named file that is missing, outside the bundle, or not UTF-8 where it is a template."""
    content = spec.content
    for name, size in bundle.sizes.items():
        if size > MAX_ASSET_BYTES and name != spec.list_.file and not (table_name(name) or table_name(name, POOLS)):
            problems.add(name, f"has {size} bytes; the limit is {MAX_ASSET_BYTES}")
    for place, name in (("content.html", content.html), ("content.text", content.text)):
        if name:
            _check_template(bundle, name, place, control, problems)
    for i, attachment in enumerate(content.attachments):
        name = attachment.file
        if bool(name) == bool(attachment.template):
            problems.add(control, f"content.attachments[{i}]: has either a file or a template")
        elif attachment.template:
            _check_template(bundle, attachment.template, f"content.attachments[{i}].template", control, problems)
        elif is_template(name):
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


def _check_template(bundle: Bundle, name: str, place: str, control: str, problems: Problems) -> None:
    if not _check_file(bundle, name, place, control, problems):
        return
    if bundle.sizes[name] > MAX_TEMPLATE_BYTES:
        problems.add(name, f"has {bundle.sizes[name]} bytes; the limit for a template is {MAX_TEMPLATE_BYTES}")
        return
    data = bundle.read(name, MAX_TEMPLATE_BYTES)
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(name, "is not UTF-8", data[: error.start].count(b"\n") + 1)
