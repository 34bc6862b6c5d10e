"""The loader of rule cards, their schema, the tables of facts, and how cards are shown."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from reglint.examples import sections_of
from reglint.findings import Applicability, Severity
from reglint.reports.rules import render_card, render_rules
from reglint.rulebook import KINDS, SECTIONS, RulebookError, facts, load_cards, read_card

FRONT = """\
code = "TEAM001"
name = "renamed-in-house-argument"
kind = "renamed-argument"
severity = "warning"
applicability = "safe"

[[callable]]
name = "mylib.layers.Foo"
arguments = { old = "new", older = "newer" }
"""
BODY = """
## What it does
Finds `old`. It is `new` today.

## Example
```python bad
from mylib.layers import Foo

Foo(old=1)  # warning: TEAM001
```
```python fixed
from mylib.layers import Foo

Foo(new=1)
```
"""


def write(folder: Path, front: str = FRONT, body: str = BODY, name: str = "TEAM001.md") -> Path:
    """A card with this front matter and body."""
    path = folder / name
    path.write_text(f"+++\n{front}+++\n{body}", encoding="utf-8")
    return path


def error_of(path: Path) -> RulebookError:
    """What reading a card and its examples complains of."""
    with pytest.raises(RulebookError) as caught:
        _ = read_card(path).examples
    return caught.value


# ---------------------------------------------------------------------------------------------------- built-in cards


@pytest.mark.parametrize("code", load_cards())
def test_a_built_in_card_has_every_section_in_order(code: str) -> None:
    assert tuple(load_cards()[code].sections) == SECTIONS


@pytest.mark.parametrize("code", load_cards())
def test_a_built_in_card_says_in_one_sentence_what_it_does(code: str) -> None:
    summary = load_cards()[code].summary
    assert summary.endswith(".")
    assert "\n" not in summary


@pytest.mark.parametrize("code", load_cards())
def test_a_built_in_card_lies_in_a_file_of_its_name(code: str) -> None:
    card = load_cards()[code]
    assert card.path.name == f"{card.code}-{card.name}.md"


@pytest.mark.parametrize("code", load_cards())
def test_a_built_in_card_shows_bad_and_good_code(code: str) -> None:
    labels = {example.label for example in load_cards()[code].examples}
    assert {"bad", "good"} <= labels


@pytest.mark.parametrize("code", load_cards())
def test_the_versions_and_facts_of_a_built_in_card_can_be_read(code: str) -> None:
    card = load_cards()[code]
    for package, specifier in card.versions.items():
        assert package in {item["name"] for item in facts("packages")["package"]}
        assert SpecifierSet(specifier)
    if card.facts is not None:
        assert facts(card.facts)


def test_cards_come_in_order_of_their_codes_and_with_names_of_their_own() -> None:
    cards = load_cards()
    assert list(cards) == sorted(cards)
    assert len({card.name for card in cards.values()}) == len(cards)


def test_cards_can_be_sent_to_another_process() -> None:
    card = pickle.loads(pickle.dumps(load_cards()["REG101"]))
    assert card.triggers == load_cards()["REG101"].triggers


def test_loading_the_cards_reads_no_examples() -> None:
    program = "import sys, reglint.rulebook as r; r.load_cards(); print('reglint.examples' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ------------------------------------------------------------------------------------------------------------- facts


def layers_with(argument: str) -> set[str]:
    """The layers whose ``W_regularizer`` is today called ``argument``."""
    return {
        name for name, layer in facts("layers").items() if layer.get("renamed", {}).get("W_regularizer") == argument
    }


def test_what_an_argument_was_renamed_to_is_an_argument_of_the_layer() -> None:
    for name, layer in facts("layers").items():
        assert set(layer.get("renamed", {}).values()) <= set(layer["regularizers"]), name


def test_only_embeddings_call_their_weights_embeddings() -> None:
    assert layers_with("embeddings_regularizer") == {"Embedding", "ReversibleEmbedding"}


def test_layers_of_several_kernels_have_no_successor_of_w_regularizer() -> None:
    kernels = layers_with("kernel_regularizer")
    several = {
        name for name in facts("layers") if "Separable" in name or "Depthwise" in name or "HeadAttention" in name
    }
    assert several
    assert not several & kernels
    assert all(facts("layers")[name]["renamed"] == {"b_regularizer": "bias_regularizer"} for name in several)


def test_recurrent_layers_are_those_with_a_recurrent_kernel() -> None:
    recurrent = {name for name, layer in facts("layers").items() if layer.get("recurrent")}
    assert {"SimpleRNN", "GRU", "LSTM", "ConvLSTM2D", "LSTMCell", "CuDNNGRU"} <= recurrent
    assert recurrent == {n for n, layer in facts("layers").items() if "U_regularizer" in layer.get("renamed", {})}


def test_maxoutdense_and_highway_alone_keep_the_old_names() -> None:
    keeping = {name: layer["keeps"] for name, layer in facts("layers").items() if "keeps" in layer}
    assert keeping == {name: ["W_regularizer", "b_regularizer"] for name in ("MaxoutDense", "Highway")}


def test_an_alias_of_a_layer_has_the_same_arguments() -> None:
    layers = facts("layers")
    for alias, name in {
        "Convolution2D": "Conv2D",
        "Deconvolution2D": "Conv2DTranspose",
        "Deconv3D": "Conv3DTranspose",
    }.items():
        assert layers[alias]["regularizers"] == layers[name]["regularizers"]
        assert layers[alias]["renamed"] == layers[name]["renamed"]


def test_roots_and_stars_do_not_name_a_keras_as_foreign() -> None:
    packages = facts("packages")
    roots = {root for package in packages["package"] for root in package["roots"]}
    assert {"keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras", "keras_core"} <= roots
    assert not {root.partition(".")[0] for root in roots} & set(packages["foreign_stars"])


def test_the_layers_of_star_imports_are_layers() -> None:
    for names in facts("packages")["submodules"].values():
        assert set(names) <= set(facts("layers"))


def test_what_a_regularizer_was_renamed_to_exists_today() -> None:
    table = facts("regularizers")
    for old, symbol in table["symbols"].items():
        assert symbol["to"] in table["current"]
        assert old not in table["current"]
        assert set(symbol["must_state"]) <= set(symbol["defaults"])


def test_strengths_that_depend_on_the_release_are_always_stated() -> None:
    symbols = facts("regularizers")["symbols"]
    stated = {old: symbol["must_state"] for old, symbol in symbols.items() if symbol["to"] == "l1_l2"}
    assert stated == {"l1l2": ["l1", "l2"], "activity_l1l2": ["l1", "l2"]}


def test_contrib_l2_is_half_of_keras_l2() -> None:
    functions = facts("packages")["contrib"]["functions"]
    factors = {name: [s["factor"] for s in function["strengths"]] for name, function in functions.items()}
    assert factors == {"l1_regularizer": [1.0], "l2_regularizer": [0.5], "l1_l2_regularizer": [1.0, 0.5]}


# ------------------------------------------------------------------------------------------------------- users' cards


def test_a_users_card_describes_an_in_house_layer(tmp_path: Path) -> None:
    card = load_cards([write(tmp_path)])["TEAM001"]
    assert [(item.name, item.arguments) for item in card.callables] == [
        ("mylib.layers.Foo", {"old": "new", "older": "newer"})
    ]
    assert card.triggers == (("old",), ("older",))
    assert (card.severity, card.applicability, card.stable) == (Severity.WARNING, Applicability.SAFE, True)
    assert card.summary == "Finds `old`."


def test_a_folder_of_cards_is_read_and_a_file_in_it_only_once(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert set(load_cards([tmp_path, path])) - set(load_cards()) == {"TEAM001"}


def test_a_card_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_card(path).examples[1].source == "from mylib.layers import Foo\n\nFoo(new=1)\n"


def test_applicability_none_means_that_there_is_no_fix(tmp_path: Path) -> None:
    assert read_card(write(tmp_path, FRONT.replace('"safe"', '"none"'))).applicability is None


def test_a_code_that_is_taken_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, FRONT.replace("TEAM001", "REG101"))
    with pytest.raises(RulebookError, match=r":2: code REG101 is taken by REG101-.*\.md; choose another one"):
        load_cards([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match=r"none\.md: no such file or folder; correct `rule-paths`"):
        load_cards([tmp_path / "none.md"])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        pytest.param('code = "TEAM001"\n', "", 1, "`code` is missing; it must be capitals and a number", id="no code"),
        pytest.param('"TEAM001"', '"team-1"', 2, "`code` must be capitals and a number", id="a code in small letters"),
        pytest.param('"TEAM001"', "7", 2, "`code` must be capitals and a number", id="a code that is a number"),
        pytest.param(
            'name = "renamed-in-house-argument"',
            'name = "Old name"',
            3,
            "`name` must be lower-case words",
            id="a name with a space",
        ),
        pytest.param(
            '"renamed-argument"', '"renamed"', 4, "`kind` must be one of renamed-argument", id="an unknown kind"
        ),
        pytest.param('kind = "renamed-argument"\n', "", 1, "`kind` is missing", id="no kind"),
        pytest.param(
            '"warning"', '"fatal"', 5, "`severity` must be one of error, warning, info", id="an unknown severity"
        ),
        pytest.param('"safe"', "true", 6, "`applicability` must be one of safe", id="an applicability of another type"),
        pytest.param(
            '"safe"',
            '"safe"\ntriggers = ["old"]',
            7,
            "`triggers` must be a list of lists",
            id="triggers of another shape",
        ),
        pytest.param(
            '"safe"', '"safe"\nfixes = 3', 7, "unknown key `fixes`; a rule card has code", id="an unknown key"
        ),
        pytest.param('"safe"', '"safe"\nstable = "no"', 7, "`stable` must be true or false", id="stable as a string"),
        pytest.param(
            'old = "new"', 'old = "new-name"', 8, "`callable` must be tables [[callable]] with", id="not an identifier"
        ),
        pytest.param(
            'name = "mylib.layers.Foo"\n',
            "",
            8,
            "`callable` must be tables [[callable]] with",
            id="a callable without a name",
        ),
        pytest.param(
            '"renamed-argument"',
            '"run"',
            8,
            "`callable` has no meaning for kind run; take it out",
            id="a key of another kind",
        ),
        pytest.param('"safe"', '"safe" "twice"', 6, "not valid TOML: ", id="broken TOML"),
        pytest.param("older", "old", 10, "not valid TOML: ", id="a key given twice"),
    ],
)
def test_a_broken_front_matter_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert FRONT.count(old) == 1
    error = error_of(write(tmp_path, FRONT.replace(old, new)))
    assert error.line == line
    assert message in error.message
    assert str(error).startswith(f"{tmp_path / 'TEAM001.md'}:{line}: ")
    assert "\n" not in str(error)


def test_a_renamed_argument_card_has_to_say_what_is_renamed(tmp_path: Path) -> None:
    front = FRONT.partition("[[callable]]")[0] + 'triggers = [["old"]]\n'
    assert "needs tables [[callable]]" in error_of(write(tmp_path, front)).message


def test_a_card_without_triggers_would_never_look_at_a_file(tmp_path: Path) -> None:
    front = FRONT.partition("[[callable]]")[0].replace("renamed-argument", "renamed-symbol")
    assert "`triggers` is missing" in error_of(write(tmp_path, front)).message


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"", 1, "a rule card begins with a line +++", id="empty"),
        pytest.param(b"# A card\n", 1, "a rule card begins with a line +++", id="no front matter"),
        pytest.param(b'+++\ncode = "X1"\n', 1, "the front matter has no end", id="front matter without an end"),
        pytest.param(b"+++\n\xff\n+++\n", None, "is not UTF-8 (byte 4); save it as UTF-8", id="another encoding"),
    ],
)
def test_what_is_no_card_is_told_in_one_line(tmp_path: Path, content: bytes, line: int | None, message: str) -> None:
    path = tmp_path / "TEAM001.md"
    path.write_bytes(content)
    error = error_of(path)
    assert (error.line, message in error.message) == (line, True)


# ---------------------------------------------------------------------------------------------- sections and examples


def test_a_comment_in_a_block_is_no_heading() -> None:
    body = "## One\ntext\n```python bad\n## Two\n```\n## Three\n"
    assert sections_of(body) == {"One": "text\n```python bad\n## Two\n```", "Three": ""}


def test_an_example_knows_its_findings_and_its_line(tmp_path: Path) -> None:
    path = write(tmp_path)
    bad, fixed = read_card(path).examples
    assert [(e.line, e.code, e.severity) for e in bad.expected] == [(3, "TEAM001", Severity.WARNING)]
    assert bad.source == "from mylib.layers import Foo\n\nFoo(old=1)\n"
    assert path.read_text(encoding="utf-8").splitlines()[bad.line - 1] == "from mylib.layers import Foo"
    assert bad.group == fixed.group


def test_one_line_may_promise_several_findings(tmp_path: Path) -> None:
    body = "```python bad\nf(a=1, b=2)  # error: X1 X1, X2\n```\n"
    (example,) = read_card(write(tmp_path, body=body)).examples
    assert [expected.code for expected in example.expected] == ["X1", "X1", "X2"]
    assert example.source == "f(a=1, b=2)\n"


def test_blocks_with_files_that_stand_together_are_one_project(tmp_path: Path) -> None:
    body = """
