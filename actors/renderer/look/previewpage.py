"""One row's mail as an HTML page: headers, the page as a reader sees it, the text part, the values that went in."""

from email import message_from_bytes, policy
from html import escape
from typing import Any

from actors.renderer.look.document import document, frame, table
from actors.renderer.look.embedded import embedded_pictures

MAX_HEADER_CHARS = 2000  # of one field; a DKIM signature has about 700


def preview_page(shown: Any) -> str:
    """`shown`: the renderer's preview of a row."""
    parsed = message_from_bytes(shown.message, policy=policy.default)
    envelope = [("Return-Path", shown.return_path), ("Notifications", shown.dsn)]
    headers = [(name, escape(value)) for name, value in envelope if value and shown.message]
    headers += [(escape(name), escape(str(value)[:MAX_HEADER_CHARS])) for name, value in parsed.items()]
    values = [(f"<code>{escape(name)}</code>", escape(value)) for name, value in shown.values.items()]
    files = [
        (escape(part.get_filename() or ""), escape(part.get_content_type()), f"{len(part.get_payload(decode=True) or b''):,}")
        for part in parsed.walk()
        if part.get_content_disposition() == "attachment"
    ]
    state = f"row {shown.row} · {shown.state.label}" + (f" · {shown.reason}" if shown.reason else "")
    size = f" · {len(shown.message):,} bytes" if shown.message else ""
    parts = [f"<h1>{escape(shown.subject) or '(no subject)'}</h1><p class=sub>{escape(state)}{size}</p>"]
    if headers:
        parts.append(f"<h2>Headers</h2><div class=headers>{table(('field', 'value'), headers)}</div>")
    if shown.html:
        parts.append(f"<h2>HTML</h2><div class=mail>{frame(shown.html, embedded_pictures([shown]))}</div>")
    if shown.text:
        parts.append(f"<h2>Text part</h2><div class=mail><pre>{escape(shown.text)}</pre></div>")
    if files:
        parts.append("<h2>Attachments</h2>" + table(("name", "type", "bytes"), files, ("bytes",)))
    parts.append("<h2>Values</h2>" + table(("column", "value"), values))
    return document(shown.subject or f"row {shown.row}", "".join(parts))
