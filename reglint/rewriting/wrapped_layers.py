"""What takes the place of a layer class that is gone: another class with renamed arguments, or one around another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reglint.findings import Edit
from reglint.rewriting.successors import Successor, renamed
from reglint.rewriting.written import Written, without, written
from reglint.usage.file import File
from reglint.usage.standing import standing
from reglint.usage.symbols import Use

_LAYERS = "layers"
_BY_STARS = "what `*` and `**` pass can't be told apart"


def successor(file: File, row: Mapping[str, Any], use: Use) -> Successor | str:
    """What a use becomes by ``row`` of ``removed.toml``, or why there is nothing."""
    call = use.call
    if call is None:
        return "it is not called here"
    every = written(file, call)
    if every is None or any(argument.arg.star for argument in every):
        return "the call is written in a way that can't be edited" if every is None else _BY_STARS
    doubt = standing(file, use.package, row["fails"], row["holds"]).doubt
    doubt = doubt or ("" if use.sure else "the name may mean something else here")
    if "inner" in row["becomes"]:
        return _around(file, row["becomes"], use, every, doubt)
    return _instead(file, row["becomes"], use, every, doubt)


def _instead(file: File, becomes: Mapping[str, Any], use: Use, every: Sequence[Written], doubt: str) -> Successor | str:
    """Another class, with arguments of other names."""
    edits: list[Edit] = []
    passed: set[str] = set()
    for place, argument in enumerate(every):
        keyword = argument.arg.keyword
        old = keyword.value if keyword is not None else becomes["order"][place]
        new = becomes["arguments"].get(old, old)
        passed.add(new)
        if keyword is None:
            edits.append(file.replace(argument.start, argument.start, f"{new}="))
        elif new != old:
            edits.append(file.replace(*file.span(keyword), new))
    stated = [f"{name}={value}" for name, value in becomes["states"].items() if name not in passed]
    text = file.call_text(use.name)
    if text is None:
        return "the call is written in a way that can't be edited"
    edits.extend(text.append(file, argument) for argument in stated)

    def whole(spellings: Sequence[str]) -> tuple[Edit, ...]:
        return (*edits, renamed(file, use, spellings[0]))

    return Successor(use, ((_LAYERS, becomes["layer"]),), whole, doubt)


def _around(file: File, becomes: Mapping[str, Any], use: Use, every: Sequence[Written], doubt: str) -> Successor | str:
    """A wrapper around a layer that takes most of the arguments."""
    joined = becomes["input_shape"]
    own = {name: _passed(every, name) for name in (*becomes["outer"], *joined)}
    outer = [argument for argument in own.values() if argument is not None]
    inner = [argument for argument in every if argument not in outer]
    if not inner:
        return f"`{becomes['inner']}` would have no arguments"
    texts = [f"{name}={own[name].text(file)}" for name in becomes["outer"] if own[name] is not None]  # type: ignore[union-attr]
    shape = [found.text(file) if found is not None else "None" for found in (own[name] for name in joined)]
    if any(own[name] is not None for name in joined):
        texts.append(f"input_shape=({', '.join(shape)})")
    gone = without(file, every, outer) if outer else ()
    if gone is None or any("#" in text for text in texts):
        return "a comment would be lost"
    text = file.call_text(use.name)
    assert text is not None
    closed = file.replace(text.closed, text.closed, "".join([")", *(f", {each}" for each in texts)]))

    def whole(spellings: Sequence[str]) -> tuple[Edit, ...]:
        name = renamed(file, use, f"{spellings[0]}({spellings[1]}")
        return (name, *gone, closed)

    return Successor(use, ((_LAYERS, becomes["layer"]), (_LAYERS, becomes["inner"])), whole, doubt)


def _passed(every: Sequence[Written], name: str) -> Written | None:
    return next((one for one in every if one.arg.keyword is not None and one.arg.keyword.value == name), None)
