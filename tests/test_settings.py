"""Settings: which file is nearest, what its keys mean, and one clear line where they mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reglint.formats import FORMATS
from reglint.globs import Glob
from reglint.settings import (
    DEFAULT_EXCLUDE,
    Resolver,
    Selection,
    Settings,
    SettingsError,
    check_selectors,
    covers,
    load,
    selected_codes,
)

STABLE = {"REG101": True, "REG102": True, "REG201": True, "REG211": False, "TEAM1": True}


def write(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- selection


@pytest.mark.parametrize(
    ("selector", "code", "expected"),
    [
        ("ALL", "REG101", True),
        ("REG", "REG101", True),
        ("REG1", "REG101", True),
        ("REG10", "REG101", True),
        ("REG101", "REG101", True),
        ("REG1011", "REG101", False),
        ("REG2", "REG101", False),
        ("RE", "REG101", False),
        ("R", "REG101", False),
        ("101", "REG101", False),
        ("", "REG101", False),
        ("TEAM", "TEAM1", True),
    ],
)
def test_a_selector_is_all_the_letters_and_some_of_the_digits(selector: str, code: str, expected: bool) -> None:
    assert covers(selector, code) is expected


def chosen(*layers: Selection, preview: bool = False) -> list[str]:
    return sorted(selected_codes(layers, STABLE, preview))


def test_all_stable_rules_run_by_default() -> None:
    assert chosen() == ["REG101", "REG102", "REG201", "TEAM1"]


def test_preview_brings_the_rules_that_are_not_yet_stable() -> None:
    assert "REG211" in chosen(preview=True)


def test_a_rule_to_opt_in_to_runs_only_where_it_is_named_in_full() -> None:
    def chosen(**layer: tuple[str, ...]) -> bool:
        return "REG101" in selected_codes([Selection(**layer)], STABLE, False, opt_in={"REG101"})

    assert not chosen()
    assert not chosen(select=("REG",)) and not chosen(extend_select=("REG10",))
    assert chosen(select=("REG101",)) and chosen(extend_select=("REG101",))
    assert not chosen(extend_select=("REG101",), ignore=("REG101",))


def test_naming_an_unstable_rule_does_not_bring_it_without_preview() -> None:
    assert chosen(Selection(select=("REG211",))) == []


def test_the_longer_selector_wins_whichever_list_it_is_in() -> None:
    assert chosen(Selection(select=("REG1",), ignore=("REG102",))) == ["REG101"]
    assert chosen(Selection(select=("REG102",), ignore=("REG1",))) == ["REG102"]
    assert chosen(Selection(select=("ALL",), ignore=("REG",))) == ["TEAM1"]


def test_of_two_selectors_of_one_length_ignore_wins() -> None:
    assert chosen(Selection(select=("REG101", "REG102"), ignore=("REG101",))) == ["REG102"]


def test_ignore_and_extend_select_without_select_start_from_the_layer_below() -> None:
    below = Selection(select=("REG101",))
    assert chosen(below, Selection(extend_select=("REG2",))) == ["REG101", "REG201"]
    assert chosen(below, Selection(ignore=("REG101",))) == []


def test_a_later_select_overrides_an_earlier_ignore() -> None:
    assert chosen(Selection(ignore=("REG101",)), Selection(select=("REG101",))) == ["REG101"]


def test_an_empty_select_means_no_rule() -> None:
    assert chosen(Selection(select=())) == []


def test_an_unknown_code_is_named_with_the_nearest_known_one() -> None:
    settings = Settings(selections=(Selection(select=("TEAM11",), origin="some.toml"),))
    with pytest.raises(
        SettingsError, match=r"^some\.toml: unknown rule code 'TEAM11' \(did you mean 'TEAM1'\?\) in select$"
    ):
        check_selectors(settings, STABLE)


def test_an_unknown_code_in_per_file_ignores_is_found_too() -> None:
    settings = Settings.from_mapping({"per-file-ignores": {"*.py": ["E501"]}})
    with pytest.raises(SettingsError, match="unknown rule code 'E501'"):
        check_selectors(settings, STABLE)


# --- keys


def test_every_key_of_the_table_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
[tool.reglint]
select = ["REG1"]
ignore = ["REG102"]
extend-select = ["REG2"]
exclude = ["old"]
extend-exclude = ["more/*.py"]
respect-gitignore = false
unsafe-fixes = true
preview = true
output-format = "json"
required-version = ">=0.1"
keras-version = ">=2"
target = "keras==3.15.1"
rule-paths = ["cards"]
[tool.reglint.layers]
"mylib.Dense" = "Dense"
[tool.reglint.per-file-ignores]
"tests/*" = ["REG101"]
""",
    )
    settings = load(path)
    assert settings == Settings(
        root=tmp_path,
        origin=path,
        selections=(Selection(("REG1",), ("REG102",), ("REG2",), origin=str(path)),),
        per_file_ignores=((Glob("tests/*", str(tmp_path)), False, ("REG101",)),),
        exclude=(Glob("old", str(tmp_path)),),
        extend_exclude=(Glob("more/*.py", str(tmp_path)),),
        respect_gitignore=False,
        unsafe_fixes=True,
        preview=True,
        output_format="json",
        required_version=">=0.1",
        keras_version=">=2",
        target="keras==3.15.1",
        rule_paths=(tmp_path / "cards",),
        layers={"mylib.Dense": "Dense"},
    )


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    path = write(tmp_path, '[tool.reglint]\nslect = ["REG1"]\n')
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: unknown key 'slect' in [tool.reglint] (did you mean 'select'?)"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("select = 'REG1'", "select must be a list of strings, not 'REG1'"),
        ("select = [1]", "select must be a list of strings, not [1]"),
        ("preview = 'yes'", "preview must be true or false, not 'yes'"),
        ("unsafe-fixes = 1", "unsafe-fixes must be true or false, not 1"),
        ("target = 3", "target must be a string, not 3"),
        ("output-format = 'xml'", f"output-format must be one of {', '.join(FORMATS)}, not 'xml'"),
        ("layers = ['Dense']", "layers must be a table of strings, not ['Dense']"),
        ("per-file-ignores = ['a']", "per-file-ignores must be a table of lists of rule codes, not ['a']"),
        ("extend = ['a', 'b']", "extend must be the path of one file, not ['a', 'b']"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_what_it_must_be(tmp_path: Path, line: str, wanted: str) -> None:
    path = write(tmp_path, f"[tool.reglint]\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {wanted}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"[tool.reglint]\nselect = [\n", ":3"),
        (b"[tool.reglint]\nselect == 3\n", ":2:9"),
        (b"[tool.reglint]\n# caf\xe9\n", ":2"),
    ],
)
def test_broken_toml_is_named_with_file_and_line(tmp_path: Path, text: bytes, place: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{place}: not ")
    assert "\n" not in str(caught.value)


def test_toml_nested_beyond_reason_is_one_line_too(tmp_path: Path) -> None:
    path = write(tmp_path, "x = " + "[" * 100_000)
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        load(path)


@pytest.mark.parametrize("wanted", ["0.1.0", "==0.1.0", ">=0.1", "~=0.1.0"])
def test_a_required_version_that_this_is_changes_nothing(wanted: str) -> None:
    assert Settings.from_mapping({"required-version": wanted}).required_version == wanted


@pytest.mark.parametrize("wanted", ["99", ">=99", "<0.1"])
def test_another_required_version_is_refused(wanted: str) -> None:
    with pytest.raises(SettingsError, match=r"required-version is .* but this is reglint"):
        Settings.from_mapping({"required-version": wanted})


def test_a_required_version_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="must be a version or a specifier"):
        Settings.from_mapping({"required-version": "new enough"})


# --- extend


def test_an_extended_file_lies_below_and_its_globs_start_from_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, 'select = ["REG1"]\nextend-exclude = ["gen"]\npreview = true\ntarget = "keras==3.0"\n', "base.toml")
    path = write(
        tmp_path / "sub",
        '[tool.reglint]\nextend = "../base.toml"\nignore = ["REG102"]\n'
        'extend-exclude = ["own"]\ntarget = "keras==3.15.1"\n',
    )
    settings = load(path)
    assert settings.extend_exclude == (Glob("gen", str(tmp_path)), Glob("own", str(tmp_path / "sub")))
    assert (settings.preview, settings.target) == (True, "keras==3.15.1")
    assert chosen(*settings.selections) == ["REG101"]


