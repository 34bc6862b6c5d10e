"""What is written where a regularizer belongs: a call with strengths, an uncalled function, a string, a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Finding
from reglint.names.literals import dict_items
from reglint.names.scopes import Place, string_value
from reglint.names.values import FunctionValue, LiteralValue, MadeValue, ParameterValue, Symbol, Value
from reglint.rulebook import facts
from reglint.usage.arguments import Argument, arguments
from reglint.usage.calls import calls_in, is_none
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.versions import PACKAGES, Release


class Written(NamedTuple):
    """One value that an expression may have, in the words of ``rules/facts/regularizer_values.toml``.

    ``value`` is how the tables call it and ``shown`` how a message does. ``spot`` is the name or string of the checked
    file to point at, None where that is the argument itself. ``literal`` tells that strengths are written out.
    ``old`` is what releases with other defaults take a call for, ``got`` tells that it is an argument of ``get``.
    """

    value: str
    shown: str
    spot: cst.Name | cst.SimpleString | None = None
    literal: bool = False
    old: str = ""
    got: bool = False


class Site(NamedTuple):
    """An argument of Keras layers and what is written for it; ``always`` tells that it has no other value."""

    argument: Argument
    written: tuple[Written, ...]
    always: bool

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages from which the layers may come."""
        return tuple(dict.fromkeys(layer.package for layer in self.argument.layers))

    def span(self, file: File, written: Written) -> tuple[int, int]:
        """Where to point."""
        return file.span(written.spot if written.spot is not None else self.argument.mention.node)


def sites(file: File) -> tuple[Site, ...]:
    """The regularizer arguments of Keras layers whose every value can be seen."""
    return file.remembered(sites, lambda: tuple(_sites(file)))


def _sites(file: File) -> Iterator[Site]:
    for keyword in facts("regularizer_arguments")["arguments"]:
        for argument in arguments(file, keyword) if keyword.endswith("_regularizer") else ():
            if not argument.sure or any(not layer.package for layer in argument.layers):
                continue
            arms = list(_arms(argument.value))
            for arm in arms:
                found = _all_written(file, arm, argument.place)
                if found:
                    yield Site(argument, found, len(arms) == 1)


def findings_of_values(file: File, judge: Callable[[Site, Written], Finding | None]) -> Iterator[Finding]:
    """What ``judge`` finds in the values of regularizer arguments, each place once, but for what is prepared for."""
    guards = Guards(file, (), ())
    told: set[tuple[int, int]] = set()
    for site in sites(file):
        for written in site.written:
            finding = None if is_prepared(file, guards, site, written) else judge(site, written)
            if finding is not None and (finding.start, finding.end) not in told:
                told.add((finding.start, finding.end))
                yield finding


def row_of(table: str, value: str) -> Mapping[str, Any] | None:
    """What ``rules/facts/regularizer_values.toml`` says of a value."""
    found: Mapping[str, Any] | None = next((r for r in facts("regularizer_values")[table] if r["value"] == value), None)
    return found


def engines_of(file: File, packages: Sequence[str], releases: Mapping[str, str] | None = None) -> tuple[Release, ...]:
    """The allowed releases of these packages that are in ``releases``, or all of them."""
    # nothing is known of values in Keras before 1.2
    wanted = {**dict.fromkeys(PACKAGES, ">=0"), "keras": ">=1.2"} if releases is None else releases
    return tuple(dict.fromkeys(engine for package in packages for engine in file.engines(package, wanted)))


def where(file: File, packages: Sequence[str], engines: Sequence[Release]) -> str:
    """The clause of a message that tells in which releases it holds; empty where that is all of the allowed ones."""
    if set(engines) == set(engines_of(file, packages)):
        return ""
    return f" in {named(engines)}{allowed_by(file, engines)}"


def number(node: cst.BaseExpression) -> float | None:
    """The number that an expression of literals stands for."""
    try:
        if isinstance(node, cst.Integer):
            return float(int(node.value, 0))
        if isinstance(node, cst.Float):
            return float(node.value)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, (cst.Minus, cst.Plus)):
            inner = number(node.expression)
            return None if inner is None else -inner if isinstance(node.operator, cst.Minus) else inner
    except ValueError:
        pass
    return None


