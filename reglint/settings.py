"""What a run may be told: ``[tool.reglint]`` of the nearest pyproject.toml, and the command line on top of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from reglint.formats import FORMATS
from reglint.globs import Glob, GlobError, Globs
from reglint.reading import read_regular

#: ruff's own list: what nobody wants checked when a folder above it is named.
DEFAULT_EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pypackages__",
    "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip

#: The run's own codes: reading a file can fail, and a suppression can be without use, whatever the cards say.
UNREADABLE, UNUSED_SUPPRESSION = "REG900", "REG901"
COMMAND_LINE = "command line"
#: Bytes of a settings file: reading TOML takes about a second for each megabyte.
_LARGEST = 5_000_000


class SettingsError(Exception):
    """Settings that cannot be followed; the text is one line: where, what, what to do."""


@dataclass(frozen=True)
class Selection:
    """One layer of rule selection (a settings file, or the command line); later layers win over earlier ones."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    origin: str = "settings"


@dataclass(frozen=True)
class Settings:
    """Everything that decides how a file is judged."""

    root: Path = field(default_factory=Path.cwd)
    origin: Path | None = None
    selections: tuple[Selection, ...] = ()
    per_file_ignores: tuple[tuple[Glob, bool, tuple[str, ...]], ...] = ()
    exclude: tuple[Glob, ...] | None = None
    extend_exclude: tuple[Glob, ...] = ()
    respect_gitignore: bool = True
    unsafe_fixes: bool = False
    preview: bool = False
    output_format: str = "text"
    required_version: str | None = None
    keras_version: str | None = None
    target: str | None = None
    baseline: Path | None = None
    cache_dir: Path | None = None
    rule_paths: tuple[Path, ...] = ()
    layers: Mapping[str, str] = field(default_factory=dict)
    #: False where the settings file could not be followed: such files are read with defaults, and never written.
    may_write: bool = True

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], root: Path | None = None) -> Settings:
        """Return settings from the keys of ``[tool.reglint]``, for users of the library."""
        root = Path.cwd() if root is None else root.absolute()
        return _settings_of(values, cls(root=root), "settings")

    @property
    def cache_folder(self) -> Path:
        """Where the reports of files are kept from one run to the next."""
        return self.cache_dir or self.root / ".reglint_cache"

    @cached_property
    def explicit_excludes(self) -> Globs:
        """The patterns that the user wrote: they hold for files that are named explicitly, too."""
        return Globs((self.exclude or ()) + self.extend_exclude)

    @cached_property
    def excludes(self) -> Globs:
        """The patterns that hold while a folder is walked."""
        usual = tuple(Glob(pattern, str(self.root)) for pattern in DEFAULT_EXCLUDE)
        return Globs((usual if self.exclude is None else self.exclude) + self.extend_exclude)

    def ignored_for(self, path: str) -> tuple[str, ...]:
        """Return the selectors that ``per-file-ignores`` takes out for the file at the absolute ``path``."""
        return tuple(
            selector
            for glob, negated, selectors in self.per_file_ignores
            if glob.matches(path) != negated
            for selector in selectors
        )


# --- selecting rules -------------------------------------------------------------------------------------------------


def covers(selector: str, code: str) -> bool:
    """Say whether ``selector`` (``ALL``, ``REG``, ``REG10``, ``REG101``) means ``code``: all letters, some digits."""
    if selector == "ALL":
        return True
    letters = selector.rstrip("0123456789")
    return bool(letters) and letters == code.rstrip("0123456789") and code.startswith(selector)


def selected_codes(
    selections: Iterable[Selection], stable: Mapping[str, bool], preview: bool, opt_in: Container[str] = ()
) -> frozenset[str]:
    """Return the codes that run, of those in ``stable``; within a layer the longer selector wins, then ``ignore``.

    Those in ``opt_in`` are turned on by their whole name only.
    """
    able = [code for code, is_stable in stable.items() if is_stable or preview]
    chosen = {code for code in able if code not in opt_in}
    for layer in selections:
        verdicts: dict[str, bool] = {}
        turned_on = [(selector, True) for selector in (layer.select or ()) + layer.extend_select]
        turned_off = [(selector, False) for selector in layer.ignore]
        for selector, verdict in sorted(turned_on + turned_off, key=lambda pair: _specificity(pair[0])):
            meant = [code for code in able if covers(selector, code)]
            verdicts.update((code, verdict) for code in meant if code == selector or not verdict or code not in opt_in)
        if layer.select is not None:
            chosen = set()
        chosen -= {code for code, verdict in verdicts.items() if not verdict}
        chosen |= {code for code, verdict in verdicts.items() if verdict}
    return frozenset(chosen)


def _specificity(selector: str) -> int:
    return 0 if selector == "ALL" else len(selector)


