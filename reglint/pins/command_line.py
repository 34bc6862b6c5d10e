"""Commands that install packages (``pip install …``, ``conda install …``, ``poetry add …``), read as a shell would.

Nothing is run. What only a run could tell, such as the output of a command, is ``UNKNOWN`` and bounds nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from reglint.lines import LINE_END
from reglint.pins import requirements
from reglint.pins.conda import conda_pins
from reglint.pins.pin import UNKNOWN, Pin, Unread
from reglint.pins.poetry import NoConstraint, specifiers_of

if TYPE_CHECKING:
    from reglint.project import Files


class Word(NamedTuple):
    """A word of a command: what the program gets, what stands in the file, and how many lines down that is."""

    text: str
    written: str
    line: int


class Wanted(NamedTuple):
    """What a command asks for: one requirement, or a file of requirements or of constraints.

    ``syntax`` says how ``text`` is to be read, ``line`` how many lines below the beginning of the command it stands.
    """

    kind: Literal["requirement", "requirements", "constraints"]
    text: str
    written: str
    line: int
    syntax: Literal["pip", "conda", "poetry"] = "pip"


def pins_of_commands(
    found: Iterator[Wanted], path: str, line: int, files: Files, *, cell: int | None = None
) -> Iterator[Pin | Unread]:
    """Takes what the commands that begin at a line of a file ask for; yields the pins, those of ``-r`` files too."""
    for wanted in found:
        if wanted.kind == "requirement":
            yield from _pins(wanted, path, line + wanted.line, cell)
        elif (included := _located(wanted.text, os.path.dirname(path), files)) is not None:
            for item in requirements.read(included, files):
                yield _constraint(item) if wanted.kind == "constraints" else item


def wanted_by_shell(text: str, variables: Mapping[str, str] | None = None) -> Iterator[Wanted]:
    """Takes shell commands and the variables known to them; yields what their installing commands ask for."""
    yield from _wanted_by_script(text, dict(variables or {}), 0)


def wanted_by_lines(text: str) -> Iterator[Wanted]:
    """Takes commands that no shell reads, one a line; yields what the installing ones ask for."""
    for command in _commands(text, {}, shell=False):
        yield from _wanted(command)


def wanted_by_words(words: Sequence[Word]) -> Iterator[Wanted]:
    """Takes the words of one command; yields what it asks for."""
    yield from _wanted(words)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Takes text with ``$NAME``, ``${NAME}`` and ``${NAME:-default}``; returns it with the values, or ``UNKNOWN``."""
    return _VARIABLE.sub(lambda match: _value(match, variables), text)


def filled(text: str) -> str:
    """Takes part of a command; returns it with the defaults that tox knows, and ``UNKNOWN`` for all else in braces."""
    return _BRACES.sub(UNKNOWN, _TOX_DEFAULT.sub(r"\1", text)) if "{" in text else text


# What a command asks for, as pins.


def _pins(wanted: Wanted, path: str, line: int, cell: int | None) -> Iterator[Pin | Unread]:
    if wanted.syntax == "conda":
        yield from conda_pins(wanted.text, path, line, written=wanted.written, cell=cell)
        return
    for text in _from_poetry(wanted.text) if wanted.syntax == "poetry" else [wanted.text]:
        pin = requirements.requirement(text, path, line, written=wanted.written, cell=cell)
        if pin:
            yield pin


def _constraint(item: Pin | Unread) -> Pin | Unread:
    return item._replace(constraint=True) if isinstance(item, Pin) else item


def _located(name: str, folder: str, files: Files) -> str | None:
    """Takes the name by which a command calls a file, and the folder of the manifest; returns the file's path.

    The command may run elsewhere, as in an image into which the file was copied: the longest end of the name that
    exists below the folder is meant.
    """
    if "://" in name:
        return None
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "~") and UNKNOWN not in part]
    for start in range(len(parts)):
        path = os.path.normpath(os.path.join(folder, *parts[start:]))
        if files.is_file(path):
            return path
    return None