def is_zero(file: File, value: Value, node: cst.BaseExpression) -> bool:
    """Is a regularizer, which ``node`` is, without effect in some release (REG304), or made with strengths of 0?"""
    written = _written(file, value, node)
    if written is not None and row_of("zero", written.value) is not None:
        return True
    if not isinstance(value, MadeValue) or any(arg.star for arg in value.call.args):
        return False
    known = file.api.regularizer(value.qualname)
    if known is None:
        return False
    name = known[1]
    if name == "get" and value.call.args:
        values = file.resolver.values(value.call.args[0].value, value.place)
        return all(is_none(v) or is_zero(file, v, value.call.args[0].value) for v in values)
    old = facts("regularizers")["symbols"].get(name)
    if not value.call.args:
        return old is not None and not any(old["defaults"].values())
    return (old is not None or name in facts("regularizer_values")["functions"]) and all(
        is_zero_strength(file, arg.value, value.place) for arg in value.call.args
    )


def is_zero_strength(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is a strength 0 wherever it can be seen? The default of a parameter counts, and what the file passes for it."""
    if number(node) is not None:
        return number(node) == 0
    values = calls_in(file).passed(file.resolver.values(node, place))
    known = [value for value in values if not isinstance(value, ParameterValue)]
    return bool(known) and all(
        isinstance(value, LiteralValue) and (is_none(value) or number(value.node) == 0) for value in known
    )


def number_of(text: str) -> float | None:
    """The number that a text stands for if it is a literal, with or without a sign."""
    try:
        return number(cst.parse_expression(text))
    except cst.ParserSyntaxError:
        return None


def strengths_of(call: cst.Call) -> list[cst.BaseExpression]:
    """The strengths that a call of ``ActivityRegularization`` states."""
    positional = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    by_keyword = [arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value in ("l1", "l2")]
    return [*positional[:2], *by_keyword]


def is_penalty_layer(file: File, call: cst.Call, place: Place) -> bool:
    """Is an ``ActivityRegularization`` given a strength that isn't seen to be 0? Without one it adds nothing."""
    return any(not is_zero_strength(file, strength, place) for strength in strengths_of(call))


def _arms(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The values of ``a if test else b``."""
    if isinstance(node, cst.IfExp):
        yield from _arms(node.body)
        yield from _arms(node.orelse)
    else:
        yield node


def _all_written(file: File, node: cst.BaseExpression, place: Place) -> tuple[Written, ...]:
    """What an expression may be, None left out; empty where that is not known for sure."""
    if isinstance(node, (cst.UnaryOperation, cst.BinaryOperation)):
        return (Written("number", _code(node)),) if _is_arithmetic(node) else ()
    found: list[Written] = []
    for value in file.resolver.values(node, place):
        if isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == "None":
            continue
        written = _written(file, value, node)
        if written is None:
            return ()
        found.append(written)
    return tuple(dict.fromkeys(found))


def _is_arithmetic(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.UnaryOperation):
        return _is_arithmetic(node.expression)
    if isinstance(node, cst.BinaryOperation):
        return _is_arithmetic(node.left) and _is_arithmetic(node.right)
    return isinstance(node, (cst.Integer, cst.Float))


def _written(file: File, value: Value, node: cst.BaseExpression) -> Written | None:
    if isinstance(value, Symbol):
        known = file.api.regularizer(value.qualname)
        name = known[1] if known is not None else ""
        return Written(name, name, _name_of(node)) if name in facts("regularizer_values")["functions"] else None
    if isinstance(value, MadeValue):
        return _made(file, value)
    if isinstance(value, FunctionValue):
        function = value.scope.node
        shown = function.name.value if isinstance(function, cst.FunctionDef) else "lambda"
        return Written("function", shown)
    return _literal(file, value, node) if isinstance(value, LiteralValue) else None


def _made(file: File, value: MadeValue) -> Written | None:
    """A call of a regularizer, or an object of another part of Keras."""
    spot = _name_of(value.call.func) if value.place.scope.names is file.names else None
    known = file.api.regularizer(value.qualname)
    if known is not None:
        if known[1] == "get" and len(value.call.args) == 1:
            inner = _all_written(file, value.call.args[0].value, value.place)
            return inner[0]._replace(got=True) if len(inner) == 1 and inner[0].value != "function" else None
        return Written(
            *_call(known[1], value.call), spot, literal=bool(value.call.args), old=_with_defaults(value.call)
        )
    if value.qualname in _CONVERSIONS:
        return Written("number", _code(value.call))
    keras = file.api.keras_name(value.qualname)
    foreign = facts("regularizer_values")["foreign"]
    if keras is not None and len(keras.path) > 1 and keras.path[0] in foreign and keras.path[-1] not in _GETTERS:
        return Written(keras.path[0], keras.path[-1], spot)
    return None


_CONVERSIONS = {"builtins.float", "builtins.int", "numpy.float16", "numpy.float32", "numpy.float64"}
_GETTERS = {"get", "deserialize", "serialize"}


def _call(name: str, call: cst.Call) -> tuple[str, str]:
    """How the tables call a call of a regularizer: by its strengths where they are zero, else "strong"."""
    parameters = facts("regularizer_values")["functions"].get(name)
    if parameters is None or any(arg.star for arg in call.args):
        return "strong", name
    if any(arg.keyword is not None and arg.keyword.value not in (*parameters, "l") for arg in call.args):
        return "strong", name
    given = {
        arg.keyword.value if arg.keyword else parameters[rank]: number(arg.value)
        for rank, arg in enumerate(call.args[: len(parameters)])
    }
    if any(strength != 0 for strength in given.values()):
        return "strong", name
    zeros = ", ".join("0" for _ in given)
    written = "()" if len(given) < len(parameters) else f"({zeros})"
    alike = {"L1": "l1", "L2": "l2", "L1L2": "l1_l2" if given and written != "()" else "L1L2"}.get(name, name)
    return f"{alike}{written}", f"{name}({', '.join(_text(arg) for arg in call.args)})"


def _with_defaults(call: cst.Call) -> str:
    """What Keras 2 takes a call of ``l1_l2`` for: a strength that is not said is 0.01 there."""
    given = {"l1": "0.01", "l2": "0.01"}
    for rank, arg in enumerate(call.args[:2]):
        given[arg.keyword.value if arg.keyword is not None else f"l{rank + 1}"] = _code(arg.value)
    return f"l1_l2(l1={given['l1']}, l2={given['l2']})"


def _text(arg: cst.Arg) -> str:
    return f"{arg.keyword.value}={_code(arg.value)}" if arg.keyword is not None else _code(arg.value)


def _code(node: cst.BaseExpression) -> str:
    """The text of an expression, for a message."""
    return cst.Module([]).code_for_node(node)


def _literal(file: File, value: LiteralValue, node: cst.BaseExpression) -> Written | None:
    literal = value.node
    if isinstance(literal, cst.Name):
        return Written("bool", literal.value)
    if isinstance(literal, (cst.Integer, cst.Float)):
        return Written("number", literal.value, _name_of(node))
    if isinstance(literal, cst.SimpleString):
        text = string_value(literal)
        spot = literal if literal is node else _name_of(node)
        return Written(f"'{text}'", text, spot) if text is not None else None
    if isinstance(literal, (cst.List, cst.Tuple)):
        kind = "list" if isinstance(literal, cst.List) else "tuple"
        return Written(kind, kind, _name_of(node))
    if isinstance(literal, cst.Dict) and literal is node and _is_default_config(literal):
        return Written("L1L2()", _code(literal))
    if isinstance(literal, (cst.Dict, cst.Call)):
        return Written("dict", "dict", _name_of(node)) if _is_no_config(file, literal, node) else None
    return None


def _is_default_config(literal: cst.Dict) -> bool:
    """``{"class_name": "L1L2", "config": {}}``, which says no strength."""
    items = dict(dict_items(literal))
    name, config = items.get("class_name"), items.get("config")
    if len(literal.elements) != 2 or not isinstance(name, cst.SimpleString) or not isinstance(config, cst.Dict):
        return False
    return string_value(name) == "L1L2" and not config.elements


def _is_no_config(file: File, literal: cst.Dict | cst.Call, node: cst.BaseExpression) -> bool:
    """Is a dict surely without the key ``class_name``? It may get one later where it has a name."""
    if literal is not node:
        return False
    keys = [key for key, _ in dict_items(literal)]
    elements = literal.elements if isinstance(literal, cst.Dict) else literal.args
    return len(keys) == len(elements) and all(isinstance(key, str) and key != "class_name" for key in keys)


def _name_of(node: cst.BaseExpression) -> cst.Name | None:
    """The last name of a dotted expression."""
    found = node.attr if isinstance(node, cst.Attribute) else node
    return found if isinstance(found, cst.Name) else None


def is_prepared(file: File, guards: Guards, site: Site, written: Written) -> bool:
    """Does the program choose by Keras's version, or expect a failure, where the value is passed or made?"""
    spot = written.spot
    made = file.mentions(spot.value) if isinstance(spot, cst.Name) else ()
    return guards.is_prepared(site.argument.mention) or any(m.node is spot and guards.is_prepared(m) for m in made)


def is_renamed_string(site: Site, written: Written) -> bool:
    """Is it an old name of a regularizer, as a string in the call itself or in ``get``? REG102 mends that."""
    argument = site.argument
    return (
        written.value[:1] == "'"
        and written.shown in facts("regularizers")["strings"]
        and (written.got or (argument.call is not None and isinstance(argument.value, cst.SimpleString)))
    )
