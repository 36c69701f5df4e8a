"""Every octet of a mail is below 128, whatever stands in templates, values, names and files, but for local parts (ADR 0055)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.spec import AttachmentSpec, ContentSpec, SenderSpec
from tests.examples import examples
from tests.fakes.identities import ed25519_identity
from tests.fakes.mailing import Mailing

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40)
PAGE = "<html><body><p>親愛的{{ v }}</p><img src='圖.png'>\xa0é\x7f</body></html>"
CONTENT = ContentSpec(
    "帳單 {{ v }}",
    html="信.html",
    text="信.txt",
    preheader="摘要 {{ v }}",
    headers={"X-姓".encode("idna").decode("ascii"): "名 {{ v }}"},
    attachments=(AttachmentSpec("條款.pdf"), AttachmentSpec("條款.pdf", name="{{ v }}.pdf"), AttachmentSpec(template="表.csv")),
    unsubscribe="https://u.test/{{ n }}",
)
FILES = {
    "信.html": PAGE,
    "信.txt": "親愛的{{ v }}\r\n" + "長" * 300,
    "圖.png": bytes(range(256)),
    "條款.pdf": bytes(range(256)) * 9,
    "表.csv": "名,{{ v }}\n",
}
SENDER = SenderSpec("鴻雁銀行 <service@銀行.test>", reply_to="客服 <care@銀行.test>", return_path="bounce@銀行.test")


@settings(max_examples=examples(15))
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_whatever_the_values_are(values: list[str]) -> None:
    columns = {"v": [value.replace("/", "x") for value in values], "n": [str(n) for n in range(len(values))]}
    with Mailing(CONTENT, FILES, columns, sender=SENDER, identities=[ed25519_identity()[0]]) as mailing:
        envelopes = mailing.envelopes()
    assert len(envelopes) == len(values), envelopes.failures
    assert int(envelopes.data.max()) < 128
    assert not envelopes.utf8.any()


def test_local_parts_outside_ascii_are_told_with_the_mail() -> None:
    columns = {"v": ["a", "b"], "n": ["1", "2"]}
    with Mailing(CONTENT, FILES, columns, sender=SENDER, addresses=["a@x.test", "鴻雁@x.test"]) as mailing:
        envelopes = mailing.envelopes()
    split = int(envelopes.offsets[1])
    assert int(envelopes.data[:split].max()) < 128 <= int(envelopes.data[split:].max())
    assert envelopes.utf8.tolist() == [False, True]
