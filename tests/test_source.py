"""Files in every encoding and with every line end: what is read, where it stands, which bytes an edit changes."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.findings import Edit
from reglint.source import EditError, Location, SourceError, read_source, source_from_bytes, source_from_text


def edit(text: str, old: str, new: str) -> Edit:
    start = text.index(old)
    return Edit(start, start + len(old), old, new)


def error_of(raw: bytes, filename: str = "model.py") -> SourceError:
    with pytest.raises(SourceError) as caught:
        source_from_bytes(raw, filename)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"", "", id="an empty file"),
        pytest.param("é = 1\n".encode(), "é = 1\n", id="UTF-8 without a cookie"),
        pytest.param(codecs.BOM_UTF8 + b"x\r\n", "x\r\n", id="a byte order mark is no text"),
        pytest.param(codecs.BOM_UTF8 + b"# coding: utf-8\n", "# coding: utf-8\n", id="mark and cookie agree"),
        pytest.param(b"# -*- coding: latin-1 -*-\n# \xe9\n", "# -*- coding: latin-1 -*-\n# é\n", id="a cookie"),
        pytest.param(b"# coding: latin-1 \xe9\n", "# coding: latin-1 é\n", id="the cookie's own line is not UTF-8"),
        pytest.param(
            b"# \xe9\n# coding: latin-1\n", "# é\n# coding: latin-1\n", id="the line before the cookie is not"
        ),
        pytest.param(
            b"#!python\r# coding: cp1252\r# \x80\r", "#!python\r# coding: cp1252\r# €\r", id="old Mac line ends"
        ),
        pytest.param(b"# coding: gbk\n# \xd6\xd0\n", "# coding: gbk\n# 中\n", id="two bytes a character"),
        pytest.param(b"# coding: utf-8-unix\n", "# coding: utf-8-unix\n", id="Emacs names line ends too"),
        pytest.param(b"x = 1\r# coding: latin-1\r", "x = 1\r# coding: latin-1\r", id="a cookie below code is none"),
    ],
)
def test_text_is_decoded_as_python_would(raw: bytes, text: str) -> None:
    assert source_from_bytes(raw, "model.py").text == text


@pytest.mark.parametrize(
    ("raw", "row", "word"),
    [
        pytest.param(b"x = 1\ny = '\xe9'\n", 2, "0xe9", id="Python 2 without a cookie is ASCII"),
        pytest.param(b"x\r\ry = '\xe9'\n", 3, "0xe9", id="rows are counted over every line end"),
        pytest.param(codecs.BOM_UTF8 + b"\n\xe9\n", 2, "0xe9", id="after a byte order mark"),
        pytest.param(b"# coding: no-such\n", 1, "no-such", id="unknown encoding"),
        pytest.param(b"\n# coding: no-such\n", 2, "no-such", id="unknown encoding in the second line"),
        pytest.param(b"# coding: rot13\nvzcbeg xrenf\n", 1, "rot13", id="an encoding that is none for text"),
        pytest.param(b"# coding: undefined\n", 1, "undefined", id="an encoding that refuses all"),
        pytest.param(codecs.BOM_UTF8 + b"# coding: latin-1\n", 1, "utf-8", id="cookie against byte order mark"),
        pytest.param(b"# coding: ascii\n\n# \xff\n", 3, "0xff", id="a byte the cookie does not know"),
        pytest.param(b"# coding: gbk\n# \xd6", 2, "GBK", id="cut off in a character"),
        pytest.param(b"# coding: utf-7\n+2AA-\n", 2, "utf-7", id="half a surrogate pair"),
        pytest.param(b"x = 1\n\n\0\n", 3, "NUL", id="NUL"),
        pytest.param("x = 1\n".encode("utf-16"), 1, "UTF-16", id="UTF-16"),
    ],
)
def test_unreadable_bytes_are_one_error_with_its_row(raw: bytes, row: int, word: str) -> None:
    error = error_of(raw)
    assert error.row == row
    assert word in error.message


def test_text_is_encoded_as_its_cookie_says() -> None:
    assert source_from_text("# coding: latin-1\né", "a.py").raw == b"# coding: latin-1\n\xe9"
    assert source_from_text("é", "a.py").raw == "é".encode()
    assert source_from_text("\ufeffx", "a.py").text == "x"
    with pytest.raises(SourceError, match="ascii"):
        source_from_text("# coding: ascii\né", "a.py")
    with pytest.raises(SourceError):
        source_from_text("x = '\ud800'", "a.py")


def test_rows_end_only_where_python_ends_lines() -> None:
    source = source_from_bytes("a\fb\x0bc\u2028d\x85e\x1cf\ng\r\nh\rix".encode(), "a.py")
    assert [source.location(source.text.index(c)) for c in "fghix"] == [
        Location(1, 11),
        Location(2, 1),
        Location(3, 1),
        Location(4, 1),
        Location(4, 2),
    ]
    assert source.location(len(source.text)) == Location(4, 3)


def test_columns_count_characters_not_bytes() -> None:
    source = source_from_bytes(codecs.BOM_UTF8 + "é𝄞x".encode(), "a.py")
    assert source.location(2) == Location(1, 3)


def test_line_bounds_leave_out_the_line_end() -> None:
    source = source_from_bytes(b"ab\r\n\r\ncd", "a.py")
    assert [source.line_bounds(offset) for offset in range(9)] == [(0, 2)] * 4 + [(4, 4)] * 2 + [(6, 8)] * 3


def test_an_edit_changes_only_its_bytes() -> None:
    raw = codecs.BOM_UTF8 + "# é\r\nDense(W_regularizer=1)\rx\x0c\n\n".encode()
    source = source_from_bytes(raw, "a.py")
    assert source.apply([edit(source.text, "W_", "kernel_")]) == raw.replace(b"W_", b"kernel_")


def test_edits_are_applied_whatever_their_order() -> None:
    source = source_from_bytes(b"abc", "a.py")
    assert source.apply([Edit(2, 3, "c", "Z"), Edit(0, 1, "a", "X"), Edit(1, 1, "", "Y")]) == b"XYbZ"


def test_an_edit_of_a_latin_1_file_is_written_in_latin_1() -> None:
    source = source_from_bytes(b"# coding: latin-1\n\xe9 = a\n", "a.py")
    assert source.apply([edit(source.text, "= a", "= ü")]) == b"# coding: latin-1\n\xe9 = \xfc\n"


@pytest.mark.parametrize(
    ("raw", "edits", "reason"),
    [
        pytest.param(b"abc", [Edit(0, 1, "b", "x")], "no longer", id="other text than expected"),
        pytest.param(b"abc", [Edit(2, 9, "c", "x")], "no longer", id="beyond the end"),
        pytest.param(b"abc", [Edit(-1, 1, "", "x")], "no longer", id="before the start"),
        pytest.param(b"abc", [Edit(0, 2, "ab", ""), Edit(1, 3, "bc", "")], "overlap", id="overlapping"),
        pytest.param(b"abc", [Edit(1, 1, "", "x"), Edit(1, 1, "", "y")], "overlap", id="two insertions at one place"),
        pytest.param(b"# coding: ascii\na", [Edit(16, 17, "a", "é")], "'é' cannot", id="content not encodable"),
        pytest.param(
            b"# coding: latin-1\n\xe9", [Edit(10, 17, "latin-1", "cp437")], "as intended", id="the cookie itself"
        ),
        pytest.param(b"# coding: latin-1\n\xe9", [Edit(10, 17, "latin-1", "nope")], "read", id="a cookie nobody knows"),
        pytest.param(
            b"# coding: iso-2022-jp\n'\x1b$B8l8l\x1b(B'",
            [Edit(24, 25, "語", "x")],
            "same bytes",
            id="inside a shift state",
        ),
    ],
)
def test_edits_that_do_not_fit_are_refused(raw: bytes, edits: list[Edit], reason: str) -> None:
    with pytest.raises(EditError, match=reason):
        source_from_bytes(raw, "a.py").apply(edits)


def test_an_encoding_with_shift_states_is_edited_outside_of_them() -> None:
    raw = b"# coding: iso-2022-jp\n'\x1b$B8l8l\x1b(B' + a"
    source = source_from_bytes(raw, "a.py")
    assert source.apply([edit(source.text, "+ a", "- b")]) == raw.replace(b"+ a", b"- b")


ENCODINGS = ["utf-8", "utf-8-bom", "latin-1", "cp1252", "gbk", "shift_jis", "iso-2022-jp", "koi8-r", "utf-7", "euc_kr"]
PIECES = st.sampled_from(
    ["a", "x = 1", "'", " ", "\n", "\r\n", "\r", "\f", "#", "é", "中", "日", "ж", "€", "𝄞", "\\", "+"]
)


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str, str]:
    """A file's bytes, its text, and its encoding."""
    encoding = draw(st.sampled_from(ENCODINGS))
    bom = codecs.BOM_UTF8 if encoding == "utf-8-bom" else b""
    encoding = encoding.removesuffix("-bom")
    pieces = [piece for piece in draw(st.lists(PIECES, max_size=40)) if encodable(piece, encoding)]
    text = f"# coding: {encoding}" + draw(st.sampled_from(["\n", "\r", "\r\n"])) + "".join(pieces)
    return bom + text.encode(encoding), text, encoding


