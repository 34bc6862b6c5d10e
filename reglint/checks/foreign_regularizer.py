"""Regularizers of ``tf.contrib.layers`` and slim given to a Keras layer: the same number means another strength."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Applicability, Finding, Fix
from reglint.names.scopes import Link, Mention, Place, dotted
from reglint.names.values import Symbol
from reglint.rewriting.imports import at_hand
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.symbols import REGULARIZERS, is_name_read

_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float)


class Found(NamedTuple):
    """A call of a contrib function that reaches a Keras layer."""

    call: cst.Call
    callee: cst.BaseExpression
    name: cst.Name
    place: Place
    facts: Mapping[str, Any]


class Goal(NamedTuple):
    """The packages of the Keras layers that a value reaches, and whether it reaches nothing else."""

    packages: frozenset[str]
    only: bool


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on contrib's regularizer functions whose result a Keras layer receives."""
    if not any(file.allowed.admits(package, releases) for package, releases in card.versions.items()):
        return  # where only TensorFlow 1 is allowed, contrib's regularizer does what it says
    for function in facts(card.facts or "packages")["contrib"]["functions"]:
        guards = Guards(file, [], [])
        for mention in file.mentions(function):
            found = _call(file, mention)
            if found is None:
                continue
            parent = mention.above.node
            link = mention.above.up if isinstance(parent, cst.Attribute) else mention.above
            assert link is not None and link.up is not None
            goal = _goal(file, found.call, link.up, found.place)
            if goal.packages and not guards.in_old_arm(mention):
                yield _finding(file, card, found, goal)


def _call(file: File, mention: Mention) -> Found | None:
    node, parent = mention.node, mention.above.node
    if not isinstance(node, cst.Name):
        return None
    expression: cst.BaseExpression = node
    link: Link | None = mention.above
    if isinstance(parent, cst.Attribute) and parent.attr is node:
        expression, link = parent, mention.above.up
    call = link.node if link is not None else None
    if not isinstance(call, cst.Call) or call.func is not expression:
        return None
    values = file.resolver.values(expression, mention.place)
    known = [file.api.contrib(value.qualname) for value in values if isinstance(value, Symbol)]
    if len(known) != len(values) or not known or known[0] is None:
        return None
    return Found(call, expression, node, mention.place, known[0])


def _goal(file: File, node: cst.CSTNode, above: Link, place: Place) -> Goal:
    """Where the value of ``node`` goes."""
    parent = above.node
    if isinstance(parent, cst.Arg):
        return Goal(_layer_packages(file, parent, above, place), True)
    if isinstance(parent, cst.Assign) and parent.value is node and len(parent.targets) == 1:
        target = parent.targets[0].target
        if isinstance(target, cst.Name):
            return _named_goal(file, target.value, node)
    return Goal(frozenset(), False)


def _named_goal(file: File, name: str, value: cst.CSTNode) -> Goal:
    packages: set[str] = set()
    only = True
    for mention in file.names.mentions.get(name, ()):
        parent = mention.above.node
        if not is_name_read(mention.node, parent):
            continue
        if not any(binding.node is value for binding in file.resolver.bindings(name, mention.place)):
            continue
        found: frozenset[str] = frozenset()
        if isinstance(parent, cst.Arg):
            found = _layer_packages(file, parent, mention.above, mention.place)
        packages |= found
        only = only and bool(found)
    return Goal(frozenset(packages), only)


def _layer_packages(file: File, arg: cst.Arg, above: Link, place: Place) -> frozenset[str]:
    """The packages of the Keras layers whose regularizer ``arg`` is; empty if it may reach anything else."""
    if arg.keyword is None or not arg.keyword.value.endswith("_regularizer"):
        return frozenset()
    reach = file.flows.keyword(Mention(arg.keyword, place, above))
    layers = (
        [file.api.layer(r.name) if r.kind == "symbol" else None for r in reach.receivers]
        if reach and not reach.taken_out
        else []
    )
    return frozenset(layer.package for layer in layers if layer) if all(layers) else frozenset()


def _finding(file: File, card: Card, found: Found, goal: Goal) -> Finding:
    start, end = file.span(found.name)
    function, today = found.name.value, found.facts["keras"]
    halved = any(strength["factor"] != 1 for strength in found.facts["strengths"])
    message = f"`{function}` of tf.contrib is no Keras regularizer; use Keras's `{today}`"
    if halved:
        message += ", which is twice as strong for the same number"
    package = next(iter(goal.packages)) if len(goal.packages) == 1 else None
    written = at_hand(file, package, (REGULARIZERS, today), found.place) if package is not None else None
    fix, withheld = None, None
    if not goal.only:
        withheld = "the regularizer is also used elsewhere"
    elif written is None:
        withheld = f"`{today}` of the layer's Keras is not imported here"
    else:
        arguments = _arguments(file, found)
        text = file.call_text(found.name)
        if arguments is None or text is None:
            withheld = "its arguments have no counterpart"
        else:
            first = file.parsed.span(_leftmost(found.callee))[0]
            if "#" in file.source.text[first : text.closed]:
                withheld = "a comment would be lost"
            else:
                edit = file.replace(first, text.closed + 1, f"{written}({arguments})")
                fix = Fix(card.applicability or Applicability.SAFE, f"Use `{today}`", (edit,))
    return Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=withheld)


def _leftmost(node: cst.BaseExpression) -> cst.Name:
    while isinstance(node, cst.Attribute):
        node = node.value
    assert isinstance(node, cst.Name)
    return node


def _arguments(file: File, found: Found) -> str | None:
    """The arguments of Keras's regularizer that give the same penalty; None if the call can't be carried over."""
    text = file.call_text(found.name)
    if text is None or dotted(found.callee) is None or len(text.arguments) != len(found.call.args):
        return None
    given: dict[str, tuple[cst.BaseExpression, str]] = {}
    for rank, (arg, (start, end)) in enumerate(zip(found.call.args, text.arguments, strict=True)):
        if arg.star or "#" in file.source.text[start:end]:
            return None
        name = arg.keyword.value if arg.keyword is not None else _nth(found.facts["parameters"], rank)
        value = file.source.text[start:end]
        given[name] = (arg.value, value if arg.keyword is None else value.partition("=")[2].strip())
    strengths = found.facts["strengths"]
    if set(given) - {strength["parameter"] for strength in strengths}:
        return None
    written: list[str] = []
    for strength in strengths:
        if strength["parameter"] not in given and "default" not in strength:
            return None
        node, value = given.get(strength["parameter"], (cst.Float("1.0"), str(strength.get("default"))))
        scaled = value if strength["factor"] == 1 else f"{strength['factor']} * {_atom(node, value)}"
        keyword = strength.get("keyword")
        written.append(f"{keyword}={scaled}" if keyword else scaled)
    return ", ".join(written)


def _nth(parameters: list[str], rank: int) -> str:
    return parameters[rank] if rank < len(parameters) else ""


def _atom(node: cst.BaseExpression, text: str) -> str:
    return text if isinstance(node, _ATOMS) or node.lpar else f"({text})"
