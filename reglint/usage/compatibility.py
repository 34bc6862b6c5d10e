"""Is a place in the code the old-Keras arm of a compatibility guard? There the old names are right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

import libcst as cst

from reglint.names.scopes import END, Arm, Binding, Mention, Place, dotted, string_value
from reglint.names.values import FunctionValue, Symbol
from reglint.tree import walk
from reglint.usage.file import File

OLD, NEW, SOME = "old", "new", "some"
"""Which Keras a test means when it is true: before 2, from 2 on, or one of them (nobody can tell which)."""

_FLAG = re.compile(r"keras_?(?:is|v|ver|version|api|ge|gte|major)?_?v?(\d)", re.IGNORECASE)
_WORDS = {
    OLD: re.compile(r"(?:old|legacy)_?keras|keras_?(?:old|legacy)", re.IGNORECASE),
    NEW: re.compile(r"new_?keras|keras_?new", re.IGNORECASE),
}
_SIGNATURES = {
    "inspect",
    "signature",
    "getargspec",
    "getfullargspec",
    "co_varnames",
    "__code__",
    "func_code",
    "has_arg",
}
_EXPECTING = {"raises", "assertRaises", "assertRaisesRegex", "assertRaisesRegexp", "suppress"}
_DIGITS = re.compile(r"\d+")
_FLIPPED = {OLD: NEW, NEW: OLD, SOME: SOME}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_REFUSALS = {"TypeError", "ValueError", "Exception", "BaseException"}
_IMPORT_FAILURES = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"}


class Guards:
    """Finds the guards around a place. ``old`` and ``today`` are the names that tell one Keras from the other."""

    def __init__(self, file: File, old: Iterable[str], today: Iterable[str]) -> None:
        self._file = file
        self._old = frozenset(old)
        self._today = frozenset(today)
        self._leaving: dict[cst.CSTNode, list[cst.If | cst.Try | cst.TryStar]] = {}

    def in_old_arm(self, mention: Mention) -> bool:
        """Does the code at ``mention`` only run on an old Keras?"""
        return self.is_old_arm(mention.node, mention.above.nodes(), mention.place)

    def is_prepared(self, mention: Mention) -> bool:
        """Does the program choose by Keras's version here, or expect that what stands here is refused?"""
        child: cst.CSTNode = mention.node
        for parent in mention.above.nodes():
            if isinstance(parent, (cst.If, cst.IfExp)) and child is not parent.test:
                if self._meaning(parent.test, mention.place) is not None:
                    return True
            elif isinstance(parent, (cst.Try, cst.TryStar)) and child is parent.body:
                # `except Exception` around a whole program expects nothing in particular
                expected = _REFUSALS if len(parent.body.body) == 1 else {"TypeError", "ValueError"}
                if any(_caught(handler) & expected for handler in parent.handlers):
                    return True
            elif (isinstance(parent, cst.With) and any(_expects_refusal(item.item) for item in parent.items)) or (
                isinstance(parent, (cst.IndentedBlock, cst.Module))
                and self._is_after_choice(parent, child, mention.place)
            ):
                return True
            child = parent
        return False

    def is_choice(self, node: cst.BaseExpression, place: Place, depth: int = 3) -> bool:
        """Does the value of an expression depend on Keras's version, there or where a name in it is bound?"""
        for part in walk(node):
            if isinstance(part, cst.IfExp) and self._meaning(part.test, place) is not None:
                return True
            if isinstance(part, cst.Name) and depth:
                for binding in self._file.resolver.bindings(part.value, place):
                    if self._is_chosen_binding(binding):
                        return True
                    if binding.kind == "assign" and isinstance(binding.node, cst.BaseExpression):
                        if self.is_choice(binding.node, binding.place, depth - 1):
                            return True
        return False

    def _is_chosen_binding(self, binding: Binding) -> bool:
        """Is the name bound in an arm of a test of Keras's version?"""
        if binding.kind != "assign":
            return False
        tests = [arm.statement.test for arm in binding.place.path if isinstance(arm.statement, cst.If)]
        return any(self._meaning(test, binding.place) is not None for test in tests)

    def is_old_arm(self, node: cst.CSTNode, above: Iterable[cst.CSTNode], place: Place) -> bool:
        """Does the code at ``node``, below ``above``, only run on an old Keras?"""
        child = node
        for parent in above:
            if isinstance(parent, (cst.If, cst.IfExp)) and child is not parent.test:
                meaning = self._meaning(parent.test, place)
                if meaning is not None and (meaning == SOME or meaning == (OLD if child is parent.body else NEW)):
                    return True
            elif isinstance(parent, cst.BooleanOperation) and child is parent.right:
                if self._is_old_operand(parent, place):
                    return True
            elif isinstance(parent, (cst.Try, cst.TryStar)):
                if self._is_old_attempt(parent, child):
                    return True
            elif (
                isinstance(parent, (cst.IndentedBlock, cst.Module)) and self._is_after_return(parent, child, place)
            ) or (isinstance(parent, cst.With) and any(_expects_refusal(item.item) for item in parent.items)):
                return True
            child = parent
        return False

    def _is_old_operand(self, operation: cst.BooleanOperation, place: Place) -> bool:
        """Is the right side of ``old and …`` or of ``new and … or …`` only reached on an old Keras?"""
        left = operation.left
        if isinstance(operation.operator, cst.And):
            return self._meaning(left, place) == OLD
        chosen = isinstance(left, cst.BooleanOperation) and isinstance(left.operator, cst.And)
        return chosen and self._meaning(left.left, place) == NEW  # type: ignore[attr-defined]

    def is_old_binding(self, binding: Binding) -> bool:
        """Is the name only bound so on an old Keras?"""
        blocks: list[cst.CSTNode] = []
        for arm in reversed(binding.place.path):
            statement = arm.statement
            if isinstance(statement, (cst.Try, cst.TryStar)):
                blocks.append(statement.body if arm.arm == 0 else statement.handlers[arm.arm - 1])
            elif isinstance(statement, cst.If):
                blocks.append(statement.body if arm.arm == 0 else statement.orelse or statement.body)
            else:
                continue
            blocks.append(statement)
        return bool(blocks) and self.is_old_arm(blocks[0], blocks[1:], binding.place)

    def is_shimmed(self, mention: Mention) -> bool:
        """Is the callee to which a keyword goes Keras's only on an old Keras, and of the project on every other?"""
        call = mention.above.up.node if mention.above.up is not None else None
        return isinstance(call, cst.Call) and self.is_shim(call.func, mention.place)

    def is_shim(self, expression: cst.BaseExpression, place: Place) -> bool:
        """Is a name Keras's only on an old Keras, and that of something of the project on every other?"""
        bindings = list(self._origins(expression, place))
        outside = [binding for binding in bindings if binding.kind in ("from", "import", "star")]
        own = any(binding.kind in ("function", "class") for binding in bindings)
        return own and bool(outside) and all(self.is_old_binding(binding) for binding in outside)

    def _origins(self, expression: cst.BaseExpression, place: Place) -> Iterator[Binding]:
        """The bindings behind a name, or behind a member of a module of the project."""
        resolver = self._file.resolver
        if isinstance(expression, cst.Name):
            yield from resolver.origins(expression.value, place)
        elif isinstance(expression, cst.Attribute):
            for value in resolver.values(expression.value, place):
                module = resolver.names_of(value)
                if module is not None:
                    yield from resolver.origins(expression.attr.value, Place(module.scope, END, ()))

    @staticmethod
    def is_attempt(binding: Binding) -> bool:
        """Is the name imported in a ``try`` that gives it another meaning where that fails?"""
        elsewhere = [arm for other in binding.place.scope.bindings.get(binding.name, ()) for arm in other.place.path]
        return any(
            isinstance(arm.statement, (cst.Try, cst.TryStar))
            and arm.arm == 0
            and any(other.statement is arm.statement and _is_failed_import(other) for other in elsewhere)
            for arm in binding.place.path
        )

    # -- try ----------------------------------------------------------------------------------------------------------

    def _is_old_attempt(self, statement: cst.Try | cst.TryStar, child: cst.CSTNode) -> bool:
        """One arm tries today's spelling and the other, where ``child`` is, the old one."""
        handler = next((handler for handler in statement.handlers if handler is child), None)
        if handler is not None and _caught(handler) & _IMPORT_FAILURES:
            # the same Keras, imported in another way where the first one fails
            if self._imported_keras(statement.body) & self._imported_keras(handler.body):
                return True
        if handler is not None:
            return self._catches(handler) and self._tells_apart(statement.body, handler.body, handler)
        if child is not statement.body:
            return False
        return any(self._catches(h) and self._tells_apart(h.body, statement.body, h) for h in statement.handlers)

    def _tells_apart(
        self, newer: cst.CSTNode, older: cst.CSTNode, handler: cst.ExceptHandler | cst.ExceptStarHandler
    ) -> bool:
        """Does only one of the arms speak as today's Keras wants it?"""
        return self._speaks_today(newer, handler) and not self._speaks_today(older, handler)

    def _imported_keras(self, block: cst.CSTNode) -> set[str]:
        """The packages whose Keras is imported in a block."""
        names = [dotted(node.module) for node in walk(block) if isinstance(node, cst.ImportFrom)]
        found = [self._file.api.keras_name(name) for name in names if name is not None]
        return {name.package for name in found if name is not None}

    def _catches(self, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
        return bool(_caught(handler) & (_REFUSALS | _IMPORT_FAILURES))

    def _speaks_today(self, block: cst.CSTNode, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
        caught = _caught(handler)
        for node in walk(block):
            missed, refused = _names(node)
            if (caught & _IMPORT_FAILURES and missed in self._today) or (caught & _REFUSALS and refused in self._today):
                return True
        return False

    # -- if -----------------------------------------------------------------------------------------------------------

    def _is_after_return(self, block: cst.IndentedBlock | cst.Module, child: cst.CSTNode, place: Place) -> bool:
        """An ``if`` above in the same block leaves for every newer Keras."""
        for statement in self._left_above(block, child):
            if isinstance(statement, cst.If) and statement.orelse is None:
                if self._meaning(statement.test, place) == NEW:
                    return True
            if isinstance(statement, (cst.Try, cst.TryStar)):
                if any(_caught(h) & _REFUSALS and self._speaks_today(statement.body, h) for h in statement.handlers):
                    return True
        return False

    def _is_after_choice(self, block: cst.IndentedBlock | cst.Module, child: cst.CSTNode, place: Place) -> bool:
        """An ``if`` above in the same block returns something else for some Keras."""
        return any(
            isinstance(statement, cst.If)
            and statement.orelse is None
            and isinstance(_last(statement.body), cst.Return)
            and self._meaning(statement.test, place) is not None
            for statement in self._left_above(block, child)
        )

    def _left_above(
        self, block: cst.IndentedBlock | cst.Module, child: cst.CSTNode
    ) -> Sequence[cst.If | cst.Try | cst.TryStar]:
        """What stands above ``child`` in a block and leaves it."""
        if block not in self._leaving:
            kinds = (cst.If, cst.Try, cst.TryStar)
            self._leaving[block] = [each for each in block.body if isinstance(each, kinds) and _leaves(each.body)]
        if not self._leaving[block]:
            return ()  # as nearly always: then no block is walked anew for each thing in it
        before = set(takewhile(lambda each: each is not child, block.body))
        return [statement for statement in self._leaving[block] if statement in before]

    def _meaning(self, test: cst.BaseExpression, place: Place, depth: int = 0) -> str | None:
        """Which Keras ``test`` means, None if it isn't about versions."""
        if depth > 5:
            return None
        if isinstance(test, cst.UnaryOperation):
            meaning = self._meaning(test.expression, place, depth + 1)
            return None if meaning is None else _FLIPPED[meaning]
        if isinstance(test, cst.IfExp):
            arms = dotted(test.body), dotted(test.orelse)
            meaning = self._meaning(test.test, place, depth + 1) if set(arms) == {"True", "False"} else None
            return _FLIPPED[meaning] if meaning is not None and arms[0] == "False" else meaning
        if isinstance(test, cst.BooleanOperation):
            return self._meaning(test.left, place, depth + 1) or self._meaning(test.right, place, depth + 1)
        if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
            return self._comparison(test, place, depth)
        if isinstance(test, cst.Call):
            return self._call(test, place, depth)
        if isinstance(test, (cst.Name, cst.Attribute)):
            return self._flag(test, place, depth)
        return None

    def _comparison(self, test: cst.Comparison, place: Place, depth: int) -> str | None:
        target = test.comparisons[0]
        left, right = test.left, target.comparator
        operator = _OPERATORS.get(type(target.operator), "")
        if operator in ("in", "not in"):
            meaning = self._capability(left) if self._is_signature(right, place, depth) else None
            if meaning is None and self._is_version(left, place, depth):
                return SOME
            return meaning if operator == "in" or meaning is None else _FLIPPED[meaning]
        if self._is_version(right, place, depth):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        elif not self._is_version(left, place, depth):
            return None
        major = _major(right)
        return SOME if major is None else _compare(operator, major)

    def _call(self, test: cst.Call, place: Place, depth: int) -> str | None:
        if isinstance(test.func, cst.Attribute) and test.func.attr.value == "startswith" and test.args:
            if self._is_version(test.func.value, place, 0):
                major = _major(test.args[0].value)
                return SOME if major is None else (NEW if major >= 2 else OLD)
        if isinstance(test.func, (cst.Name, cst.Attribute)) and not test.args:
            for value in self._file.resolver.values(test.func, place):
                if isinstance(value, FunctionValue) and len(value.scope.returns) == 1:
                    meaning = self._meaning(*value.scope.returns[0], depth + 1)
                    if meaning is not None:
                        return meaning
            return self._flag(test.func, place, depth + 1)
        if isinstance(test.func, cst.Name) and test.func.value == "hasattr" and len(test.args) == 2:
            return self._capability(test.args[1].value)
        return None

    def _capability(self, name: cst.BaseExpression) -> str | None:
        text = string_value(name) if isinstance(name, cst.SimpleString) else None
        return NEW if text in self._today else OLD if text in self._old else None

    def _is_signature(self, node: cst.BaseExpression, place: Place, depth: int) -> bool:
        """Does the expression list the parameters of a function, rather than hold some values for them?"""
        for part in walk(node):
            if isinstance(part, cst.Name) and part.value in _SIGNATURES:
                return True
            if isinstance(part, cst.Name) and depth < 3:
                for binding in self._file.resolver.bindings(part.value, place):
                    if binding.kind == "assign" and isinstance(binding.node, cst.BaseExpression):
                        if self._is_signature(binding.node, binding.place, depth + 1):
                            return True
        return False

    def _flag(self, test: cst.Name | cst.Attribute, place: Place, depth: int) -> str | None:
        if isinstance(test, cst.Name):
            for binding in self._file.resolver.bindings(test.value, place):
                if binding.kind == "assign" and isinstance(binding.node, cst.BaseExpression):
                    meaning = self._meaning(binding.node, binding.place, depth + 1)
                    if meaning is not None:
                        return meaning
        name = test.value if isinstance(test, cst.Name) else test.attr.value
        if match := _FLAG.search(name):
            return NEW if int(match[1]) >= 2 else OLD
        return next((meaning for meaning, words in _WORDS.items() if words.search(name)), None)

    def _is_version(self, node: cst.BaseExpression, place: Place, depth: int) -> bool:
        """Does the expression look at Keras's version?"""
        return any(self._names_version(part, place, depth) for part in walk(node))

    def _names_version(self, node: cst.CSTNode, place: Place, depth: int) -> bool:
        if isinstance(node, cst.Name):
            lowered = node.value.lower()
            if "keras" in lowered and ("ver" in lowered or "major" in lowered):
                return True
            for binding in self._file.resolver.bindings(node.value, place) if depth < 3 else ():
                if binding.kind == "assign" and isinstance(binding.node, cst.BaseExpression):
                    if self._is_version(binding.node, binding.place, depth + 1):
                        return True
        if isinstance(node, cst.Call) and node.args and isinstance(node.args[0].value, cst.SimpleString):
            asked = (dotted(node.func) or "").rpartition(".")[2] in ("get_distribution", "version")
            return asked and string_value(node.args[0].value) == "keras"
        if isinstance(node, (cst.Name, cst.Attribute)):
            return any(
                isinstance(value, Symbol) and value.qualname.endswith("__version__") and self._is_keras(value.qualname)
                for value in self._file.resolver.values(node, place)
            )
        return False

    def _is_keras(self, qualname: str) -> bool:
        return self._file.api.keras_name(qualname) is not None


def _names(node: cst.CSTNode) -> tuple[str | None, str | None]:
    """The name that ``node`` needs to exist (else an import fails), and the one it passes (else a call is refused)."""
    if isinstance(node, cst.ImportAlias):
        return (dotted(node.name) or "").rpartition(".")[2], None
    if isinstance(node, cst.Attribute):
        return node.attr.value, None
    if isinstance(node, cst.Arg) and node.keyword is not None:
        return None, node.keyword.value
    return None, string_value(node) if isinstance(node, cst.SimpleString) else None


def _is_failed_import(arm: Arm) -> bool:
    """Does an arm of a ``try`` run where an import in it fails?"""
    statement = arm.statement
    if not isinstance(statement, (cst.Try, cst.TryStar)) or not 0 < arm.arm <= len(statement.handlers):
        return False
    return bool(_caught(statement.handlers[arm.arm - 1]) & _IMPORT_FAILURES)


def _expects_refusal(node: cst.BaseExpression) -> bool:
    """``pytest.raises(…)``, ``self.assertRaises(…)``: what stands below is meant to fail."""
    if not isinstance(node, cst.Call):
        return False
    return (dotted(node.func) or "").rpartition(".")[2] in _EXPECTING


def _caught(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> set[str]:
    if handler.type is None:
        return {"BaseException"}
    elements = handler.type.elements if isinstance(handler.type, cst.Tuple) else [cst.Element(handler.type)]
    return {(dotted(_without_py2_name(element.value)) or "").rpartition(".")[2] for element in elements}


def _without_py2_name(node: cst.BaseExpression) -> cst.BaseExpression:
    """``E`` of Python 2's ``except E, e``, which is read as ``E | e``."""
    return node.left if isinstance(node, cst.BinaryOperation) else node


def _leaves(block: cst.BaseSuite) -> bool:
    """Does the block end by leaving the ones around it?"""
    return isinstance(_last(block), (cst.Return, cst.Raise, cst.Continue, cst.Break))


def _last(block: cst.BaseSuite) -> cst.CSTNode | None:
    """The last statement of a block."""
    last = block.body[-1] if block.body else None
    return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last


def _major(node: cst.BaseExpression) -> int | None:
    """The major version that a literal (a number, ``'2.0'``, ``(2, 0)``, ``Version('2')``) names."""
    for part in walk(node):
        text: str | None = None
        if isinstance(part, cst.SimpleString):
            text = string_value(part)
        elif isinstance(part, (cst.Integer, cst.Float)):
            text = part.value
        if text and (match := _DIGITS.search(text)):
            return int(match[0])
    return None


def _compare(operator: str, major: int) -> str:
    if operator in (">=", "==", "is"):
        return NEW if major >= 2 else (OLD if operator != ">=" else SOME)
    if operator == ">":
        return NEW if major >= 1 else SOME
    if operator == "<":
        return OLD if major == 2 else SOME
    if operator == "<=":
        return OLD if major <= 1 else SOME
    if operator in ("!=", "is not"):
        return OLD if major >= 2 else NEW
    return SOME


_OPERATORS: dict[type[cst.BaseCompOp], str] = {
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.In: "in",
    cst.NotIn: "not in",
    cst.Is: "is",
    cst.IsNot: "is not",
}