def test_an_extended_pyproject_is_read_at_its_table(tmp_path: Path) -> None:
    write(tmp_path / "shared", "[tool.reglint]\npreview = true\n")
    path = write(tmp_path, '[tool.reglint]\nextend = "shared/pyproject.toml"\n')
    assert load(path).preview


def test_per_file_ignores_replace_those_of_an_extended_file(tmp_path: Path) -> None:
    write(tmp_path, '[per-file-ignores]\n"a.py" = ["REG101"]\n', "base.toml")
    path = write(tmp_path, '[tool.reglint]\nextend = "base.toml"\nper-file-ignores = { "b.py" = ["REG102"] }\n')
    assert load(path).ignored_for(str(tmp_path / "a.py")) == ()
    assert load(path).ignored_for(str(tmp_path / "b.py")) == ("REG102",)


def test_an_extended_file_can_extend_another(tmp_path: Path) -> None:
    write(tmp_path / "a/b", 'preview = true\ntarget = "keras==2.0"\n', "far.toml")
    write(tmp_path / "a", 'extend = "b/far.toml"\ntarget = "keras==3.0"\n', "near.toml")
    settings = load(write(tmp_path, '[tool.reglint]\nextend = "a/near.toml"\n'))
    assert (settings.preview, settings.target) == (True, "keras==3.0")


