"""Bundles for tests: uploads in a vault, and a list read the way intake reads it."""

from pathlib import Path

import pyarrow as pa

from actors.intake.bundle import open_bundle
from actors.intake.lists import Source, open_list
from actors.intake.prepare import Prepared, prepare
from actors.model.ports import Vault
from actors.model.spec import ListSpec
from tests.fakes.vault import FolderVault

UPLOAD = "uploads/acme/1"
CONTROL = 'name: n\nsender: {from: "Bank <service@bank.test>"}\ncontent: {subject: hello, text: body.txt}\n'


def upload(vault: Vault, files: dict[str, bytes | str], folder: str = UPLOAD) -> str:
    """Puts files into an upload folder; gives its path."""
    for name, data in files.items():
        vault.write(f"{folder}/{name}", data.encode() if isinstance(data, str) else data)
    return folder


def bundle_files(lines: bytes | str, control: str = CONTROL, list_name: str = "list.csv") -> dict[str, bytes | str]:
    """The smallest bundle around a list."""
    return {"job.yaml": control, "body.txt": "Dear {{ email }}", list_name: lines}


class Reading:
    """One list, opened from a fresh work folder of its own below `root`."""

    def __init__(self, root: Path, name: str, data: bytes | str, **spec: object):
        number = len(list(root.iterdir())) if root.exists() else 0
        folder = root / str(number)
        self.vault, self.work = FolderVault(folder / "vault"), folder / "work"
        self.work.mkdir()
        upload(self.vault, {name: data, "body.txt": "x"})
        self.spec = ListSpec(file=name, **spec)  # type: ignore[arg-type]
        self.source: Source = open_list(open_bundle(self.vault, UPLOAD, self.work), self.spec, self.work)

    def rows(self) -> list[dict[str, object]]:
        """All rows as dictionaries."""
        names = self.source.names
        return [
            dict(zip(names, values, strict=True))
            for batch in self.source.batches()
            for values in zip(*[c.to_pylist() for c in batch.columns], strict=True)
        ]


def prepared(
    root: Path, lines: bytes | str, control: str = CONTROL, list_name: str = "list.csv", segment_rows: int = 4
) -> Prepared:
    """A bundle around a list, read and judged."""
    vault, work = FolderVault(root / "vault"), root / "work"
    work.mkdir(parents=True)
    return prepare(vault, upload(vault, bundle_files(lines, control, list_name)), work, segment_rows)


def table(found: Prepared) -> pa.Table:
    """The typed roster of a prepared bundle."""
    from actors.intake.roster import segments_of, typed_segment

    roster = found.roster
    parts = [typed_segment(roster, i, b) for i, b in enumerate(segments_of(roster.source, roster.segment_rows))]
    return pa.Table.from_batches(parts).unify_dictionaries()
