"""Whatever path the rules let through stays in the upload's folder and is one plain file name a part."""

import os.path
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from gateway.rpc.paths import check_path, check_upload, folders, upload_folder

parts = st.text(st.sampled_from("ab./\\:\0\n 中é\u0301~-%"), max_size=8)


@given(st.lists(parts, max_size=4).map("/".join) | st.text(max_size=40))
def test_s18_a_path_that_passes_stays_inside(path):
    try:
        check_path(path)
    except InvalidInput:
        return
    whole = posixpath.normpath(posixpath.join("/vault/uploads/a/u", path))
    assert whole == f"/vault/uploads/a/u/{path}"
    assert not os.path.isabs(path)
    assert all(p and not p.startswith(".") for p in path.split("/"))


@pytest.mark.parametrize("path", ["list.csv", "images/logo.png", "附件/條款 2026.pdf", "a/b/c/d.txt", "x" * 200, "a'b&c;d.txt"])
def test_plain_paths_pass(path):
    check_path(path)


@given(st.text(max_size=70))
def test_an_upload_id_is_one_plain_name(upload):
    try:
        check_upload(upload)
    except InvalidInput:
        return
    assert upload_folder("a", upload).split("/") == ["uploads", "a", upload]
    assert upload.isascii()


def test_folders():
    assert folders("a/b/c") == ["a", "a/b"]
    assert folders("a") == []
