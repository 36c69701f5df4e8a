"""The same snapshot, rows and stamps give the same bytes in another process: other hash seed, folder, time zone and locale. And
they are the bytes that went over the wire."""

import hashlib
import itertools
import json
import os
import subprocess
import sys
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path

import numpy as np

import actors
from cluster import names
from sandbox import Sandbox
from tests.e2e.mailing_world import MESSAGE_ID, bundle, people, routes_to, signing_keys, world

ROWS = 60
PAGE = """<html><body><img src="logo.png"><p>{{ name }}, {{ id | mask_name }} {{ now() }} {{ today() }}</p>
<p>{{ ab_split(id, [30, 70], ['A', 'B']) }} {{ (id | int * 1234.5) | fmt_currency('TWD') }}</p>
{% for part in {'x': 1, 'y': 2, name: 3} %}{{ part }};{% endfor %}</body></html>
"""
CONTROL = {
    "content": {
        "subject": "{{ name }} 您的帳單 {{ id }}",
        "html": "body.html",
        "text": "",
        "attachments": ["{{ id }}.txt"],
        "headers": {"X-Half": "{{ ab_split(email, [50, 50], ['left', 'right']) }}"},
        "unsubscribe": "https://bank.test/u?i={{ id }}",
        "seed": "7",
    }
}
ELSEWHERE = """
import hashlib, json, sys
import numpy as np
from actors.model.rendersettings import Identity
from actors.renderer.actor import Renderer
from cluster.vault import Vault

given = json.load(sys.stdin)
identities = [Identity(domain, selector, key.encode()) for domain, selector, key in given["identities"]]
renderer = Renderer(Vault(given["vault"]), identities)
rows, stamps = np.array(given["rows"]), np.array(given["stamps"])
made = renderer.render(given["job"], 0, rows, stamps)
ends = made.offsets.tolist()
digests = [hashlib.sha256(made.data[a:b].tobytes()).hexdigest() for a, b in zip(ends, ends[1:])]
print(json.dumps([digests, made.recipients, made.return_path, made.utf8.tolist()]))
"""


def elsewhere(folder: Path, given: str, seed: str, zone: str) -> list[object]:
    """What another process makes of it."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(actors.__file__).parents[1]), "PYTHONHASHSEED": seed}
    environment |= {"TZ": zone, "LC_ALL": "C", "LANGUAGE": "de", "HOME": str(folder)}
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=given, env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    found: list[object] = json.loads(run.stdout)
    return found


async def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    files = bundle([*people("one.test", ROWS - 1), "李@one.test"], CONTROL, body_html=PAGE, logo_png=b"\x89PNG" * 99)
    files |= {f"{row:05d}.txt": f"statement {row}\n" for row in range(ROWS)}
    identities = signing_keys(tmp_path)
    async with Sandbox() as sandbox, world(tmp_path, routes_to(sandbox, "*"), identities=identities) as made:
        job = await made.send(files)
        await made.reconcile(job, sandbox.messages)
        # A chosen stamp for each row, in no order.
        rows = [(row * 7) % ROWS for row in range(ROWS)]
        stamps = [1_795_000_000 + row % 3 for row in rows]
        here = await made.local.port(names.renderer(0)).render(job, 0, np.array(rows), np.array(stamps))
        data, ends = here.data.tobytes(), here.offsets.tolist()
        digests = [hashlib.sha256(data[a:b]).hexdigest() for a, b in itertools.pairwise(ends)]
        vault = made.config.vault_url
        sent = {}
        for message in sandbox.messages:
            found = MESSAGE_ID.fullmatch(message.message_id)
            assert found is not None
            sent[int(found[2])] = message
        # What was sent, from the stamp that its Date tells.
        told = np.array([stamp_of(sent[row].data) for row in range(ROWS)])
        wire = await made.local.port(names.renderer(0)).render(job, 0, np.arange(ROWS), told)
    assert len(set(digests)) == ROWS
    for row, (a, b) in enumerate(zip(wire.offsets.tolist(), wire.offsets.tolist()[1:], strict=False)):
        assert wire.data[a:b].tobytes() == sent[row].data
    given = json.dumps(
        {
            "vault": vault,
            "job": job,
            "rows": rows,
            "stamps": stamps,
            "identities": [
                (i["domain"], i["selector"], Path(i["key"].removeprefix("file://")).read_text()) for i in identities
            ],
        }
    )
    other = tmp_path / "another folder"
    other.mkdir()
    expected = [digests, here.recipients, here.return_path, here.utf8.tolist()]
    assert elsewhere(other, given, "1", "America/New_York") == expected
    assert elsewhere(other, given, "4242", "Asia/Kathmandu") == expected


def stamp_of(data: bytes) -> int:
    return int(parsedate_to_datetime(message_from_bytes(data)["Date"]).timestamp())