_POETRY = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:@(?=[^/:]*$)|(?=[\^]))(.*)")


def _from_poetry(text: str) -> list[str]:
    """Takes ``keras@^2.2`` or ``keras@2.2.4``; returns each alternative as PEP 508 writes it."""
    match = _POETRY.fullmatch(text)
    if match is None:
        return [text]
    name, constraint = match.groups()
    if constraint == "latest" or UNKNOWN in constraint:
        return [name]
    try:
        return [name + specifier for specifier in dict.fromkeys(specifiers_of(constraint))]
    except NoConstraint:
        return [name + constraint]


# From a script to commands, each a list of words.

_LEXER = re.compile(
    r"""
      (?P<gap>(?:[ \t\f]|\\(?:\r\n|\r|\n))+)
    | (?P<comment>\#[^\r\n]*)
    | (?P<end>\r\n|\r|\n|&&|\|\||\|&|;;|[;|()`]|&(?!>))
    | (?P<redirect>(?:\d*|&)(?:<<<|<<-?|>>|>\||[<>]&?)[ \t]*)
    | (?P<word>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# `pip install keras>=2.0` writes a file `=2.0` and installs the newest Keras; meant, and allowed, is what is written.
_PIECE = re.compile(
    r"""
      '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<joined>\r\n|\r|\n)
    | \\(?P<escaped>.)
    | (?P<substitution>\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`)
    | (?P<bare>(?:\$\{[^{}\r\n]*\}|\{[^{}\r\n]*\}|(?<=[\w\],])[<>]=?(?=[\d$])|[^\s'"\\`;&|()<>])+)
    | (?P<stray>["'])
    """,
    re.VERBOSE | re.DOTALL,
)
# Without a shell, none of its operators means anything.
_PLAIN_LEXER = re.compile(
    r"""
      (?P<gap>(?:[ \t\f]|\\(?:\r\n|\r|\n))+)
    | (?P<comment>\#[^\r\n]*)
    | (?P<end>\r\n|\r|\n)
    | (?P<word>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_PIECE = re.compile(
    r"""
      '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<joined>\r\n|\r|\n)
    | \\(?P<escaped>.)
    | (?P<bare>(?:\{[^{}\r\n]*\}|[^\s'"\\])+)
    | (?P<stray>["'])
    """,
    re.VERBOSE | re.DOTALL,
)
_VARIABLE = re.compile(
    r"""\$(?: (?P<name>\w+)
    | \{(?P<braced>\w+)(?:(?P<how>:?[-+?=])(?P<default>[^{}]*))?\}
    | \{[^{}]*\}
    | \([^)]*\))""",
    re.VERBOSE,
)
# IPython and tox put a value there themselves; a template does so too.
_BRACES = re.compile(r"\{\{[^{}]*\}\}|(?<!\$)\{[^{}]*\}")
_TOX_DEFAULT = re.compile(r"\{env:\w+:([^{}]*)\}")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_DEEPEST = 3
"""How many shells may call each other: more than a person writes."""


def _wanted_by_script(text: str, variables: dict[str, str], depth: int) -> Iterator[Wanted]:
    for command in _commands(text, variables, shell=True):
        yield from _wanted(command, variables, depth)


def _commands(text: str, variables: dict[str, str], *, shell: bool) -> Iterator[list[Word]]:
    """Takes a script; yields the words of each command, and remembers the variables that it sets."""
    lexer, piece = (_LEXER, _PIECE) if shell else (_PLAIN_LEXER, _PLAIN_PIECE)
    text = text.replace(UNKNOWN, "")
    words: list[Word] = []
    position, line, target = 0, 0, False
    while match := lexer.match(text, position):
        kind, start, position = match.lastgroup, position, match.end()
        if kind == "word":
            read, position = _word(text, start, line, piece, variables)
            if not target:  # the file of a redirection is no argument
                words += read
            target = False
        elif kind == "redirect":
            target = True
        elif kind == "end":
            yield from _ended(words, variables)
            words, target = [], False
        line += len(LINE_END.findall(text[start:position]))
    yield from _ended(words, variables)


def _ended(words: list[Word], variables: dict[str, str]) -> Iterator[list[Word]]:
    """Takes the words of a command; yields it unless it only sets variables, which is done."""
    first = 1 if words and words[0].text == "export" else 0
    settings = [_ASSIGNMENT.fullmatch(word.text) for word in words[first:]]
    if settings and all(settings):
        for setting in settings:
            if setting and UNKNOWN not in setting[2]:
                variables[setting[1]] = setting[2]
    elif words:
        yield words


def _word(
    text: str, start: int, line: int, piece: re.Pattern[str], variables: Mapping[str, str]
) -> tuple[list[Word], int]:
    """Takes where a word begins; returns it, as several where a variable holds several, and where it ends."""
    position = start
    meant: list[str] = []
    written: list[str] = []
    splits = False
    while match := piece.match(text, position):
        kind, position = match.lastgroup or "", match.end()
        value = match[kind]
        if kind == "single":
            meant.append(expanded(filled(value), {}))  # IPython puts its values there even so
        elif kind == "double":
            meant.append(expanded(filled(re.sub(r'\\(?:\r\n|\r|\n)|\\(?=["\\$`])', "", value)), variables))
        elif kind == "bare":
            meant.append(expanded(filled(value), variables))
            splits = splits or "$" in value
        elif kind == "substitution":
            meant.append(UNKNOWN)
        elif kind == "escaped":
            meant.append(value)
        if kind != "joined":
            written.append(value)
    if position == start:  # a lone character that begins no word
        return [], start + 1
    if splits and len(parts := "".join(meant).split()) > 1:
        return [Word(part, part, line) for part in parts], position
    return [Word("".join(meant), "".join(written), line)], position


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, how, default = match["name"] or match["braced"], match["how"], match["default"]
    value = variables.get(name) if name and how not in (":+", "+") else None
    if value:
        return value
    return default if how in (":-", "-", ":=", "=") and "$" not in default else UNKNOWN


# From a command to what it asks for.


class _Installer(NamedTuple):
    """How a program that installs is told what: its options with values, those that name files, its syntax."""

    short: str
    long: frozenset[str]
    files: Mapping[str, Literal["requirements", "constraints"]]
    syntax: Literal["pip", "conda", "poetry"] = "pip"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PIP = _Installer(
    "iftrcebdC",
    _names(
        """index-url extra-index-url find-links target prefix root src build download platform python-version python
        implementation abi progress-bar no-binary only-binary cache-dir log proxy retries timeout default-timeout
        exists-action trusted-host cert client-cert install-option global-option config-settings config-setting
        upgrade-strategy report use-feature use-deprecated root-user-action group requirement constraint editable
        build-constraint keyring-provider resume-retries build-dir source"""
    ),
    {"r": "requirements", "requirement": "requirements", "c": "constraints", "constraint": "constraints"},
)
_UV = _Installer(
    "iftrcebpCmP",
    _PIP.long
    | _names(
        """requirements constraints overrides override excludes build-constraints index default-index optional extra tag
        branch rev package script marker prerelease resolution exclude-newer link-mode torch-backend color directory
        project config-file index-strategy upgrade-package reinstall-package python-platform no-build-package
        fork-strategy lfs bounds no-extra no-group only-group"""
    ),
    {
        **_PIP.files,
        "requirements": "requirements",
        "constraints": "constraints",
    },
)
_CONDA = _Installer(
    "npc",
    _names("name prefix channel file revision solver repodata-fn platform subdir clone feature"),
    {"file": "requirements"},
    "conda",
)
_POETRY_LIKE = _Installer(
    "GEpPC",
    _names("group extras python platform source markers project directory categories index pypi-mirror"),
    {},
    "poetry",
)
_PIPENV = _POETRY_LIKE._replace(
    short="ircep",
    long=_POETRY_LIKE.long | {"requirements", "editable", "extra-pip-args"},
    files={"r": "requirements", "requirements": "requirements"},
    syntax="pip",
)
_EASY_INSTALL = _Installer("idsfb", frozenset(("index-url", "find-links", "install-dir", "script-dir")), {})

#: Program, subcommands and how the rest is read, the first that fits.
_INSTALLERS: tuple[tuple[str, frozenset[str], _Installer], ...] = (
    (r"pip[\d.]*", frozenset(("install",)), _PIP),
    (r"conda|mamba|micromamba", frozenset(("install", "create")), _CONDA),
    (r"pixi", frozenset(("add",)), _CONDA),
    (r"uv", frozenset(("install", "add")), _UV),
    (r"poetry|pdm|rye", frozenset(("add",)), _POETRY_LIKE),
    (r"pipenv", frozenset(("install",)), _PIPENV),
)
_SHELL = re.compile(r"(?:ba|z|a|da|k)?sh")
_SAYS = frozenset(("echo", "printf", "alias", "grep", "rem"))


def _wanted(command: Sequence[Word], variables: Mapping[str, str] | None = None, depth: int = 0) -> Iterator[Wanted]:
    for place, word in enumerate(command):
        program = _program(word.text)
        if program in _SAYS:
            return
        if _SHELL.fullmatch(program) and depth < _DEEPEST and (script := _script(command[place + 1 :])):
            for wanted in _wanted_by_script(script.text, dict(variables or {}), depth + 1):
                yield wanted._replace(line=wanted.line + script.line)
            return
        found = _installer(program, command[place + 1 :])
        if found:
            installer, first = found
            yield from _arguments(installer, command[place + 1 + first :])
            return


def _program(word: str) -> str:
    return re.sub(r"\.exe$", "", re.split(r"[/\\]", word)[-1].lower())


def _script(arguments: Sequence[Word]) -> Word | None:
    """Takes the arguments of a shell; returns the script that it is given on its command line."""
    for place, word in enumerate(arguments[:-1]):
        if re.fullmatch(r"-\w*c", word.text):
            return arguments[place + 1]
        if not word.text.startswith("-"):
            break
    return None


def _installer(program: str, arguments: Sequence[Word]) -> tuple[_Installer, int] | None:
    """Takes a program and its arguments; returns how it is told what to install, and the first place that says so."""
    if program == "easy_install":
        return _EASY_INSTALL, 0
    for pattern, subcommands, installer in _INSTALLERS:
        if re.fullmatch(pattern, program):
            for place, word in enumerate(arguments):
                if word.text == "run":  # `conda run pip install` is pip's business
                    break
                if word.text in subcommands:
                    return installer, place + 1
    return None


def _arguments(installer: _Installer, words: Sequence[Word]) -> Iterator[Wanted]:
    """Takes what follows ``install``; yields the requirements and files in it."""
    rest = iter(words)
    for word in rest:
        name, value = _option(installer, word)
        if name is None:
            # An empty argument, as of an unset variable, asks for nothing.
            if word.text:
                yield Wanted("requirement", word.text, word.written, word.line, installer.syntax)
            continue
        if name == "":
            continue
        value = value if value is not None else next(rest, None)
        if value is None:
            return
        if name in installer.files:
            yield Wanted(installer.files[name], value.text, value.written, value.line, installer.syntax)
        elif name in ("e", "editable"):
            yield Wanted("requirement", value.text, value.written, value.line)


def _option(installer: _Installer, word: Word) -> tuple[str | None, Word | None]:
    """Takes a word; returns None if it is no option, "" if it is one without value, else the name.

    The second is the value where the word itself holds it.
    """
    text = word.text
    if not text.startswith("-"):
        return None, None
    if text.startswith("--"):
        name, equals, value = text[2:].partition("=")
        if name not in installer.long:
            return "", None
        return name, word._replace(text=value, written=word.written.partition("=")[2]) if equals else None
    for place, letter in enumerate(text[1:], 2):
        if letter in installer.short:
            value = text[place:].removeprefix("=")
            return letter, word._replace(text=value, written=value) if value else None
    return "", None