def check_selectors(settings: Settings, codes: Iterable[str]) -> None:
    """Raise SettingsError for the first selector that means none of the known ``codes``."""
    known = sorted(codes)
    file = str(settings.origin or "settings")
    groups = [(file, "per-file-ignores", selectors) for _, _, selectors in settings.per_file_ignores]
    for layer in settings.selections:
        groups.append((layer.origin, "select", layer.select or ()))
        groups.append((layer.origin, "ignore", layer.ignore))
        groups.append((layer.origin, "extend-select", layer.extend_select))
    for where, key, selectors in groups:
        for selector in selectors:
            # What the command line names may be a card of another folder; it is looked at when the run starts.
            if where != COMMAND_LINE and not any(covers(selector, code) for code in known):
                raise SettingsError(f"{where}: {unknown_code(selector, known)} in {key}")


def unknown_code(selector: str, known: Iterable[str]) -> str:
    """Return the words for a selector that means no rule."""
    return f"unknown rule code {selector!r}{suggestion(selector.upper(), known)}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest known word, or nothing."""
    import difflib  # for mistakes only

    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


# --- reading the keys ------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string")
    return value


def _path(value: Any, root: Path) -> Path:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("a path")
    return root / Path(value).expanduser()


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise TypeError("a list of strings")
    return tuple(value)


def _format(value: Any) -> str:
    if value not in FORMATS:
        raise TypeError("one of " + ", ".join(FORMATS))
    return str(value)


