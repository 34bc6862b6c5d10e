"""The commands and their options, as argparse knows them. Nothing here runs a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from reglint.options import add_configuration, add_output, codes, some_codes
from reglint.printing import FAILED

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["_Parser"]

SHELLS = ("bash", "zsh", "fish")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps an option and what it does on one line, and the examples as they are written."""

    def __init__(self, prog: str) -> None:
        # argparse makes one of these for each argument, and would ask for the width of the terminal each time.
        super().__init__(prog, max_help_position=30, width=80)

    def format_help(self) -> str:
        from shutil import get_terminal_size

        self._width = get_terminal_size().columns - 2
        self._max_help_position = min(30, max(self._width - 20, 4))
        return super().format_help()

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):  # the heading above says already that these are commands
            return "".join(map(self._format_action, action._get_subactions()))
        if isinstance(action, argparse._HelpAction):  # whoever reads this has found it
            return ""
        return super()._format_action(action)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is a ``--help`` away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help, **options})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """The same, but nothing is unknown: what a command does not take is its own error, with its own ``--help``."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"error: {message} (see `{self.prog} --help`)\n")


_EXAMPLES = {
    "reglint": """examples:
  reglint fix --diff model.py            show what fixing would change
  reglint check --target keras==3.15.1   does it still regularize there?""",
    "check": """examples:
  reglint check --keras-version '>=2,<3' src notebooks/train.ipynb
  git diff --name-only -z | reglint check --files-from -
  reglint check --output-format github --report sarif=reglint.sarif

exit status: 0 nothing left, 1 findings, 2 something could not be read""",
    "fix": """examples:
  reglint fix --diff src                 show what would change, write nothing
  reglint fix --unsafe-fixes model.py    also what needs a look""",
}


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line; of one ``command``, where it is known which, since it takes time."""
    from reglint import __version__

    program = _Parser(
        prog="reglint", description="Does my regularization do what I think it does?", epilog=_EXAMPLES["reglint"]
    )
    program.add_argument("--version", action="version", version=f"reglint {__version__}")
    # The name of the program is given, or it is made of a help text that imports a great deal.
    commands = program.add_subparsers(title="commands", required=True, metavar="COMMAND", prog="reglint")
    wanted = _COMMANDS.get(command or "")
    for add in [wanted] if wanted else _COMMANDS.values():
        add(commands)
    return program


def _add_check(commands: Commands) -> None:
    check = commands.add_parser(
        "check", help="find what is wrong", usage="%(prog)s [OPTIONS] [PATHS ...]", epilog=_EXAMPLES["check"]
    )
    check.set_defaults(command="check", fix=False)
    check.add_argument("--fix", action="store_true", help="write the fixes, as `reglint fix` does")
    check.add_argument("--add-noqa", action="store_true", help="add `# noqa: CODE` where something is found")
    _add_common(check)


def _add_fix(commands: Commands) -> None:
    fix = commands.add_parser(
        "fix", help="rewrite what can be mended", usage="%(prog)s [OPTIONS] [PATHS ...]", epilog=_EXAMPLES["fix"]
    )
    fix.set_defaults(command="fix", fix=True, add_noqa=False)
    _add_common(fix)


def _add_probe(commands: Commands) -> None:
    from reglint.probe.process.arguments import EXAMPLES, add_probe

    probe = commands.add_parser(
        "probe", help="run a model and see what saturates", usage="%(prog)s [OPTIONS] MODEL", epilog=EXAMPLES
    )
    probe.set_defaults(command="probe")
    add_probe(probe)


def _add_baseline(commands: Commands) -> None:
    parser = commands.add_parser("baseline", help="record what is found as known")
    parser.set_defaults(command="baseline", unsafe_fixes=None, output_format=None, stdin_filename=None)
    parser.add_argument("paths", nargs="*", metavar="PATHS", help="files and folders [default: .]")
    parser.add_argument("--baseline", metavar="FILE", help="write it there [default: .reglint-baseline.json]")
    parser.add_argument(
        "--select", action="append", type=some_codes, metavar="CODES", help="only these (comma-separated)"
    )
    parser.add_argument("--ignore", action="append", type=codes, metavar="CODES", help="not these")
    parser.add_argument("--extend-select", action="append", type=codes, metavar="CODES", help="these, too")
    parser.add_argument("--preview", action=argparse.BooleanOptionalAction, help="run rules that are not yet stable")
    parser.add_argument("--keras-version", metavar="SPEC", help="what the project allows, such as '>=2,<3'")
    parser.add_argument("--target", metavar="SPEC", help="where the code is to go, such as keras==3.15.1")
    parser.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    parser.add_argument("--files-from", metavar="FILE", help="read more paths from FILE (- for stdin)")
    parser.add_argument("-j", "--jobs", type=_jobs, default=0, metavar="N", help="processes [default: processors]")
    add_configuration(parser)


