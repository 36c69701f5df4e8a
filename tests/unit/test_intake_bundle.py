"""Uploads from strangers: nothing outside the bundle is read, nothing expands beyond its bounds."""

import contextlib
import gzip
import io
import os
import socket
import stat
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest

from actors.intake.bundle import open_bundle
from actors.intake.prepare import prepare
from actors.intake.unpack import unpack_list
from actors.intake.zips import MAX_ENTRIES
from actors.model.errors import InvalidInput
from tests.fakes.bundles import UPLOAD, Reading, upload
from tests.fakes.vault import FolderVault

FILES: dict[str, bytes | str] = {"job.yaml": "x: 1", "list.csv": "email\n", "images/logo.png": b"\x89PNG"}


def zipped(entries: list[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # a repeated name warns
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def problems(tmp_path: Path, files: dict[str, bytes | str]) -> str:
    vault = FolderVault(tmp_path / "vault")
    (tmp_path / "work").mkdir()
    folder = upload(vault, files)
    with pytest.raises(InvalidInput) as caught:
        read_all(vault, folder, tmp_path / "work")
    return str(caught.value)


def read_all(vault: FolderVault, folder: str, work: Path) -> None:
    bundle = open_bundle(vault, folder, work)
    try:
        for name in bundle.names:
            bundle.read(name)
    finally:
        bundle.close()


def test_folder_and_zip_are_the_same_bundle(tmp_path: Path) -> None:
    found = []
    for i, files in enumerate(
        (FILES, {"b.zip": zipped([(n, d.encode() if isinstance(d, str) else d) for n, d in FILES.items()])})
    ):
        vault, work = FolderVault(tmp_path / f"v{i}"), tmp_path / f"w{i}"
        work.mkdir()
        bundle = open_bundle(vault, upload(vault, files), work)
        found.append((bundle.names, bundle.sizes, bundle.payload_hash(), [bundle.read(n) for n in bundle.names]))
        bundle.close()
    assert found[0] == found[1]


def test_the_payload_hash_sees_names_and_contents(tmp_path: Path) -> None:
    hashes = set()
    for i, files in enumerate(({"a": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1", "c": "2"}, {"a": "12", "b": ""})):
        vault = FolderVault(tmp_path / str(i))
        hashes.add(open_bundle(vault, upload(vault, files), tmp_path).payload_hash())  # type: ignore[arg-type]
    assert len(hashes) == 4


def test_a_bundle_packed_with_its_folder_is_told_so(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path / "vault")
    for number, (names, told) in enumerate(
        [
            (["hello/job.yaml", "hello/list.csv"], "at its top, not in a folder as hello/job.yaml"),
            (["job.yaml", "job.json"], "(job.yaml or job.yml or job.json), not job.yaml and job.json"),
            (["body.html"], "(job.yaml or job.yml or job.json)"),
        ]
    ):
        where = upload(vault, dict.fromkeys(names, "x"), f"uploads/acme/{number}")
        (work := tmp_path / str(number)).mkdir()
        with pytest.raises(InvalidInput) as caught:
            prepare(vault, where, work, 1000)
        assert told in str(caught.value)


def test_an_empty_upload(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the upload is empty"):
        open_bundle(FolderVault(tmp_path), UPLOAD, tmp_path)


EVIL_NAMES = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "./a",
    "a\\b",
    "..\\x",
    "C:\\x",
    "C:x",
    "a\nb",
    "a\x7fb",
    "a\u202eb",
    "a ",
    " a",
    "a.",
]
EVIL_NAMES += ["a/../b", "x" * 300]


@pytest.mark.parametrize("name", EVIL_NAMES, ids=ascii)
def test_s15_s18_a_zip_entry_cannot_leave_the_bundle(tmp_path: Path, name: str) -> None:
    before = set(tmp_path.parent.iterdir())
    found = problems(tmp_path, {"b.zip": zipped([("job.yaml", b"x"), (name, b"evil")])})
    assert "the path" in found or "the name" in found
    assert "\n" not in found
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} <= {"b.zip"}
    assert set(tmp_path.parent.iterdir()) == before


def test_s15_a_name_with_nul_is_refused(tmp_path: Path) -> None:
    data = zipped([("job.yaml", b"x"), ("safeNname", b"evil")]).replace(b"safeNname", b"safe\0name")
    assert "NUL" in problems(tmp_path, {"b.zip": data})


@pytest.mark.parametrize(
    "pair", [("a", "a"), ("A.txt", "a.TXT"), ("straße", "STRASSE"), ("é", "e\u0301"), ("ﬁ", "fi"), ("a", "a/b")]
)
def test_s15_s18_names_that_meet_on_some_system_are_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    found = problems(tmp_path, {"b.zip": zipped([("job.yaml", b"x"), *((n, b"x") for n in pair)])})
    assert "the name is there twice" in found or "share a name" in found


def test_s18_names_of_a_folder_are_checked_too(tmp_path: Path) -> None:
    found = problems(tmp_path, {"job.yaml": "x", "a\nb": "x", "List.csv": "x", "list.csv": "x"})
    assert "control character" in found
    assert "the name is there twice" in found


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_s15_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    assert "special files are refused" in problems(tmp_path, {"b.zip": zipped([("job.yaml", b"x"), (info, b"/etc/passwd")])})


def test_s18_links_pipes_and_sockets_in_a_folder_are_refused(tmp_path: Path) -> None:
    for kind in ("link", "pipe", "socket"):
        vault = FolderVault(tmp_path / kind)
        upload(vault, FILES)
        place = tmp_path / kind / UPLOAD / "extra"
        if kind == "link":
            place.symlink_to("/etc/passwd")
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(place))
        if kind == "link":
            with pytest.raises(InvalidInput, match="links and special files are refused"):
                open_bundle(vault, UPLOAD, tmp_path)
        else:
            assert "extra" not in open_bundle(vault, UPLOAD, tmp_path).names


def test_s18_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    vault = FolderVault(tmp_path / "v")
    bundle = open_bundle(vault, upload(vault, FILES), tmp_path)
    place = tmp_path / "v" / UPLOAD / "list.csv"
    place.unlink()
    place.symlink_to("/etc/passwd")
    for read in (bundle.read, bundle.digest):
        with pytest.raises(InvalidInput, match="links and special files are refused"):
            read("list.csv")


def test_s15_encrypted_entries_are_refused(tmp_path: Path) -> None:
    data = bytearray(zipped([("job.yaml", b"x"), ("list.csv", b"secret")]))
    at = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[at + 8] |= 1
    assert "encrypted entries are not supported" in problems(tmp_path, {"b.zip": bytes(data)})


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_s15_other_compressions_are_refused(tmp_path: Path, method: int) -> None:
    assert "only stored and deflated" in problems(tmp_path, {"b.zip": zipped([("job.yaml", b"x" * 999)], method)})


def test_s15_a_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    data = zipped([("job.yaml", b"x"), *((f"{i}", bytes(50 << 20)) for i in range(3))])
    work = tmp_path / "work"
    assert "the limit is 200 times" in problems(tmp_path, {"b.zip": data})
    assert list(work.iterdir()) == []


def lying(real: bytes, declared: int) -> bytes:
    """A zip whose directory says that an entry is smaller than it is."""
    data = bytearray(zipped([("job.yaml", real)]))
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<L", data, central + 24, declared)
    struct.pack_into("<L", data, central + 16, zlib.crc32(real[:declared]))
    return bytes(data)


def test_s15_what_comes_out_is_bounded_by_what_was_declared(tmp_path: Path) -> None:
    """Either refused, or no more than the declared bytes are used."""
    vault = FolderVault(tmp_path / "v")
    bundle = open_bundle(vault, upload(vault, {"b.zip": lying(bytes(1 << 20), 100)}), tmp_path)
    try:
        assert len(bundle.read("job.yaml")) <= 100
    except InvalidInput:
        pass
    finally:
        bundle.close()
    assert max((p.stat().st_size for p in tmp_path.glob("entry-*")), default=0) <= 100


def test_s15_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    data = bytearray(zipped([("job.yaml", b"x" * 50), ("b", b"y" * 1000), ("c", b"z" * 1000)], zipfile.ZIP_STORED))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    third = data.index(b"PK\x01\x02", second + 1)
    data[third + 42 : third + 46] = data[second + 42 : second + 46]
    assert "overlaps another entry" in problems(tmp_path, {"b.zip": bytes(data)})


def test_s15_a_million_entries_are_refused_unread(tmp_path: Path) -> None:
    entries = 1_000_000
    eocd64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, 46 * entries, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 46 * entries, 1)
    eocd = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    data = b"PK\x01\x02".ljust(46, b"\0") * entries + eocd64 + locator + eocd
    vault = FolderVault(tmp_path / "v")
    upload(vault, {"b.zip": data})
    del data
    tracemalloc.start()
    with pytest.raises(InvalidInput, match=f"holds 1000000 entries; the limit is {MAX_ENTRIES}"):
        open_bundle(vault, UPLOAD, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_s15_a_directory_that_lies_about_its_count_is_bounded_by_its_size(tmp_path: Path) -> None:
    entries = 2_000_000
    eocd = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 46 * entries, 0, 0)
    assert "directory is larger" in problems(tmp_path, {"b.zip": b"PK\x01\x02".ljust(46, b"\0") * entries + eocd})


@pytest.mark.parametrize("cut", [0, 1, 10, 50, -1, -10, -22, -30])
def test_a_torn_zip_is_refused(tmp_path: Path, cut: int) -> None:
    data = zipped([("job.yaml", b"x" * 100), ("list.csv", os.urandom(100))])
    problems(tmp_path, {"b.zip": data[:cut] or b"x"})


def test_a_zip_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped([("job.yaml", b"x" * 100)], zipfile.ZIP_STORED))
    data[60] ^= 1
    assert "the zip entry is broken" in problems(tmp_path, {"b.zip": bytes(data)})


def test_every_changed_byte_is_harmless(tmp_path: Path) -> None:
    """No byte of an archive, changed, gives anything but a reading or a refusal."""
    data = zipped([("job.yaml", b"name: x\n" * 5), ("list.csv", b"email\n")])
    vault = FolderVault(tmp_path / "v")
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        upload(vault, {"b.zip": changed})
        work = tmp_path / str(at)
        work.mkdir()
        with contextlib.suppress(InvalidInput):
            read_all(vault, UPLOAD, work)


NESTED = {
    "zip in zip": ("list.csv.zip", zipped([("list.csv.zip", zipped([("list.csv", b"email\n")]))]), "holds another archive"),
    "gzip in zip": ("list.csv.zip", zipped([("list.csv.gz", gzip.compress(b"email\n"))]), "holds another archive"),
    "zip in gzip": ("list.csv.zip.gz", gzip.compress(zipped([("list.csv", b"email\n")])), "holds another archive"),
    "two lists": ("list.csv.zip", zipped([("a.csv", b"email\n"), ("b.csv", b"email\n")]), "exactly one list, not 2 files"),
    "no list": ("list.csv.zip", zipped([]), "exactly one list, not 0 files"),
    "zip bomb": ("list.csv.zip", zipped([("list.csv", bytes(100 << 20))]), "the limit is 200 times"),
    "gzip bomb": ("list.csv.gz", gzip.compress(bytes(100 << 20)), "expands more than 200 times"),
    "torn gzip": ("list.csv.gz", gzip.compress(b"email\na@x.test\n" * 99)[:-9], "the gzip data ends too early"),
    "broken gzip": ("list.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 50, "the gzip data is broken"),
    "no gzip": ("list.csv.gz", b"email\na@x.test\n", "the gzip data is broken"),
    "wrong sum": ("list.csv.gz", gzip.compress(b"email\n")[:-8] + bytes(8), "the gzip data is broken"),
    "junk after gzip": ("list.csv.gz", gzip.compress(b"email\n") + b"junk", "the gzip data is broken"),
}


@pytest.mark.parametrize(("name", "data", "message"), NESTED.values(), ids=list(NESTED))
def test_s15_a_packed_list_is_bounded(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Reading(tmp_path, name, data).rows()


def test_s15_a_gzip_bomb_stops_at_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "list.csv.gz"
    path.write_bytes(gzip.compress(bytes(200 << 20)))
    with pytest.raises(InvalidInput):
        unpack_list(str(path), "list.csv.gz", tmp_path)
    assert (tmp_path / "list.plain").stat().st_size <= 64 << 20
