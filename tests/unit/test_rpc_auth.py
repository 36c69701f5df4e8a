"""API keys: their shape, their file, and who is let in."""

import json
import stat

import pytest

from actors.model.errors import InvalidInput, Unauthenticated
from gateway.rpc.auth import KEY_SHAPE, KeyRing, add_key, digest, new_key, read_entries, write_key_file
from tests.fakes.clock import FakeClock


def test_keys_are_long_and_differ():
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(KEY_SHAPE.fullmatch(k) for k in keys)


def test_the_file_holds_the_digest_and_never_the_key(tmp_path):
    file, key = tmp_path / "keys.jsonl", new_key()
    add_key(file, "acme", key, 1.5, "王")
    add_key(file, "globex", new_key(), 2.0)
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = read_entries(file)[0]
    assert (first.account, first.sha256, first.created, first.note) == ("acme", digest(key), 1.5, "王")


@pytest.mark.parametrize("account", ["", "..", ".", "a/b", "A", "-a", "a" * 64, "a b", "帳", "a\n"])
def test_s33_an_account_is_a_safe_folder(tmp_path, account):
    with pytest.raises(InvalidInput):
        add_key(tmp_path / "keys.jsonl", account, new_key(), 0.0)
    (tmp_path / "keys.jsonl").write_text(json.dumps({"account": account, "sha256": "0" * 64}))
    with pytest.raises(InvalidInput):
        read_entries(tmp_path / "keys.jsonl")


def test_bad_lines_are_all_named(tmp_path):
    file = tmp_path / "keys.jsonl"
    good = json.dumps({"account": "acme", "sha256": "0" * 64})
    file.write_text("\n".join([good, "{", "", json.dumps({"account": "acme"}), json.dumps([1]), good[:-1] + ', "odd": 1}']))
    with pytest.raises(InvalidInput) as caught:
        read_entries(file)
    assert [p.line for p in caught.value.problems] == [2, 4, 5, 6]


def ring(tmp_path, clock, said=None):
    return KeyRing(tmp_path / "keys.jsonl", clock, (said if said is not None else []).append)


def test_a_changed_file_counts_after_a_second_and_a_broken_one_never(tmp_path):
    file, clock, said = tmp_path / "keys.jsonl", FakeClock(), []
    first, second = new_key(), new_key()
    add_key(file, "acme", first, 0.0)
    keys = ring(tmp_path, clock, said)
    assert keys.account(f"Bearer {first}") == "acme"
    assert keys.account(f"bearer {first}") == "acme"
    add_key(file, "globex", second, 0.0)
    with pytest.raises(Unauthenticated):
        keys.account(f"Bearer {second}")
    clock.advance(1.1)
    assert keys.account(f"Bearer {second}") == "globex"
    with file.open("a") as stream:
        stream.write("{half a line")
    clock.advance(1.1)
    assert keys.account(f"Bearer {second}") == "globex"
    assert len(said) == 1
    file.unlink()
    clock.advance(1.1)
    with pytest.raises(Unauthenticated):
        keys.account(f"Bearer {second}")


def test_a_missing_file_lets_nobody_in(tmp_path):
    with pytest.raises(Unauthenticated):
        ring(tmp_path, FakeClock()).account(f"Bearer {new_key()}")


def test_the_local_key_file_is_its_owners_alone_and_no_link_is_followed(tmp_path):
    target, file = tmp_path / "target", tmp_path / "api.key"
    target.write_text("kept")
    file.symlink_to(target)
    write_key_file(file, "hy_x")
    assert target.read_text() == "kept"
    assert not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