```python good file="utils.py"
a = 1
```

```python bad file="model.py"
b = 2  # error: X1
```
```python fixed file="model.py"
b = 3
```
Another one:
```python bad file="model.py"
c = 2  # error: X1
```
```python good
d = 4
```
"""
    examples = read_card(write(tmp_path, body=body)).examples
    assert [(e.filename, e.group) for e in examples] == [
        ("utils.py", 1), ("model.py", 1), ("model.py", 1), ("model.py", 2), ("example.py", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        pytest.param(
            "```python bad\nx\n```\n", 11, "a bad block marks each expected finding", id="bad without a marker"
        ),
        pytest.param(
            "```python good\nx  # error: X1\n```\n", 11, "a good block promises no finding", id="good with one"
        ),
        pytest.param("```python fixed\nx\n```\n", 11, "a fixed block needs a bad one", id="fixed without bad"),
        pytest.param("text\n```python good\nx\n", 12, "this block has no end; close it with ```", id="no end"),
        pytest.param('```python good kears="<2"\nx\n```\n', 11, "only attributes such as", id="a misspelt attribute"),
        pytest.param("```python good keras=<2\nx\n```\n", 11, "only attributes such as", id="an unquoted attribute"),
    ],
)
def test_a_block_that_cannot_be_a_test_is_told_with_its_line(
    tmp_path: Path, body: str, line: int, message: str
) -> None:
    error = error_of(write(tmp_path, body=body))
    assert (error.line, message in error.message) == (line + 1, True)


# ------------------------------------------------------------------------------------------------------------ showing


def test_explain_as_text_shows_examples_without_fences() -> None:
    shown = render_card(load_cards()["REG101"])
    assert shown.startswith("REG101 renamed-regularizer-argument\nSeverity: error · safe fix · fails in: keras >=2.0")
    assert "```" not in shown
    assert "\nbad:\n    from keras.layers import Dense\n" in shown


def test_explain_as_markdown_is_the_card_under_a_title() -> None:
    card = load_cards()["REG103"]
    shown = render_card(card, "markdown")
    assert shown.startswith("# removed-regularizer (REG103)\n")
    assert "no fix" in shown
    assert shown.endswith(card.body.strip())


def test_explain_as_json_can_be_read_back() -> None:
    card = load_cards()["REG102"]
    value = json.loads(render_card(card, "json"))
    assert (value["code"], value["fix"], value["severity"], value["preview"]) == ("REG102", "safe", "error", False)
    assert value["summary"] == card.summary
    assert value["versions"] == card.versions


def test_the_table_of_rules_names_every_card_in_every_format() -> None:
    cards = load_cards()
    assert [line.split()[:2] for line in render_rules(cards).splitlines()] == [[c.code, c.name] for c in cards.values()]
    assert [value["code"] for value in json.loads(render_rules(cards, "json"))] == list(cards)
    table = render_rules(cards, "markdown").splitlines()
    assert len(table) == len(cards) + 2
    assert all(row.count("|") == table[0].count("|") for row in table)


def test_every_kind_of_check_but_run_has_a_built_in_card() -> None:
    assert {card.kind for card in load_cards().values()} == set(KINDS)