def _add_explain(commands: Commands) -> None:
    explain = commands.add_parser("explain", help="what a rule is about, with examples")
    explain.set_defaults(command="explain")
    explain.add_argument("code", metavar="CODE")
    explain.add_argument("--output-format", choices=("text", "json", "markdown"), default="text")
    add_configuration(explain)


def _add_keras(commands: Commands) -> None:
    keras = commands.add_parser("keras", help="which Keras each project allows, and why")
    keras.set_defaults(command="keras")
    keras.add_argument("paths", nargs="*", metavar="PATHS", help="files and folders [default: .]")
    keras.add_argument("--keras-version", metavar="SPEC", help="what the projects allow, whatever their manifests say")
    keras.add_argument("--output-format", choices=("text", "json"), default="text")
    add_configuration(keras)


def _add_rules(commands: Commands) -> None:
    rules = commands.add_parser("rules", help="list the rules")
    rules.set_defaults(command="rules")
    rules.add_argument("--output-format", choices=("text", "json", "markdown"), default="text")
    add_configuration(rules)


def _add_completion(commands: Commands) -> None:
    completion = commands.add_parser("generate-shell-completion", help="print a script that completes our commands")
    completion.set_defaults(command="generate-shell-completion")
    completion.add_argument("shell", choices=SHELLS)


def _add_server(commands: Commands) -> None:
    server = commands.add_parser("server", help="speak with an editor (language server)")
    server.set_defaults(command="server")
    server.add_argument("--stdio", action="store_true", help="what is done anyway; some editors add it")


#: The commands, in the order in which help lists them.
_COMMANDS: Mapping[str, Callable[[Commands], None]] = {
    "check": _add_check,
    "fix": _add_fix,
    "probe": _add_probe,
    "baseline": _add_baseline,
    "explain": _add_explain,
    "keras": _add_keras,
    "rules": _add_rules,
    "generate-shell-completion": _add_completion,
    "server": _add_server,
}


def _add_common(parser: argparse.ArgumentParser) -> None:
    switch = argparse.BooleanOptionalAction
    parser.add_argument("paths", nargs="*", metavar="PATHS", help="files and folders, or - for stdin [default: .]")
    rules = parser.add_argument_group("which rules")
    rules.add_argument(
        "--select", action="append", type=some_codes, metavar="CODES", help="run these (comma-separated)"
    )
    rules.add_argument("--ignore", action="append", type=codes, metavar="CODES", help="do not run these")
    rules.add_argument("--extend-select", action="append", type=codes, metavar="CODES", help="run these, too")
    rules.add_argument("--preview", action=switch, default=None, help="run rules that are not yet stable")
    keras = parser.add_argument_group("which Keras")
    keras.add_argument("--keras-version", metavar="SPEC", help="what the project allows, such as '>=2,<3'")
    keras.add_argument("--target", metavar="SPEC", help="where the code is to go, such as keras==3.15.1")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--unsafe-fixes", action=switch, default=None, help="count and apply unsafe fixes, too")
    fixes.add_argument("--diff", action="store_true", help="show what fixing would change, and write nothing")
    fixes.add_argument("--exit-non-zero-on-fix", action="store_true", help="exit with 1 where a file was changed")
    output = add_output(parser)
    output.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    output.add_argument("--show-settings", action="store_true", help="print the settings of the paths, check nothing")
    files = parser.add_argument_group("files and settings")
    files.add_argument("--files-from", metavar="FILE", help="read more paths from FILE (- for stdin)")
    files.add_argument("--stdin-filename", metavar="FILE", help="what stdin would be called on the disk")
    files.add_argument("--baseline", metavar="FILE", help="report only what is not in this file")
    files.add_argument("--no-baseline", dest="baseline", action="store_const", const="", help="report all")
    files.add_argument("--since", metavar="REV", help="report only on lines changed since this git revision")
    files.add_argument("-j", "--jobs", type=_jobs, default=0, metavar="N", help="processes [default: processors]")
    files.add_argument("-n", "--no-cache", action="store_true", help="check files again that have not changed")
    files.add_argument("--cache-dir", metavar="FOLDER", help="what is known of them [default: .reglint_cache]")
    add_configuration(parser)


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes, 1 or more")
    return int(text)