def test_a_required_version_of_an_extended_file_counts_even_where_it_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, 'required-version = ">=99"\n', "base.toml")
    path = write(tmp_path, '[tool.reglint]\nextend = "base.toml"\nrequired-version = ">=0.1"\n')
    with pytest.raises(SettingsError, match=r"base\.toml: required-version is '>=99'"):
        load(path)


def test_a_baseline_is_a_path_from_the_folder_of_its_file(tmp_path: Path) -> None:
    write(tmp_path / "shared", 'baseline = "../known.json"\n', "base.toml")
    assert load(write(tmp_path, '[tool.reglint]\nextend = "shared/base.toml"\n')).baseline == tmp_path / "known.json"
    assert load(write(tmp_path, '[tool.reglint]\nextend = "shared/base.toml"\nbaseline = ""\n')).baseline is None
    with pytest.raises(SettingsError, match="baseline must be a string"):
        Settings.from_mapping({"baseline": 3})


def test_files_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 'extend = "pyproject.toml"\n', "base.toml")
    path = write(tmp_path, '[tool.reglint]\nextend = "base.toml"\n')
    with pytest.raises(SettingsError, match="extends itself"):
        load(path)


def test_an_extended_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, '[tool.reglint]\nextend = "base.toml"\n')
    with pytest.raises(SettingsError, match=r"base\.toml: cannot be read: No such file"):
        load(path)


# --- which file


def test_the_nearest_pyproject_with_our_table_decides(tmp_path: Path) -> None:
    write(tmp_path, '[tool.reglint]\ntarget = "outer"\n')
    write(tmp_path / "a", '[tool.reglint]\ntarget = "inner"\n')
    write(tmp_path / "a/b", "[tool.other]\n")
    resolver = Resolver()
    assert resolver.settings_for(str(tmp_path / "a/b/c")).target == "inner"
    assert resolver.settings_for(str(tmp_path / "d")).target == "outer"
    assert resolver.settings_for(str(tmp_path / "a/b")) is resolver.settings_for(str(tmp_path / "a"))


