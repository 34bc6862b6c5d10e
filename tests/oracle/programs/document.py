"""Writes docs/whole-programs.md from the record of the whole programs, and sorts what stops them into classes."""

import re
import sys
from collections import Counter
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REASONS = Path(__file__).resolve().parent / "reasons.toml"
BUILDING = ("passed", "assertion")


def builds(verdict):
    """Whether a script builds its models: all that it makes are built, and nothing stops it before that."""
    reached = verdict["end"] in ("end", "training") or verdict.get("past", False)
    return reached and 0 < verdict.get("made", 0) == verdict.get("built", 0)


def runs(verdict):
    """Whether a script runs to its end, or into its training loop for good."""
    return verdict["end"] in ("end", "training")


def functions_that_build(verdict):
    """The names of the test functions that build their models: they pass, or stop at an assertion of their own."""
    return [name for name, found in verdict.get("functions", {}).items() if found["outcome"] in BUILDING]


def reasons():
    """The classes of reasons in the order of the file: a list of {class, meaning, patterns}."""
    return tomllib.loads(REASONS.read_text(encoding="utf-8"))["reason"]


def reason_of(error):
    """The class of the reason ERROR, or None where none fits."""
    text = f"{error['type']}: {error['message']}"
    return next((row["class"] for row in reasons() for pattern in row["patterns"] if re.search(pattern, text)), None)


def errors_of(entry, side):
    """(name of a test function or None, error) of what stops a program on SIDE."""
    verdict = entry[side]
    if verdict.get("error"):
        yield None, verdict["error"]
    elif verdict["end"] in ("timeout", "died"):
        yield None, {"type": verdict["end"], "message": "", "line": None}
    for name, found in verdict.get("functions", {}).items():
        if found["outcome"] == "error":
            yield name, found["error"]


def _cell(text):
    return re.sub(r"\s+", " ", str(text)).replace("|", r"\|").replace("<", "&lt;")


def _yes(value):
    return "yes" if value else "no"


def _shortly(error):
    line = f"line {error['line']}: " if error.get("line") else ""
    message = error["message"].split(" (PYTHON")[0]
    return _cell(f"{line}{error['type']}: {message[:140]}")


def example_rows(programs):
    """The table of the scripts in PROGRAMS: one row each."""
    yield "| program | imports | builds its models | runs on | what stops it after the fix | class |"
    yield "|---|---|---|---|---|---|"
    for name, entry in sorted(programs.items()):
        if entry["kind"] != "script":
            continue
        sides = [entry["before"], entry["after"]]
        change = [" → ".join(_yes(judge(side)) for side in sides) for judge in (_imports, builds, runs)]
        stops = next((error for _, error in errors_of(entry, "after")), None)
        why = [f"`{_shortly(stops)}`", reason_of(stops) or "unsorted"] if stops else ["", ""]
        yield f"| {name.removeprefix('examples/')} | {' | '.join([*change, *why])} |"


def _imports(verdict):
    return verdict.get("imports", False)


def test_rows(programs):
    """The table of the test modules in PROGRAMS: one row each."""
    yield "| module | imports | functions | build their models | pass | what stops the rest after the fix |"
    yield "|---|---|---|---|---|---|"
    for name, entry in sorted(programs.items()):
        if entry["kind"] != "tests":
            continue
        sides = [entry["before"], entry["after"]]
        imports = " → ".join(_yes(_imports(side)) for side in sides)
        build = " → ".join(str(len(functions_that_build(side))) for side in sides)
        passed = " → ".join(
            str(sum(found["outcome"] == "passed" for found in side.get("functions", {}).values())) for side in sides
        )
        classes = Counter(reason_of(error) or "unsorted" for _, error in errors_of(entry, "after"))
        why = ", ".join(f"{kind} ({count})" for kind, count in classes.most_common())
        yield f"| {name.removeprefix('tests/')} | {imports} | {len(entry['functions'])} | {build} | {passed} | {why} |"


def totals(programs):
    """What the programs of one release come to: {figure: (before, after, of how many)}."""
    scripts = [entry for entry in programs.values() if entry["kind"] == "script"]
    modules = [entry for entry in programs.values() if entry["kind"] == "tests"]
    sides = ("before", "after")
    count = sum(len(entry["functions"]) for entry in modules)
    return {
        "examples that import": (*(sum(_imports(e[s]) for e in scripts) for s in sides), len(scripts)),
        "examples that build their models": (*(sum(builds(e[s]) for e in scripts) for s in sides), len(scripts)),
        "examples that run on": (*(sum(runs(e[s]) for e in scripts) for s in sides), len(scripts)),
        "test modules that import": (*(sum(_imports(e[s]) for e in modules) for s in sides), len(modules)),
        "test functions that build their models": (
            *(sum(len(functions_that_build(e[s])) for e in modules) for s in sides),
            count,
        ),
    }


def class_rows(record):
    """The table of the classes of reasons, with how many programs and test functions each stops after the fix."""
    stopped = Counter(
        (reason_of(error) or "unsorted", entry["kind"] if name is None else "function")
        for programs in record.values()
        for entry in programs.values()
        for name, error in errors_of(entry, "after")
    )
    yield "| class | examples | test modules | test functions | what it is |"
    yield "|---|---|---|---|---|"
    for row in reasons():
        counts = [stopped[row["class"], kind] for kind in ("script", "tests", "function")]
        if any(counts):
            yield f"| {row['class']} | {' | '.join(map(str, counts))} | {_cell(row['meaning'])} |"


def document(record, template):
    """The whole document: TEMPLATE with its `{{…}}` fields filled in."""
    fields = {"classes": "\n".join(class_rows(record))}
    lines = ["| | release | before | after | of |", "|---|---|---|---|---|"]
    for release, programs in sorted(record.items()):
        for figure, (before, after, count) in totals(programs).items():
            lines.append(f"| {figure} | {release} | {before} | {after} | {count} |")
        fields[f"examples {release}"] = "\n".join(example_rows(programs))
        fields[f"tests {release}"] = "\n".join(test_rows(programs))
    fields["totals"] = "\n".join(lines)
    return re.sub(r"\{\{(.+?)\}\}", lambda match: fields[match[1]], template)
