"""The vault's promises on a local folder and on another fsspec file system."""

import errno
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.model.errors import Unavailable
from cluster.vault import MARKER, Vault


@pytest.fixture(params=["local", "memory"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    vault = Vault(f"file://{tmp_path}/v" if request.param == "local" else f"memory://{tmp_path}/v", str(tmp_path / "cache"))
    vault.create()
    return vault


def test_a_file_comes_back_and_is_listed(vault: Vault, tmp_path: Path) -> None:
    vault.write("a/b.txt", b"one")
    (tmp_path / "x").write_bytes(b"two")
    vault.put_file("a/c/d.txt", str(tmp_path / "x"))
    assert vault.read("a/b.txt") == b"one"
    assert vault.list("a") == ["a/b.txt", "a/c/d.txt"]
    assert vault.size("a/c/d.txt") == 3
    assert Path(vault.local("a/c/d.txt")).read_bytes() == b"two"
    vault.delete("a")
    vault.delete("a")
    assert not vault.exists("a/b.txt")
    with pytest.raises(FileNotFoundError):
        vault.read("a/b.txt")


def test_a_file_is_taken_over(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"two")
    vault.take_file("a/d.txt", str(tmp_path / "x"))
    assert vault.read("a/d.txt") == b"two"
    assert Path(vault.local("a/d.txt")).stat().st_mode & 0o077 == 0, "nobody else reads it"
    assert not (tmp_path / "x").exists()


def test_a_file_is_taken_over_from_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(f"file://{tmp_path}/v")
    vault.create()
    (tmp_path / "x").write_bytes(b"two")
    replace = os.replace

    def other_disk(source: str | Path, target: str | Path) -> None:
        if Path(source) == tmp_path / "x":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr("os.replace", other_disk)
    vault.take_file("d.txt", str(tmp_path / "x"))
    assert vault.read("d.txt") == b"two"
    assert not (tmp_path / "x").exists()


def test_taking_a_file_over_may_be_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(f"file://{tmp_path}/v")
    vault.create()
    (tmp_path / "x").write_bytes(b"two")
    with monkeypatch.context() as broken:
        broken.setattr("cluster.vault.sync", lambda folder: os.close(1_000_000))
        with pytest.raises(Unavailable):
            vault.take_file("d.txt", str(tmp_path / "x"))
    vault.take_file("d.txt", str(tmp_path / "x"))
    assert vault.read("d.txt") == b"two"
    with pytest.raises(Unavailable):
        vault.take_file("e.txt", str(tmp_path / "x"))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\\..\\b", "a/b\0"])
def test_s18_a_path_never_leaves_the_root(vault: Vault, path: str) -> None:
    for call in (vault.read, vault.exists, vault.delete, vault.local):
        with pytest.raises(ValueError, match="vault path"):
            call(path)


def test_a_vanished_folder_is_unavailable_not_empty(tmp_path: Path) -> None:
    vault = Vault(f"file://{tmp_path}/v")
    vault.create()
    vault.write("a", b"1")
    calls: list[Callable[[], object]] = [
        lambda: vault.read("a"),
        lambda: vault.write("b", b""),
        lambda: vault.local("a"),
        lambda: vault.exists("a"),
        lambda: vault.list("c"),
    ]
    shutil.rmtree(tmp_path / "v")
    for call in calls:
        with pytest.raises(Unavailable):
            call()
    assert not (tmp_path / "v").exists()
    (tmp_path / "v").mkdir()  # where a disk was mounted
    for call in calls:
        with pytest.raises(Unavailable, match="mounted"):
            call()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    vault = Vault(f"file://{tmp_path}/v")
    vault.create()
    vault.write("a", b"old")
    with pytest.raises(Unavailable):
        vault.put_file("a", str(tmp_path))  # a folder cannot be read as a file
    assert vault.read("a") == b"old"
    assert [p.name for p in (tmp_path / "v").iterdir() if p.name != MARKER] == ["a"]


def test_it_travels_to_another_process(vault: Vault) -> None:
    vault.write("a", b"1")
    assert pickle.loads(pickle.dumps(vault)).read("a") == b"1"
