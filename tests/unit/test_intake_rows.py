"""Which rows repeat, which are suppressed, and what the typed segments hold; small segments, so that borders matter."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.intake.dedupe import KeyHashes, find_repeats
from actors.intake.ids import encode_id
from actors.intake.prepare import settle_suppressed
from actors.intake.suppress import PAGE, SuppressionTable, fold_addresses, load_table
from actors.model.errors import InvalidInput
from actors.model.hashing import hash_texts
from actors.model.job import ADDRESS, DOMAIN, REASON, VERDICT
from actors.model.states import RowState
from tests.examples import examples
from tests.fakes.bundles import CONTROL, prepared, table

TMP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.one_of(
    st.none(), st.sampled_from(["a", "b", "aa", "ab", "", "x" * 8, "x" * 9, "x" * 16 + "y", "é", "éa"]), st.text(max_size=20)
)


@given(st.lists(WORDS, max_size=30), st.integers(0, 5))
def test_equal_texts_have_equal_hashes_wherever_they_stand(words: list[str | None], skip: int) -> None:
    words = [w if w is None else w.encode("utf-8", "replace").decode() for w in words]
    hashes = hash_texts(pa.array(words, pa.string()).slice(skip))
    alone = [hash_texts(pa.array([w], pa.string()))[0] for w in words[skip:]]
    assert hashes.tolist() == alone


def test_hashes_of_many_similar_texts_differ() -> None:
    texts = [f"user{i}@example{i % 7}.test" for i in range(200_000)]
    assert len(np.unique(hash_texts(pa.array(texts)))) == len(texts)
    assert len(np.unique(hash_texts(pa.array(["", "\0", "\0\0", "a", "a\0", "a" * 8, "a" * 8 + "\0"])))) == 7


def repeats(root: Path, words: list[str | None], candidates: list[bool], partition: int, weak: bool) -> list[int]:
    column = pa.array(words, pa.string())
    hashes = KeyHashes(root / "hashes")
    hashes.append(hash_texts(column) % np.uint64(3) << np.uint64(62) if weak else hash_texts(column))
    hashes.close()
    mask = np.array(candidates, bool) & column.is_valid().to_numpy(zero_copy_only=False)
    found = find_repeats(hashes, mask, lambda rows: column.take(pa.array(rows)), partition)
    return sorted(int(r) for part in found for r in part)


@pytest.mark.parametrize("weak", [False, True], ids=["hashes", "colliding hashes"])
@TMP
@given(data=st.lists(st.tuples(WORDS, st.booleans()), max_size=40), partition=st.sampled_from([1, 2, 7, 100]))
def test_repeats_are_exactly_the_rows_after_the_first(
    tmp_path: Path, weak: bool, data: list[tuple[str | None, bool]], partition: int
) -> None:
    words = [w if w is None else w.encode("utf-8", "replace").decode() for w, _ in data]
    seen: set[str] = set()
    want = []
    for row, (word, (_, candidate)) in enumerate(zip(words, data, strict=True)):
        if candidate and word is not None:
            want += [row] if word in seen else []
            seen.add(word)
    assert repeats(tmp_path, words, [c for _, c in data], partition, weak) == want


def test_the_first_of_equal_addresses_stays(tmp_path: Path) -> None:
    texts = ["bob@X.test", "bob@x.TEST", "Bob@x.test", "bad", '"bob"@x.test', "ann@bücher.test", "ann@xn--bcher-kva.test"]
    lines = "email,name\n" + "\n".join(f"{a},{i}" for i, a in enumerate([*texts, "bad", "", "x"]))
    found = table(prepared(tmp_path, lines))
    assert found.column(VERDICT).to_pylist() == [0, 6, 0, 7, 6, 0, 6, 7, 7, 7]
    assert found.column(ADDRESS).to_pylist()[:3] == ["bob@x.test", "bob@x.test", "Bob@x.test"]
    assert found.column(REASON).to_pylist()[:4] == [None, "repeats the address of an earlier row", None, "no @"]
    assert found.column(DOMAIN).to_pylist()[3:7] == [None, "x.test", "xn--bcher-kva.test", "xn--bcher-kva.test"]
    assert found.column("email").to_pylist()[1] == "bob@x.TEST"


def test_dedupe_by_another_column(tmp_path: Path) -> None:
    lines = "email,id\na@x.test,1\nb@x.test,1\nbad,2\nc@x.test,2\nd@x.test,\ne@x.test,\n"
    found = table(prepared(tmp_path, lines, CONTROL + "list: {rules: {dedupe: id}}\n"))
    assert found.column(VERDICT).to_pylist() == [0, 6, 7, 0, 0, 0]
    assert found.column(REASON)[1].as_py() == "repeats the id of an earlier row"


@pytest.mark.parametrize(
    ("rule", "email", "states"),
    [('""', "email", [0, 0, 0]), ("email", "email", [0, 6, 0]), ("email", "to", [0, 6, 0]), ("to", "to", [0, 6, 0])],
)
def test_which_column_dedupe_means(tmp_path: Path, rule: str, email: str, states: list[int]) -> None:
    lines = f"{email},n\na@x.test,1\na@x.test,2\nb@x.test,1\n"
    found = table(prepared(tmp_path, lines, CONTROL + f"list: {{email: {email}, rules: {{dedupe: {rule}}}}}\n"))
    assert found.column(VERDICT).to_pylist() == states


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_segments_hold_every_row_once_in_order(tmp_path: Path, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 40))
    segment = data.draw(st.integers(1, 12))
    lines = "email,n\n" + "".join(f"u{i % 13}@x{i % 3}.test,{i}\n" for i in range(rows))
    found = prepared(tmp_path / f"{len(list(tmp_path.iterdir()))}", lines, segment_rows=segment)
    got = table(found)
    assert got.column("n").to_pylist() == list(range(rows))
    assert [len(c) for c in got.column("n").chunks] == [segment] * (rows // segment) + (
        [rows % segment] if rows % segment else []
    )
    assert got.column(VERDICT).to_pylist() == [0 if i < 39 else 6 for i in range(rows)]


def test_types_on_disk(tmp_path: Path) -> None:
    control = CONTROL + "list: {columns: {vip: bool, at: timestamp, due: date, sum: decimal, zip: int, tel: text}}\n"
    lines = (
        "email,n,price,money,phone,born,vip,at,due,sum,zip,tel,none\n"
        "a@x.test,1,10.5,10.50,0912345678,2026-12-01,yes,2026-12-01T09:00,2026/1/2,1.5,00123,1,\n"
        "b@x.test,2,3.25,3.20,0900000000,2000-01-01,,2026-12-01T09:00Z,20260102,-1.125,+5,2,\n"
    )
    found = prepared(tmp_path, lines, control, segment_rows=1)
    assert list(found.roster.types.items()) == [
        ("email", "text"),
        ("n", "int"),
        ("price", "float"),
        ("money", "decimal"),
        ("phone", "text"),
        ("born", "date"),
        ("vip", "bool"),
        ("at", "timestamp"),
        ("due", "date"),
        ("sum", "decimal"),
        ("zip", "int"),
        ("tel", "text"),
        ("none", "text"),
    ]
    got = table(found)
    assert got.schema.field("money").type == pa.decimal128(38, 2)
    assert got.schema.field("sum").type == pa.decimal128(38, 3)
    assert got.schema.field("at").type == pa.timestamp("us", "Asia/Taipei")
    assert got.column("sum").to_pylist() == [Decimal("1.500"), Decimal("-1.125")]
    assert got.column("due").to_pylist() == [date(2026, 1, 2)] * 2
    assert got.column("zip").to_pylist() == [123, 5]
    assert got.column("at")[0].as_py().timestamp() + 8 * 3600 == got.column("at")[1].as_py().timestamp()
    assert got.column("vip").to_pylist() == [True, None]
    assert got.column("none").to_pylist() == [None, None]


def refusal(root: Path, lines: str, control: str = CONTROL) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        prepared(root, lines, control)
    return [str(p) for p in caught.value.problems]


def test_declared_types_name_line_and_column(tmp_path: Path) -> None:
    control = CONTROL + "list: {columns: {n: int, day: date}}\n"
    lines = 'email,n,day,note\na@x.test,1,2026-12-01,"two\nlines"\n\n' + "".join(
        f"b{i}@x.test,{'x' if i == 7 else i},{'2026-02-30' if i in (7, 9) else '2026-02-03'},\n" for i in range(10)
    )
    assert refusal(tmp_path, lines, control) == [
        "list.csv line 12 column n: must be a whole number of at most 18 digits",
        "list.csv line 12 column day: must be a date such as 2026-12-01 or 2026/12/1",
        "list.csv line 14 column day: must be a date such as 2026-12-01 or 2026/12/1",
    ]


def test_ten_thousand_wrong_values_make_one_short_answer(tmp_path: Path) -> None:
    lines = "email,n\n" + "a@x.test,x\n" * 10_000
    found = refusal(tmp_path, lines, CONTROL + "list: {columns: {n: int}}\n")
    assert len(found) == 101
    assert found[-1].startswith("list.csv: and at least")


def test_missing_columns_name_the_nearest(tmp_path: Path) -> None:
    control = CONTROL + "list: {columns: {pionts: int}, rules: {dedupe: idd}}\n"
    assert refusal(tmp_path, "Email,points,id\na@x.test,1,1\n", control) == [
        "list.csv line 1: has no column 'email' for the addresses; did you mean 'Email'?",
        "job.yaml: list.columns.pionts: the list has no such column; did you mean 'points'?",
        "job.yaml: list.rules.dedupe: the list has no column 'idd'; did you mean 'id'?",
    ]


@pytest.mark.parametrize(
    ("lines", "message"), [("email\n", "the list has no rows"), ("email\nbad\nworse\n", "no row has a valid address")]
)
def test_a_list_without_anyone_to_write_to_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    assert message in refusal(tmp_path, lines)[0]


def test_files_and_list_are_told_together(tmp_path: Path) -> None:
    files = 'html: boddy.txt, attachments: [terms.pdf, ../x, "../{{ a }}"]'
    control = f'name: n\nsender: {{from: "a@b.test"}}\ncontent: {{subject: s, {files}}}\n'
    assert refusal(tmp_path, "email,n\na@x.test\n", control) == [
        "job.yaml: content.html: 'boddy.txt' is not in the bundle; did you mean 'body.txt'?",
        "job.yaml: content.attachments[0].file: 'terms.pdf' is not in the bundle",
        "job.yaml: content.attachments[1].file: the path leaves the bundle or has an empty part",
        "job.yaml: content.attachments[2].file: the path leaves the bundle",
        "list.csv line 2: has 1 fields, the header has 2",
    ]


class Pages:
    """A suppression list of one account; pages as the ledger gives them."""

    def __init__(self, rows: list[tuple[str, str, str, float]]):
        self._rows = sorted(rows)

    async def suppress(self, account: str, scope: str, addresses: object, reason: str) -> int:
        raise AssertionError("intake only reads")

    async def unsuppress(self, account: str, scope: str, addresses: object) -> int:
        raise AssertionError("intake only reads")

    async def suppressed(
        self, account: str, scopes: object, after: str = "", limit: int = 100_000
    ) -> list[tuple[str, str, str, float]]:
        assert limit == PAGE
        return [r for r in self._rows if r[0] > after][:limit]


async def test_suppressed_rows_name_scope_and_reason(tmp_path: Path) -> None:
    found = prepared(tmp_path, "email\na@x.test\nB@X.test\nbad\nb@x.test\nc@x.test\nÉ@x.test\nb@x.test\n", segment_rows=2)
    rows = [("b@x.test", "global", "hard\nbounce", 1.0), ("é@x.test", "marketing", "", 1.0), ("zz@x.test", "global", "", 1.0)]
    settle_suppressed(found.roster, await load_table(Pages(rows), "acme", ("global",)))
    got = table(found)
    assert got.column(VERDICT).to_pylist() == [0, 5, 7, 5, 0, 5, 6]
    assert got.column(REASON).to_pylist()[1] == "on the suppression list global: hard bounce"
    assert got.column(REASON).to_pylist()[5] == "on the suppression list marketing"
    assert found.roster.counts == {"pending": 2, "invalid": 1, "duplicate": 1, "suppressed": 3}


async def test_a_long_suppression_list_is_read_page_by_page() -> None:
    rows = [(f"u{i:07}@x.test", "global", "", 0.0) for i in range(2 * PAGE + 5)]
    found = await load_table(Pages(rows), "acme", ("global",))
    assert len(found) == len(rows)
    assert found.match(pa.array([rows[0][0], rows[PAGE][0].upper(), rows[-1][0], "x@x.test", None])).tolist() == [
        0,
        0,
        0,
        -1,
        -1,
    ]
    assert len(await load_table(Pages(rows), "acme", ())) == 0


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=8),
    st.lists(st.sampled_from(["a", "C", "x", None]), max_size=8),
)
def test_addresses_whose_hashes_meet_are_told_apart(listed: list[str], asked: list[str | None]) -> None:
    listed = sorted(set(listed))
    found = SuppressionTable(pa.array(listed, pa.string()), listed, np.arange(len(listed), dtype=np.int32))
    found._hashes = np.zeros(len(listed), np.uint64)  # every hash meets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actors.intake.suppress.hash_texts", lambda column: np.zeros(len(column), np.uint64))
        codes = found.match(pa.array(asked, pa.string()))
    assert [found.reasons[c] if c >= 0 else None for c in codes] == [
        a.lower() if a and a.lower() in listed else None for a in asked
    ]


def test_addresses_are_folded_as_python_folds_them() -> None:
    assert fold_addresses(pa.array(["A@x.test", "ÀÉ@x.test", None])).to_pylist() == ["a@x.test", "àé@x.test", None]


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_time(one: int, other: int, chance: bytes) -> None:
    a, b = encode_id(one, chance), encode_id(other, chance)
    assert len(a) == len(b) == 26
    assert (a < b) == (one < other)


def test_states_are_the_models() -> None:
    assert (RowState.PENDING, RowState.SUPPRESSED, RowState.DUPLICATE, RowState.INVALID) == (0, 5, 6, 7)
