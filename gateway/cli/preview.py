"""`hongyan preview`: one row's finished mail, as text, JSON or an HTML page."""

import contextlib
import os
import tempfile
import webbrowser
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.bundle import Bundle, HtmlFile, with_bundle
from gateway.cli.output import AsJson, Output
from gateway.cli.target import ConfigFile

if TYPE_CHECKING:
    from cluster.workbench import Workbench


def preview(
    bundle: Bundle,
    row: Annotated[int, typer.Option("--row", help="Row of the list, from 0.")] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Write an HTML page and open it with the desktop's browser.")] = False,
    html: HtmlFile = None,
    config: ConfigFile = None,
    json_: AsJson = False,
) -> None:
    """Show one row's finished mail: headers, text part and the values that went in."""

    async def look(out: Output, bench: "Workbench") -> None:
        shown = await bench.preview(row)
        file = _page(shown, html) if html is not None or open_ else None
        if json_:
            message = shown.message.decode("utf-8", "replace")
            found = {"row": row, "state": shown.state.label, "reason": shown.reason, "values": shown.values}
            found |= {"subject": shown.subject, "text": shown.text, "html": shown.html, "message": message}
            found |= {"return_path": shown.return_path, "dsn": shown.dsn}
            out.json(found | ({"page": str(file)} if file else {}))
        elif shown.message:
            _say_mail(out, shown)
        else:
            out.say(f"row {row} gives no mail: {shown.state.label}: {shown.reason}")
        if file is not None and not json_:
            out.say(f"page: {file}")
        if file is not None and open_:
            _open(file)
        if not shown.message:
            raise typer.Exit(1)

    with_bundle(bundle, config, json_, look)


def _say_mail(out: Output, shown: Any) -> None:
    parsed = message_from_bytes(shown.message, policy=policy.default)
    out.say(f"Return-Path: <{shown.return_path}>")
    if shown.dsn:
        out.say(f"Notifications: {shown.dsn}")
    for name in ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe"):
        if parsed[name]:
            out.say(f"{name}: {parsed[name]}")
    out.say(f"Size: {len(shown.message):,} bytes")
    for line in ["", *shown.text.splitlines(), ""]:
        out.say(line)
    for name, value in shown.values.items():
        out.say(f"  {name} = {value}")


def _page(shown: Any, file: Path | None) -> Path:
    """The page, in this file or in one of its own that only its owner can read."""
    from actors.renderer.look.previewpage import preview_page

    if file is None:
        handle, name = tempfile.mkstemp(prefix="hongyan-preview-", suffix=".html")
        os.close(handle)
        file = Path(name)
    file.write_text(preview_page(shown), encoding="utf-8")
    return file


def _open(file: Path) -> None:
    """With the desktop's browser, where there is a desktop."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt" or os.uname().sysname == "Darwin":
        with contextlib.suppress(webbrowser.Error, OSError):
            webbrowser.open(file.resolve().as_uri())
