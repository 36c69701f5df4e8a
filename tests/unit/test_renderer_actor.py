"""The renderer over a snapshot: segments, failures, previews, the same bytes again, and refusals with all problems."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from actors.model.errors import BrokenPromise, InvalidInput, NotFound
from actors.model.job import segment_path
from actors.model.spec import AttachmentSpec, ContentSpec, SenderSpec
from actors.model.states import RowState
from actors.renderer.actor import Renderer
from tests.fakes.identities import ed25519_identity, rsa_identity
from tests.fakes.mailing import PAGE, Mailing, body_text, parse, split
from tests.fakes.snapshot import JOB

CONTENT = ContentSpec("Hi {{ name }}", html="body.html")
FILES = {"body.html": PAGE}


def test_rows_come_from_their_segment_in_the_order_asked() -> None:
    names = [f"n{n}" for n in range(10)]
    with Mailing(CONTENT, FILES, {"name": names}, segment_rows=4) as mailing:
        for segment, rows in [(0, [0, 1, 2, 3]), (1, [6, 4]), (2, [9, 8])]:
            envelopes = mailing.envelopes(rows, segment)
            assert envelopes.rows.tolist() == rows
            assert envelopes.recipients == [f"user{row}@example{row % 3}.test" for row in rows]
            messages = split(envelopes)
            assert [parse(messages[row])["Subject"] for row in rows] == [f"Hi n{row}" for row in rows]
        for rows in ([0], [7], [-1], [10]):
            with pytest.raises(BrokenPromise):
                mailing.envelopes(rows, 2)


def test_an_empty_call_gives_no_envelopes() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}) as mailing:
        envelopes = mailing.envelopes([])
    assert (len(envelopes), envelopes.offsets.tolist(), envelopes.data.size) == (0, [0], 0)


def test_a_stamp_of_zero_is_refused() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}) as mailing, pytest.raises(BrokenPromise):
        mailing.renderer.render(JOB, 0, np.array([0]), np.array([0]))


def test_the_same_snapshot_row_and_stamp_give_the_same_bytes() -> None:
    identities = [rsa_identity()[0], ed25519_identity()[0]]
    with Mailing(CONTENT, FILES, {"name": ["a", "王", "c"]}, identities=identities) as mailing:
        first = mailing.messages()
        other = Renderer(mailing.vault, identities)
        stamps = np.full(2, mailing.stamp)
        again = split(other.render(JOB, 0, np.array([2, 1]), stamps))
        later = split(other.render(JOB, 0, np.array([2, 1]), stamps + 1))
    assert again == {2: first[2], 1: first[1]}
    assert later[1] != first[1]
    assert parse(later[1])["Message-ID"] == parse(first[1])["Message-ID"]


def test_rows_that_fail_do_not_touch_the_others() -> None:
    addresses = ["a@b.test", None, "李@b.test", "d@b.test"]
    with Mailing(CONTENT, FILES, {"name": ["a", "b", "c", "d\r\n"]}, addresses=addresses) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.rows.tolist() == [0, 2]
    assert [(f.row, f.state) for f in envelopes.failures] == [(1, RowState.RENDER_ERROR), (3, RowState.RENDER_ERROR)]
    assert envelopes.utf8.tolist() == [False, True]
    assert envelopes.recipients == ["a@b.test", "李@b.test"]
    assert "To: 李@b.test\r\n".encode() in split(envelopes)[2]


@pytest.mark.parametrize("most", [1, 2_000, 2_700, 10**9])
def test_blocks_hold_what_one_call_gives(most: int) -> None:
    """Rows that fail stand at the start, in the middle and at the end; each block ends with the mail that fills it."""
    addresses = [None, "a@b.test", "c@d.test", None, "e@f.test", "李@b.test", "g@h.test", None]
    names = [f"n{n}" * n for n in range(8)]
    identities = [rsa_identity()[0]]
    with Mailing(CONTENT, FILES, {"name": names}, addresses=addresses, identities=identities) as mailing:
        whole = mailing.envelopes()
        rows, stamps = np.arange(8), np.full(8, mailing.stamp)
        blocks = list(mailing.renderer.render_blocks(JOB, 0, rows, stamps, most))
    assert [row for block in blocks for row in block.rows.tolist()] == whole.rows.tolist()
    assert [f for block in blocks for f in block.failures] == whole.failures
    assert [r for block in blocks for r in block.recipients] == whole.recipients
    assert [u for block in blocks for u in block.utf8.tolist()] == whole.utf8.tolist()
    assert {row: mail for block in blocks for row, mail in split(block).items()} == split(whole)
    sizes = [block.offsets.tolist() for block in blocks]
    assert all(ends[-1] >= most > ends[-2] for ends in sizes[:-1])
    assert len(sizes[-1]) == 2 or sizes[-1][-2] < most


def test_a_call_without_rows_gives_one_block() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}) as mailing:
        nothing = np.empty(0, np.int64)
        (block,) = mailing.renderer.render_blocks(JOB, 0, nothing, nothing, 1)
    assert (len(block), block.failures, block.offsets.tolist()) == (0, [], [0])


def test_a_local_part_outside_ascii_of_the_sender_needs_smtputf8() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}, sender=SenderSpec("李 <李@銀行.test>")) as mailing:
        envelopes = mailing.envelopes()
    assert envelopes.utf8.tolist() == [True]
    assert envelopes.return_path == "李@" + "銀行.test".encode("idna").decode()


def test_the_return_path_may_be_another_address() -> None:
    sender = SenderSpec("Bank <a@bank.test>", return_path="bounces@bank.test")
    with Mailing(CONTENT, FILES, {"name": ["a"]}, sender=sender) as mailing:
        assert mailing.envelopes().return_path == "bounces@bank.test"
        assert "Reply-To" not in mailing.parsed()[0]


def test_all_problems_are_found_at_once() -> None:
    content = ContentSpec(
        "{{ nome }}",
        html="body.html",
        text="gone.txt",
        headers={"From": "x", "X-A": "1", "x-a": "2"},
        attachments=(AttachmentSpec("gone.pdf"), AttachmentSpec("../up.pdf")),
    )
    sender = SenderSpec("nobody", "x@")
    with Mailing(content, {"body.html": "<img src='gone.png'>{{ nome }}"}, {"name": ["a"]}, sender=sender) as mailing:
        problems = "\n".join(str(p) for p in mailing.renderer.check(JOB))
        with pytest.raises(InvalidInput):
            mailing.envelopes()
    for part in ("sender.from", "sender.reply_to", "gone.txt", "header From", "twice", "gone.pdf", "up.pdf", "gone.png"):
        assert part in problems
    assert "nome" in problems


def test_a_good_snapshot_has_no_problems() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}) as mailing:
        assert mailing.renderer.check(JOB) == []


@pytest.mark.parametrize("content", [ContentSpec("Hi"), ContentSpec(" ", html="body.html"), ContentSpec("Hi", html="no.html")])
def test_content_that_says_too_little(content: ContentSpec) -> None:
    with Mailing(content, FILES, {"name": ["a"]}) as mailing:
        assert len(mailing.renderer.check(JOB)) == 1


@pytest.mark.parametrize(
    ("content", "sender"),
    [
        (CONTENT, SenderSpec("{{ name }} <a@bank.test>")),
        (replace(CONTENT, unsubscribe="ftp://bank.test/"), SenderSpec("a@bank.test")),
        (replace(CONTENT, unsubscribe="see our page"), SenderSpec("a@bank.test")),
        (replace(CONTENT, headers={"X-A": "{{ name"}), SenderSpec("a@bank.test")),
    ],
)
def test_control_files_that_cannot_be_meant(content: ContentSpec, sender: SenderSpec) -> None:
    with Mailing(content, FILES, {"name": ["a"]}, sender=sender) as mailing:
        assert len(mailing.renderer.check(JOB)) == 1


def test_only_what_the_content_reaches_is_a_template() -> None:
    files = {
        "body.html": "{% extends 'layout.html' %}{% block main %}{% include 'part.html' %}{% endblock %}",
        "layout.html": "<html><body><h1>Bank</h1>{% block main %}{% endblock %}</body></html>",
        "part.html": "<p>Dear {{ name }}</p><img src='a.png'>",
        "a.png": b"png",
        "other.html": "<img src='gone.png'>{{ unknown }}",
        "terms.txt": "條款".encode("cp950"),
    }
    content = replace(CONTENT, preheader="look", attachments=(AttachmentSpec("terms.txt"),))
    with Mailing(content, files, {"name": ["<Ann>"]}) as mailing:
        message = mailing.parsed()[0]
    assert body_text(message, "plain") == "Bank\n\nDear <Ann>"
    html = body_text(message, "html")
    assert "<p>Dear &lt;Ann&gt;</p>" in html
    assert html.index("<body>") < html.index("look") < html.index("<h1>")
    assert [p.get_content_type() for p in message.walk()][-2:] == ["image/png", "text/plain"]


def test_templates_in_another_encoding_are_named() -> None:
    with Mailing(CONTENT, {"body.html": b"<p>\n" + "鴻雁".encode("cp950")}, {"name": ["a"]}) as mailing:
        assert [str(p) for p in mailing.renderer.check(JOB)] == ["body.html line 2: is not UTF-8"]


def test_preview_shows_the_message_and_its_values() -> None:
    columns = {"name": ["a", "<王>", "c", "x\n"], "points": [1, 2, None, 4]}
    addresses = ["a@b.test", "b@b.test", None, "d@b.test"]
    with Mailing(CONTENT, FILES, columns, addresses=addresses, types={"points": "int"}, segment_rows=2) as mailing:
        preview = mailing.renderer.preview(JOB, 1, mailing.stamp)
        assert preview.message == mailing.messages_of([1])[1]
        settled = mailing.renderer.preview(JOB, 2, mailing.stamp)
        failed = mailing.renderer.preview(JOB, 3, mailing.stamp)
        with pytest.raises(NotFound):
            mailing.renderer.preview(JOB, 4, mailing.stamp)
    assert (preview.row, preview.state, preview.reason, preview.subject) == (1, RowState.PENDING, "", "Hi <王>")
    assert preview.values == {"name": "<王>", "points": "2"}
    assert "<p>Dear &lt;王&gt;,</p>" in preview.html
    assert preview.text == "Dear <王>,\n\n鴻雁傳書"
    assert pickle.loads(pickle.dumps(preview)) == preview
    assert (settled.state, settled.reason, settled.message) == (RowState.INVALID, "no @", b"")
    assert settled.values == {"name": "c", "points": ""}
    assert (failed.state, failed.message) == (RowState.RENDER_ERROR, b"")


def test_what_is_not_there_is_said() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a"]}) as mailing:
        for call in (mailing.renderer.check, lambda job: mailing.renderer.preview(job, 0, 1)):
            with pytest.raises(NotFound):
                call("01J00000000000000000000000")
        mailing.vault.delete(segment_path(JOB, 0))
        with pytest.raises(NotFound):
            mailing.envelopes()


def test_envelopes_travel() -> None:
    with Mailing(CONTENT, FILES, {"name": ["a", "b"]}) as mailing:
        envelopes = mailing.envelopes()
    back = pickle.loads(pickle.dumps(envelopes, protocol=5))
    assert split(back) == split(envelopes)
    assert len(pickle.dumps(envelopes)) < 2 * len(envelopes.data) + 4096