def encodable(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False


@given(files(), st.data())
def test_no_byte_outside_the_edits_changes(file: tuple[bytes, str, str], data: st.DataObject) -> None:
    raw, text, encoding = file
    source = source_from_bytes(raw, "a.py")
    assert source.text == text
    first = source.line_bounds(0)[1] + 1  # not the cookie, which says how to read the rest
    cuts = sorted(data.draw(st.lists(st.integers(first, len(text)), max_size=6)))
    ranges = list(dict.fromkeys(zip(cuts[::2], cuts[1::2], strict=False)))
    contents = [c if encodable(c, encoding) else "y" for c in data.draw(st.lists(PIECES, min_size=3, max_size=3))]
    edits = [Edit(s, e, text[s:e], content) for (s, e), content in zip(ranges, contents, strict=False)]
    try:
        changed = source.apply(edits)
    except EditError as error:
        assert encoding in ("iso-2022-jp", "utf-7") or "overlap" in error.message  # noqa: PT017
        return
    assert source_from_bytes(changed, "a.py").text == spliced(text, edits)
    bom = len(raw) - len(text.encode(encoding))
    if edits:
        head = bom + len(text[: edits[0].start].encode(encoding))
        tail = len(text[edits[-1].end :].encode(encoding))
        assert changed[:head] == raw[:head]
        assert changed[len(changed) - tail :] == raw[len(raw) - tail :]
    else:
        assert changed == raw


def spliced(text: str, edits: list[Edit]) -> str:
    for change in reversed(edits):
        text = text[: change.start] + change.content + text[change.end :]
    return text


@given(files(), st.data())
def test_locations_and_line_bounds_agree_with_counting(file: tuple[bytes, str, str], data: st.DataObject) -> None:
    raw, text, _ = file
    source = source_from_bytes(raw, "a.py")
    offset = data.draw(st.integers(0, len(text)))
    start, end = source.line_bounds(offset)
    before = text[:start].replace("\r\n", "\n").replace("\r", "\n")
    assert source.location(offset) == Location(before.count("\n") + 1, offset - start + 1)
    assert not set(text[start:end]) & set("\r\n")
    assert text[end : end + 1] in ("", "\r", "\n")


def test_a_file_is_read_under_its_own_or_a_given_name(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x\r\n")
    assert read_source(path).filename == str(path)
    assert read_source(path, "shown.py").filename == "shown.py"
    assert read_source(path).text == "x\r\n"


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop.py"
    loop.symlink_to(loop)
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    for path, word in [
        (tmp_path / "gone.py", "No such file"),
        (tmp_path, "regular"),
        (loop, "symbolic"),
        (pipe, "regular"),
    ]:
        with pytest.raises(SourceError, match=word) as caught:
            read_source(path)
        assert caught.value.row is None


def test_a_name_no_file_can_have_is_one_line() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_source(Path("a\0b.py"))


def test_fifty_megabytes_are_read_and_located_at_once() -> None:
    raw = b"x = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n" * 1_000_000
    source = source_from_bytes(raw, "a.py")
    assert source.location(len(source.text) - 2).row == 1_000_000
    assert len(source.apply([Edit(0, 1, "x", "yy")])) == len(raw) + 1
