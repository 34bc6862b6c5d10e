"""Notebooks of every shape: the text that Python reads, where it stands, and edits that leave all other bytes alone."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.findings import Edit
from reglint.lines import LINE_END
from reglint.source import CellSpan, EditError, Location, Source, SourceError, source_from_bytes


def code(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


def markdown(source: Any = "# text") -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: Any, metadata: Any = None) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}


def source_of(document: Any, **style: Any) -> Source:
    raw = document if isinstance(document, bytes) else json.dumps(document, **style).encode()
    return source_from_bytes(raw, "model.ipynb")


def change(source: Source, old: str, new: str) -> bytes:
    start = source.text.index(old)
    return source.apply([Edit(start, start + len(old), old, new)])


def error_of(raw: bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source_of(raw)
    assert "\n" not in caught.value.message
    return caught.value


# What is read.


def test_code_cells_are_joined_and_counted_over_all_cells() -> None:
    source = source_of(notebook(markdown(), code(["a\n", "b"]), code("c\r\n"), {"cell_type": "raw"}, code([])))
    assert source.text == "a\nb\nc\r\n\n\n"
    assert source.is_notebook
    assert source.cells == (CellSpan(0, 4, 2), CellSpan(4, 8, 3), CellSpan(8, 9, 5))


def test_old_notebooks_count_cells_over_all_worksheets() -> None:
    def cell(text: Any, language: str = "python") -> dict[str, Any]:
        return {"cell_type": "code", "input": text, "language": language, "outputs": []}

    source = source_of(
        {"nbformat": 3, "worksheets": [{"cells": [cell("a")]}, {}, {"cells": [cell("b", "R"), cell(["c"])]}]}
    )
    assert source.text == "a\nc\n"
    assert [span.cell for span in source.cells] == [1, 3]
    assert b'["d"]' in change(source, "c", "d")


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"language": "julia", "name": "python"}},
        {"language_info": {"name": "R"}},
        {"kernelspec": {"language": "scala"}, "language_info": {"name": "scala"}},
    ],
)
def test_notebooks_of_other_languages_are_empty(metadata: Any) -> None:
    source = source_of(notebook(code("W_regularizer"), metadata=metadata))
    assert (source.text, source.cells) == ("", ())
    assert source.apply([]) == source.raw


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "conda-env-py36"}},
        {"kernelspec": {"language": "python"}, "language_info": {"name": "ipython"}},
        {"language_info": {"name": "Python", "version": "2.7"}},
        {"kernelspec": None, "language_info": 3},
        [],
    ],
)
def test_notebooks_are_python_unless_they_say_otherwise(metadata: Any) -> None:
    assert source_of({**notebook(code("x")), "metadata": metadata}).text == "x\n"


def test_a_cell_of_another_language_in_vs_code_is_no_python() -> None:
    assert source_of(notebook(code("x", metadata={"vscode": {"languageId": "javascript"}}), code("y"))).text == "y\n"


def test_what_is_no_python_is_masked_and_told() -> None:
    source = source_of(notebook(code("x = 1\n!pip install keras==2.0.8"), code("%%bash\nls"), code("y = 2")))
    assert source.text == "x = 1\n0" + " " * 24 + "\n" + " " * 6 + "\n  \ny = 2\n"
    assert source.notebook is not None
    assert [(e.start, e.text) for e in source.notebook.escapes] == [
        (6, "!pip install keras==2.0.8"),
        (32, "%%bash\nls"),
    ]


@pytest.mark.parametrize("end", ["x;", "x \\", "x \\\n", "x \\\r\n", "!ls \\", "!ls \\\n", "# \\", "x?", "x = !ls"])
def test_the_end_of_a_cell_does_not_swallow_the_next(end: str) -> None:
    source = source_of(notebook(code(end), code("y = 1")))
    compile(source.text, "", "exec")
    assert source.text.endswith("\ny = 1\n")
    assert "\\" not in source.text[: source.cells[0].end].replace("# \\", "")
    assert change(source, "y", "z") == source.raw.replace(b"y = 1", b"z = 1")


def test_characters_that_no_python_file_can_hold_are_replaced() -> None:
    source = source_of(rb'{"cells": [{"cell_type": "code", "source": "a\ud800\u0000\ud83d\ude00b"}]}')
    assert source.text == "a\ufffd\ufffd\U0001f600b\n"
    assert change(source, "b", "c") == source.raw.replace(b'b"}', b'c"}')


# Where things stand.


def test_locations_are_within_the_cell_as_its_user_sees_it() -> None:
    source = source_of(notebook(code("a\n\nbc"), markdown(), code(["  if d:\r\n", "    e\r", "  g"])))
    assert [source.location(source.text.index(c)) for c in "acdeg"] == [
        Location(1, 1, 1),
        Location(3, 2, 1),
        Location(1, 6, 3),
        Location(2, 5, 3),
        Location(3, 3, 3),
    ]
    assert source.location(source.text.index("c") + 1) == Location(3, 3, 1)
    assert source.location(len(source.text)) == Location(3, 4, 3)


def test_locations_in_an_empty_notebook_exist() -> None:
    assert source_of(notebook()).location(0) == Location(1, 1, 1)
    assert source_of(notebook(markdown(), code(""))).location(0) == Location(1, 1, 2)


def test_masked_lines_have_their_place() -> None:
    source = source_of(notebook(code("x\n  !ls"), code("y")))
    assert source.location(source.text.index("0") + 2) == Location(2, 5, 1)


# What an edit changes.


@pytest.mark.parametrize(
    ("raw", "changed"),
    [
        pytest.param(r'"a(\"x\", W_=1)"', r'"a(\"x\", kernel_=1)"', id="behind escaped quotes"),
        pytest.param(r'"\u00e9\n\ud83d\ude00 W_"', r'"\u00e9\n\ud83d\ude00 kernel_"', id="behind a surrogate pair"),
        pytest.param(r'"\\\/\b\t\u0041W_\u0042"', r'"\\\/\b\t\u0041kernel_\u0042"', id="behind all escapes"),
        pytest.param(r'"a\u0057\u005fb"', r'"akernel_b"', id="itself escaped"),
        pytest.param(r'["a\n", "W_\n" , "b"]', r'["a\n", "kernel_\n" , "b"]', id="in a list"),
        pytest.param(r'["a", "", "W", "_", "b"]', r'["a", "", "kernel_", "", "b"]', id="over two strings of a list"),
        pytest.param(r'["aW\n", "_\n", "c\n"]', None, id="not there"),
    ],
)
def test_edits_go_into_the_string_as_it_is_written(raw: str, changed: str | None) -> None:
    head, tail = b'\n{ "cells" : [ {"cell_type":"code","x":[{}],\t"source" :', b'}\r\n],\n  "metadata":{} }\n\n'
    source = source_of(head + raw.encode() + tail)
    if changed is None:
        assert "W_" not in source.text
    else:
        assert change(source, "W_", "kernel_") == head + changed.encode() + tail


def test_a_line_is_taken_out_of_a_list() -> None:
    source = source_of(notebook(code(["a\n", "b(\n", "  c)\n", "d"])))
    changed = change(source, "b(\n  c)\n", "")
    assert json.loads(changed)["cells"][0]["source"] == ["a\n", "", "", "d"]


def test_several_lines_are_replaced_under_an_indent() -> None:
    source = source_of(notebook(code("  a = (\n    b,\n    c)\n  d")))
    assert json.loads(change(source, "(\n  b,\n  c)", "e"))["cells"][0]["source"] == "  a = e\n  d"


def test_text_is_put_where_its_line_is() -> None:
    source = source_of(notebook(code(["a\n", "b"]), code(["c"])))
    at = {c: source.text.index(c) for c in "abc"}
    changed = source.apply(
        [Edit(at["b"], at["b"], "", "x\n"), Edit(at["b"] + 1, at["b"] + 1, "", "y"), Edit(at["c"], at["c"], "", "z")]
    )
    assert [cell["source"] for cell in json.loads(changed)["cells"]] == [["a\n", "x\nby"], ["zc"]]


def test_text_is_put_before_a_magic_line() -> None:
    source = source_of(notebook(code(["a\n", "!ls"])))
    assert json.loads(source.apply([Edit(2, 2, "", "b\n")]))["cells"][0]["source"] == ["a\n", "b\n!ls"]


@pytest.mark.parametrize(
    ("cells", "old", "new"),
    [
        pytest.param([code("!ls")], "0", "1", id="a masked line"),
        pytest.param([code("x\n!ls")], "x\n0", "1", id="up to a masked line"),
        pytest.param([code("a"), code("b")], "a\nb", "c", id="over two cells"),
        pytest.param([code("a\n"), code("b")], "a\n\nb", "c", id="over two cells that end their lines"),
        pytest.param([code("a")], "a\n", "", id="the line end that no cell has"),
        pytest.param([code("x = 1")], "x = 1", "!ls", id="to a magic"),
        pytest.param([code("%time x")], "x", "(", id="to what Python cannot read behind a magic"),
        pytest.param([code("a")], "a", "\ud800", id="to what no file can hold"),
        pytest.param([code("")], "\n", "a", id="an empty cell"),
    ],
)
def test_edits_of_what_is_not_the_users_text_are_refused(cells: list[Any], old: str, new: str) -> None:
    source = source_of(notebook(*cells), ensure_ascii=False)
    with pytest.raises(EditError):
        change(source, old, new)


def test_nothing_is_put_before_a_cell_magic() -> None:
    with pytest.raises(EditError):
        source_of(notebook(code("%%time\nx"))).apply([Edit(0, 0, "", "import a\n")])


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        pytest.param({"ensure_ascii": True}, "é = a", rb"\u00e9 = \u00fc\n", id="all escaped"),
        pytest.param({"ensure_ascii": False}, "é = a", "é = ü\\n".encode(), id="nothing escaped"),
        pytest.param({"ensure_ascii": False}, "e = a", "e = ü\\n".encode(), id="plain"),
        pytest.param({"ensure_ascii": False}, "e = a\x1b", "e = ü\\n\\u001b".encode(), id="colours of an output"),
    ],
)
def test_content_is_escaped_as_the_file_does(style: Any, text: str, expected: bytes) -> None:
    assert expected in change(source_of(notebook(code(text)), **style), "a", "ü\n")


def test_mark_and_trailing_space_stay() -> None:
    raw = codecs.BOM_UTF8 + json.dumps(notebook(code("aé")), ensure_ascii=False).encode() + b"\r\n \n"
    assert change(source_of(raw), "a", "b") == raw.replace("aé".encode(), "bé".encode())


# What is no notebook.


@pytest.mark.parametrize(
    ("raw", "row", "word"),
    [
        pytest.param(b"", 1, "JSON", id="empty"),
        pytest.param(b'{"cells": [\n\n', 3, "JSON", id="cut off in a list"),
        pytest.param(b'{"cells": [\n{"cell_type": "code', 2, "JSON", id="cut off in a string"),
        pytest.param(b'{\n<<<<<<< HEAD\n"cells": []}', 2, "JSON", id="a merge conflict"),
        pytest.param(b'{"cells": [],\n}', 2, "JSON", id="a comma too many"),
        pytest.param(b'{"cells": [{}\n{}]}', 2, "JSON", id="a comma too few"),
        pytest.param(b'{"cells"\n[]}', 2, "JSON", id="no colon"),
        pytest.param(b'{"cells": [{"source": "a\nb"}]}', 1, "JSON", id="a line end in a string"),
        pytest.param(b'{"cells": []}\n{}', 2, "JSON", id="two documents"),
        pytest.param(b'\n{"a": 1}', 2, "no cells", id="other JSON"),
        pytest.param(b"[]", 1, "no cells", id="a list"),
        pytest.param(b"3", 1, "no cells", id="a number"),
        pytest.param(b'{"cells":\n{}}', 2, "'cells'", id="cells are no list"),
        pytest.param(b'{"worksheets":\n3}', 2, "'worksheets'", id="worksheets are no list"),
        pytest.param(b'{"worksheets":[\n3]}', 2, "worksheet", id="a worksheet is no object"),
        pytest.param(b'{"worksheets":[{"cells":\nnull}]}', 2, "'cells'", id="a worksheet's cells are no list"),
        pytest.param(b'{"cells":[{},\n"a"]}', 2, "cell 2", id="a cell is no object"),
        pytest.param(b'{"cells":[\n{"cell_type":"code","source":null}]}', 2, "cell 1", id="source is null"),
        pytest.param(b'{"cells":[\n{"cell_type":"code","source":["a",1]}]}', 2, "cell 1", id="source holds a number"),
        pytest.param(b'{"cells":[\n{"cell_type":"code","source":{"a":1}}]}', 2, "cell 1", id="source is an object"),
        pytest.param(b'{"cells":\n["\xe9"]}', 2, "0xe9", id="not UTF-8"),
        pytest.param(b'{"cells":\n[\0]}', 2, "NUL", id="NUL"),
        pytest.param(json.dumps(notebook()).encode("utf-16"), 1, "UTF-16", id="UTF-16"),
        pytest.param(b'{"a":' + b"[" * 200_000, 1, "deep", id="nested without end"),
        pytest.param(b"import keras\n", 1, "JSON", id="Python under a wrong name"),
    ],
)
def test_what_is_no_notebook_is_one_error_with_its_row(raw: bytes, row: int, word: str) -> None:
    error = error_of(raw)
    assert (error.row, word in error.message) == (row, True), error.message


def test_a_wrong_shape_is_an_error_in_any_language() -> None:
    assert error_of(json.dumps(notebook(code(3), metadata={"language_info": {"name": "R"}})).encode()).row == 1


def test_values_beside_the_code_are_of_no_concern() -> None:
    raw = (
        b'{"x": 1e999, "y": [NaN, ' + b"1" * 5000 + b'], "cells": [], "cells": [{"cell_type": "code", "source": "a"}]}'
    )
    assert source_of(raw).text == "a\n"


# Any notebook.

LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "  y",
            "'é\U0001f600'",
            '"\\n"',
            "%time f()",
            "!ls \\",
            "z?",
            "",
            "\t# \u2028",
            "%%bash",
            "%%time",
            ">>> a",
        ]
    ),
    max_size=6,
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def cell_sources(draw: st.DrawFn) -> str | list[str]:
    text = "".join(line + draw(ENDS) for line in draw(LINES)) + draw(st.sampled_from(["", "w = 2", "w \\"]))
    if draw(st.booleans()):
        return text
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    by_line = text.splitlines(keepends=True)
    return by_line if draw(st.booleans()) else [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def written_by_nbformat(sources: list[str | list[str]], _style: dict[str, Any]) -> bytes:
    joined = ["".join(source) for source in sources]
    cells = [nbformat.v4.new_code_cell(text) for text in joined]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()


def written_by_old_nbformat(sources: list[str | list[str]], _style: dict[str, Any]) -> bytes:
    cells = [nbformat.v3.new_code_cell("".join(source)) for source in sources]
    return nbformat.v3.writes_json(
        nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(cells=cells)])
    ).encode()


def written_by_json(sources: list[str | list[str]], style: dict[str, Any]) -> bytes:
    return json.dumps(notebook(*map(code, sources)), **style).encode()


@st.composite
def notebooks(draw: st.DrawFn) -> bytes:
    styles = st.fixed_dictionaries(
        {"indent": st.sampled_from([None, 0, 1, "\t"]), "ensure_ascii": st.booleans(), "sort_keys": st.booleans()}
    )
    writers: list[Callable[..., bytes]] = [written_by_nbformat, written_by_old_nbformat, written_by_json]
    return draw(st.sampled_from(writers))(draw(st.lists(cell_sources(), max_size=4)), draw(styles))


@given(notebooks())
def test_every_character_of_a_cell_leads_back_to_its_bytes(raw: bytes) -> None:
    source = source_of(raw)
    assert source.notebook is not None
    assert source.apply([]) == raw
    for stretch in source.notebook.stretches:
        for offset in range(stretch.start, stretch.end):
            character = source.text[offset]
            place = stretch.offset + offset - stretch.start
            if stretch.masked:
                continue
            assert stretch.cell.source[place] == character
            found = source.notebook.document_edits(Edit(offset, offset + 1, character, ""))
            assert found is not None
            assert [json.loads(f'"{edit.expected}"') for edit in found] == [character]


@given(notebooks())
def test_the_text_is_made_of_the_cells_lines(raw: bytes) -> None:
    """Lines that hold nothing special stand in the text where the notebook has them."""
    source = source_of(raw)
    cells = json.loads(raw).get("cells") or [c for w in json.loads(raw).get("worksheets", []) for c in w["cells"]]
    assert [span.cell for span in source.cells] == list(range(1, len(cells) + 1))
    assert "".join(source.text[span.start : span.end] for span in source.cells) == source.text
    for span, cell in zip(source.cells, cells, strict=True):
        lines = LINE_END.split("".join(cell.get("source", cell.get("input"))))
        for offset in range(span.start, span.end):
            location = source.location(offset)
            assert location.cell == span.cell
            line = lines[location.row - 1]
            assert location.column <= len(line) + 2
            if source.text[offset] not in "\r\n 0;\\":
                assert line[location.column - 1] == source.text[offset]


@given(notebooks(), st.data())
def test_no_byte_outside_the_edits_changes(raw: bytes, data: st.DataObject) -> None:
    source = source_of(raw)
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(source.text))] * 2)))
    expected = source.text[low:high]
    content = data.draw(st.sampled_from(["", "v", '"é\\\U0001f600"', "a\nb"]))
    try:
        changed = source.apply([Edit(low, high, expected, content)])
    except EditError:
        return
    assert source_of(changed).text == source.text[:low] + content + source.text[high:]
    head = len(common_prefix(raw, changed))
    tail = len(common_prefix(raw[head:][::-1], changed[head:][::-1]))
    assert source.notebook is not None
    inner = source.notebook.document_edits(Edit(low, high, expected, content)) or []
    first = len(source.notebook.document[: inner[0].start].encode())
    last = len(source.notebook.document[inner[-1].end :].encode())
    assert head >= first or raw == changed
    assert head + tail >= min(len(raw), len(changed)) or tail >= last
    old, new = json.loads(raw), json.loads(changed)
    assert shape(old) == shape(new)


def common_prefix(one: bytes, other: bytes) -> bytes:
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def shape(value: Any) -> Any:
    """A JSON value without what its strings read: edits change nothing but these."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)