def _text_table(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise TypeError("a table of strings")
    return dict(value)


def _glob(pattern: str, root: Path) -> Glob:
    glob = Glob(pattern, str(root))
    glob.check()
    return glob


def _globs(patterns: Iterable[str], root: Path) -> tuple[Glob, ...]:
    return tuple(_glob(os.path.expanduser(pattern), root) for pattern in patterns)


def _per_file_ignores(value: Any, root: Path) -> tuple[tuple[Glob, bool, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise TypeError("a table of lists of rule codes")
    return tuple(
        (_glob(pattern.removeprefix("!"), root), pattern.startswith("!"), _texts(selectors))
        for pattern, selectors in value.items()
    )


def _file(value: Any, root: Path) -> Path | None:
    """Return the path of a file; an empty one means none, so that the command line can take one back."""
    return Path(os.path.normpath(_path(value, root))) if _text(value) else None


def _paths(value: Any, root: Path) -> tuple[Path, ...]:
    return tuple(_path(item, root) for item in _texts(value))


#: Key of [tool.reglint] -> what its value means, given the folder that relative paths start from.
_KEYS: Mapping[str, Callable[[Any, Path], Any]] = {
    "exclude": lambda value, root: _globs(_texts(value), root),
    "extend-exclude": lambda value, root: _globs(_texts(value), root),
    "respect-gitignore": lambda value, root: _flag(value),
    "unsafe-fixes": lambda value, root: _flag(value),
    "preview": lambda value, root: _flag(value),
    "output-format": lambda value, root: _format(value),
    "required-version": lambda value, root: _text(value),
    "keras-version": lambda value, root: _text(value),
    "target": lambda value, root: _text(value),
    "baseline": _file,
    "cache-dir": _file,
    "rule-paths": _paths,
    "layers": lambda value, root: _text_table(value),
    "per-file-ignores": _per_file_ignores,
}
_SELECTION_KEYS = ("select", "ignore", "extend-select")
KNOWN_KEYS = frozenset({*_KEYS, *_SELECTION_KEYS, "extend"})
#: These add to what an extended file says; all others replace it.
_ADDING = frozenset({"extend_exclude"})


def _settings_of(values: Mapping[str, Any], base: Settings, where: str) -> Settings:
    """Return ``base`` with the keys of one table laid over it; ``where`` begins the message of an error."""
    for key in values:
        if key not in KNOWN_KEYS:
            raise SettingsError(f"{where}: unknown key {key!r} in [tool.reglint]{suggestion(key, KNOWN_KEYS)}")
    changes: dict[str, Any] = {}
    key = ""
    try:
        for key, read in _KEYS.items():
            if key in values:
                changes[key.replace("-", "_")] = read(values[key], base.root)
        chosen = {}
        for key in _SELECTION_KEYS:
            if key in values:
                chosen[key.replace("-", "_")] = _texts(values[key])
    except TypeError as error:
        raise SettingsError(f"{where}: {key} must be {error}, not {values[key]!r}") from None
    except GlobError as error:
        raise SettingsError(f"{where}: {key}: {error}") from None
    for name in _ADDING & changes.keys():
        changes[name] = getattr(base, name) + changes[name]
    if chosen:
        changes["selections"] = (*base.selections, Selection(**chosen, origin=where))
    settings = replace(base, **changes)
    _require_version(settings, where)
    return settings


def _require_version(settings: Settings, where: str) -> None:
    """Raise SettingsError where this is not a version that ``required-version`` asks for."""
    if settings.required_version is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from reglint import __version__

    # A bare version means exactly that one, as in ruff.
    text = settings.required_version.strip()
    try:
        wanted = SpecifierSet(f"=={text}" if text[:1].isdigit() else text, prereleases=True)
        fits = __version__ in wanted
    except InvalidSpecifier:
        raise SettingsError(
            f"{where}: required-version must be a version or a specifier such as '>=0.1', not {text!r}"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise SettingsError(f"{where}: required-version cannot be read: {error}") from None
    if not fits:
        raise SettingsError(
            f"{where}: required-version is {text!r}, but this is reglint {__version__}; install that one"
        )


# --- finding and reading the files -----------------------------------------------------------------------------------


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds; raise SettingsError with file and line."""
    from reglint.bounded_toml import TOMLDecodeError, loads  # many runs have no such file

    try:
        raw = read_regular(path, _LARGEST)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        return loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: not UTF-8, as TOML must be (byte {raw[error.start]:#04x})") from None
    except TOMLDecodeError as error:
        text = " ".join(str(error).split())
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", text)
        rows = raw.count(b"\n") + 1
        where = f":{place[1] or rows}" + (f":{place[2]}" if place[2] else "") if place else ""
        raise SettingsError(f"{path}{where}: not valid TOML: {text[: place.start()] if place else text}") from None
    except ValueError as error:  # nested too deeply, a number of thousands of digits
        raise SettingsError(f"{path}: not readable as TOML: {error}") from None


def load(path: Path, root: Path | None = None) -> Settings:
    """Return the settings of one file, laid over those that it extends; ``root`` replaces its folder for globs."""
    return _load(path.absolute(), root, ())


def _load(path: Path, root: Path | None, seen: tuple[Path, ...]) -> Settings:
    real = Path(os.path.realpath(path))
    if real in seen:
        raise SettingsError(f"{path}: extends itself by way of {seen[-1]}; take one 'extend' out")
    values = _own_table(path)
    base = Settings(root=root or path.parent, origin=path)
    if "extend" in values:
        try:
            shared = Path(os.path.normpath(_path(values["extend"], path.parent)))
        except TypeError:
            raise SettingsError(f"{path}: extend must be the path of one file, not {values['extend']!r}") from None
        base = replace(_load(shared, None, (*seen, real)), root=root or path.parent, origin=path, required_version=None)
    return _settings_of(values, base, str(path))


def _own_table(path: Path) -> Mapping[str, Any]:
    """Return our table of a settings file; in files that are not a pyproject.toml the keys may stand at the top."""
    data = read_toml(path)
    tool = data.get("tool", {})
    if isinstance(tool, Mapping) and "reglint" in tool:
        table = tool["reglint"]
    else:
        table = {} if path.name == "pyproject.toml" else data
    if not isinstance(table, Mapping):
        raise SettingsError(f"{path}: [tool.reglint] must be a table")
    return table


@dataclass
class Resolver:
    """Finds the settings of folders; a file that cannot be followed becomes one of the ``problems``, once."""

    overrides: Mapping[str, Any] = field(default_factory=dict)
    config: Path | None = None
    isolated: bool = False
    check: Callable[[Settings], object] = lambda settings: None
    problems: list[str] = field(default_factory=list)
    _by_folder: dict[str, Settings] = field(default_factory=dict)
    _fixed: Settings | None = None

    def settings_for(self, folder: str) -> Settings:
        """Return the settings for files in the absolute ``folder``."""
        if self.config is not None or self.isolated:
            if self._fixed is None:
                # An explicit file is wrong usage when it is wrong, so its errors go up.
                base = load(self.config, Path.cwd()) if self.config is not None else Settings(root=Path.cwd())
                self._fixed = self._overridden(base)
            return self._fixed
        known = self._by_folder.get(folder)
        if known is None:
            known = self._by_folder[folder] = self._nearest(folder)
        return known

    def _nearest(self, folder: str) -> Settings:
        path = Path(folder, "pyproject.toml")
        if os.path.isfile(path):  # Path.is_file() raises where the folder may not be searched
            try:
                if _speaks_of_us(path):
                    return self._overridden(load(path))
            except SettingsError as error:
                self.problems.append(str(error))
                return replace(self._overridden(Settings(root=Path(folder))), may_write=False)
        parent = os.path.dirname(folder)
        # Without any settings file, patterns of the command line start from the current folder.
        return self._overridden(Settings(root=Path.cwd())) if parent == folder else self.settings_for(parent)

    def _overridden(self, base: Settings) -> Settings:
        settings = _settings_of(self.overrides, base, COMMAND_LINE)
        self.check(settings)
        return settings


def _speaks_of_us(path: Path) -> bool:
    """Say whether a pyproject.toml has our table; raise SettingsError where nobody can tell."""
    tool = read_toml(path).get("tool", {})
    return isinstance(tool, Mapping) and "reglint" in tool