def test_the_command_line_lies_over_every_file(tmp_path: Path) -> None:
    write(tmp_path, '[tool.reglint]\ntarget = "file"\nignore = ["REG101"]\n')
    settings = Resolver({"target": "line", "select": ["REG101"]}).settings_for(str(tmp_path))
    assert settings.target == "line"
    assert chosen(*settings.selections) == ["REG101"]


def test_isolated_reads_no_file(tmp_path: Path) -> None:
    write(tmp_path, '[tool.reglint]\ntarget = "file"\n')
    assert Resolver(isolated=True).settings_for(str(tmp_path)).target is None


def test_a_config_file_replaces_all_others(tmp_path: Path) -> None:
    write(tmp_path, '[tool.reglint]\ntarget = "file"\n')
    config = write(tmp_path, "preview = true\n", "other.toml")
    settings = Resolver(config=config).settings_for(str(tmp_path))
    assert (settings.target, settings.preview) == (None, True)


def test_settings_that_cannot_be_followed_are_one_problem_and_forbid_writing(tmp_path: Path) -> None:
    write(tmp_path, "[tool.reglint\n")
    resolver = Resolver()
    for folder in ("", "a", "b"):
        assert not resolver.settings_for(str(tmp_path / folder)).may_write
    assert len(resolver.problems) == 1
    assert resolver.problems[0].startswith(f"{tmp_path / 'pyproject.toml'}:1")


# --- globs


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("tests", "/r/tests", True),
        ("tests", "/r/a/tests", True),
        ("tests/", "/r/tests", True),
        ("a/tests", "/r/a/tests", True),
        ("a/tests", "/r/b/a/tests", False),
        ("./a", "/r/a", True),
        ("../a", "/a", True),
        ("*.py", "/r/deep/x.py", True),
        ("*.py", "/r/x.pyi", False),
        ("test_?.py", "/r/test_1.py", True),
        ("src/*.py", "/r/src/deep/x.py", True),
        ("src/**/x.py", "/r/src/x.py", True),
        ("src/**/x.py", "/r/src/a/b/x.py", True),
        ("**/x.py", "/r/x.py", True),
        ("{a,b}.py", "/r/b.py", True),
        ("{a,b}.py", "/r/c.py", False),
        ("[ab].py", "/r/b.py", True),
        ("[!ab].py", "/r/b.py", False),
        ("[!ab].py", "/r/c.py", True),
        ("/r/x.py", "/r/x.py", True),
        ("/x.py", "/r/x.py", False),
        ("a+(1).py", "/r/a+(1).py", True),
        ("[.py", "/r/[.py", True),
        ("{a.py", "/r/{a.py", True),
        ("[^]].py", "/r/x.py", False),
    ],
)
def test_globs_match_as_in_ruff(pattern: str, path: str, expected: bool) -> None:
    assert Glob(pattern, "/r").matches(path) is expected


def test_the_folder_of_a_glob_is_taken_literally() -> None:
    assert Glob("a/*.py", "/r[1]").matches("/r[1]/a/x.py")
    assert not Glob("a/*.py", "/r[1]").matches("/r1/a/x.py")


def test_per_file_ignores_may_be_negated(tmp_path: Path) -> None:
    settings = Settings.from_mapping({"per-file-ignores": {"!src/*": ["REG1"], "x.py": ["REG2"]}}, tmp_path)
    assert settings.ignored_for(str(tmp_path / "src/x.py")) == ("REG2",)
    assert settings.ignored_for(str(tmp_path / "docs/y.py")) == ("REG1",)


def test_own_excludes_replace_the_usual_ones_and_extend_exclude_adds(tmp_path: Path) -> None:
    usual = Settings(root=tmp_path)
    assert {glob.pattern for glob in usual.excludes.patterns} == set(DEFAULT_EXCLUDE)
    assert usual.explicit_excludes.patterns == ()
    own = Settings.from_mapping({"exclude": ["a"], "extend-exclude": ["b"]}, tmp_path)
    for globs in (own.excludes, own.explicit_excludes):
        assert [glob.pattern for glob in globs.patterns] == ["a", "b"]
