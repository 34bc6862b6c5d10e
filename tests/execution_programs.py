"""Writes small, nasty, runnable programs that pass regularizers around in every way people do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Choose = Callable[[Sequence[Any]], Any]

OLD = ("W_regularizer", "W_regularizer", "b_regularizer", "U_regularizer", "weight_regularizer")
NEW = ("kernel_regularizer", "bias_regularizer", "embeddings_regularizer", "recurrent_regularizer")
LAYERS = ("Dense", "Dense", "Dense", "Conv2D", "LSTM", "Embedding", "SeparableConv2D", "MaxoutDense", "Dropout")
LOOKALIKES = ("Dense", "Dense", "Conv2D", "LSTM", "Embedding")
OLD_SYMBOLS = ("l1l2", "l1l2", "activity_l1", "activity_l2", "activity_l1l2", "WeightRegularizer", "L1L2Regularizer")
NEW_SYMBOLS = ("l1", "l2", "l1_l2", "L1L2")
# few names, so that they meet
CALLABLES = ("Dense", "Dense", "Conv2D", "D", "make", "build", "Box", "l2", "kernel_regularizer")
DICTS = ("kw", "kw", "args", "common", "opts")
PLAIN = ("value", "l2", "W_regularizer", "kernel_regularizer", "l1_l2", "strength")
FLAGS = ("yes()", "no()", "FLAG", "not FLAG", "1", "0", "len(__name__) > 3")


class Frame:
    """The names that a piece of code can use, by what they hold."""

    def __init__(self, outer: Frame | None = None) -> None:
        self.callables: list[str] = list(outer.callables) if outer else []
        self.dicts: list[str] = list(outer.dicts) if outer else []
        self.values: list[str] = list(outer.values) if outer else []
        self.tables: list[str] = list(outer.tables) if outer else []
        self.symbols: list[str] = list(outer.symbols) if outer else []  # regularizers by their own names

    def learn(self, kind: str, name: str) -> str:
        """``name`` holds something of ``kind`` from now on."""
        for names in (self.callables, self.dicts, self.values, self.tables):
            if name in names:
                names[:] = [other for other in names if other != name]
        getattr(self, kind).append(name)
        return name


class Writer:
    """Writes one program; every decision is ``choose``'s."""

    def __init__(self, choose: Choose, imports: Sequence[str] = (), alone: bool = True) -> None:
        self.choose = choose
        self.lines: list[str] = []
        self.depth = 0
        self.imports = imports  # lines that import the program's other modules
        self.alone = alone  # nobody sees from elsewhere that a module patches a library for all
        self.budget = 0

    # -- text ---------------------------------------------------------------------------------------------------------

    def put(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def chance(self, percent: int) -> bool:
        return bool(self.choose(range(100)) < percent)

    def block(self, head: str, frame: Frame, size: int = 2, inner: Frame | None = None) -> None:
        """``head`` with an indented body of random statements."""
        self.put(head)
        self.depth += 1
        before = len(self.lines)
        for _ in range(self.choose(range(1, size + 1))):
            self.statement(inner or frame)
        if len(self.lines) == before:
            self.put("pass")
        self.depth -= 1

    # -- expressions --------------------------------------------------------------------------------------------------

    def callable(self, frame: Frame, depth: int = 0) -> str:
        """An expression that can be called with regularizers."""
        if not frame.callables:
            return "foreign.Dense"
        name = self.choose(frame.callables)
        if depth > 1 or self.chance(65):
            return str(name)
        other = self.callable(frame, depth + 1)
        forms = [
            f"({name} if {self.choose(FLAGS)} else {other})",
            f"({name} or {other})",
            f"[{name}, {other}][{self.choose((0, 1, -1))}]",
            f"{{'a': {name}, 'b': {other}}}['{self.choose('ab')}']",
            f"functools.partial({name}{self.given(frame, ', ')})",
            f"functools.partial({name}, **{self.dictionary(frame, 1)})",
            f"(lambda *a, **k: {name}(*a, **k))",
            f"(lambda **k: {name}(**dict(k, {self.keyword(frame)})))",
            f"(lambda kernel_regularizer=None, **k: {name}(**k))",
            "keras.layers.Dense",
            "L.Dense",
            f"L.{self.choose(LAYERS)}",
            f"getattr(L, '{self.choose(LAYERS)}')",
            f"getattr(foreign, '{self.choose(LOOKALIKES)}')",
            "keras.layers.core.Dense",
            "foreign.Dense",
            "foreign.layers.Dense",
            f"dict(a={name})['a']",
            f"(found := {name})",
        ]
        if frame.tables:
            table = self.choose(frame.tables)
            forms += [f"{table}['{self.choose('ab')}']", f"{table}.get('a', {name})"] * 3
        return str(self.choose(forms))

    def value(self, frame: Frame) -> str:
        """A regularizer, or what could be one."""
        forms = [
            "None",
            "'l2'",
            "0.5",
            "keras.regularizers.l2(l=0.2)",
            f"'{self.choose(('activity_l2', 'l1l2', 'activity_l1l2'))}'",
            self.regularizer(frame),
            self.regularizer(frame),
        ]
        forms += frame.values
        return str(self.choose(forms))

    def regularizer(self, frame: Frame) -> str:
        name = self.choose((*OLD_SYMBOLS, *NEW_SYMBOLS, "activity_l2", "l1l2"))
        prefix = self.choose(("regularizers.", "keras.regularizers.", "R."))
        if frame.symbols and self.chance(60):
            name, prefix = self.choose(frame.symbols), ""
        if name in ("activity_l1", "activity_l2", "l1", "l2"):
            return f"{prefix}{name}({self.choose(('', '0.3', 'l=0.3'))})"
        return (
            f"{prefix}{name}({self.choose(('', '0.3', 'l1=0.3', 'l2=0.3', '0.3, 0.4', 'l2=0.3, l1=0.1', 'l1=0.3,'))})"
        )

    def keyword(self, frame: Frame) -> str:
        name = self.choose(OLD if self.chance(85) else (*NEW, "activity_regularizer"))
        return f"{name}={self.value(frame)}"

    def given(self, frame: Frame, lead: str = "") -> str:
        """Arguments of a call, each with ``lead`` before it or commas between."""
        parts: list[str] = []
        if self.chance(30):
            parts.append("3")
        names: set[str] = set()
        for _ in range(self.choose((0, 1, 1, 1, 2))):
            keyword = self.keyword(frame)
            if keyword.partition("=")[0] not in names:
                names.add(keyword.partition("=")[0])
                parts.append(keyword)
        if frame.dicts and self.chance(35):
            parts.append(f"**{self.choose(frame.dicts)}")
        elif self.chance(8):
            parts.append(f"**{self.dictionary(frame, 1)}")
        text = ", ".join(parts)
        return lead + text if lead and text else text

    def call(self, frame: Frame) -> str:
        return f"{self.callable(frame)}({self.given(frame)})"

    def dictionary(self, frame: Frame, depth: int = 0) -> str:
        """An expression that is a dict."""
        key, other = self.choose(OLD), self.choose((*OLD, *NEW, "name"))
        forms = [
            f"{{'{key}': {self.value(frame)}}}",
            f"dict({key}={self.value(frame)})",
            f"{{'{key}': {self.value(frame)}, '{other}': None}}",
            "{}",
            "dict()",
            f"dict([('{key}', None)])",
            f"dict.fromkeys(['{key}'])",
            f"{{k: None for k in ['{key}']}}",
        ]
        if frame.dicts:
            name = self.choose(frame.dicts)
            forms += [
                name,
                f"dict({name})",
                f"dict({name}, {key}=None)",
                f"{{**{name}}}",
                f"{{**{name}, '{key}': None}}",
                f"{{'{key}': None, **{name}}}",
                f"{name}.copy()",
                f"copy.copy({name})",
                f"({name} or {{}})",
                f"({name} if {self.choose(FLAGS)} else {{'{key}': None}})",
                f"({name} | {{'{key}': None}})",
                f"{{k: v for k, v in {name}.items()}}",
                f"dict(**{name})",
            ]
        return str(self.choose(forms))

    # -- statements ---------------------------------------------------------------------------------------------------

    def statement(self, frame: Frame) -> None:
        self.budget -= 1
        writers = [
            (self.write_call, 10),
            (self.write_dict, 5),
            (self.write_dict_change, 5),
            (self.write_dict_read, 2),
            (self.write_binding, 5),
            (self.write_import, 4),
            (self.write_value, 2),
            (self.write_nested_dict, 2),
            (self.write_table, 2),
        ]
        if self.budget > 0 and self.depth < 3:
            writers += [
                (self.write_if, 3),
                (self.write_try, 2),
                (self.write_loop, 3),
                (self.write_function, 5),
                (self.write_wrapper, 4),
                (self.write_class, 4),
                (self.write_subclass, 3),
                (self.write_dict_function, 3),
                (self.write_rare, 3),
                (self.write_closure, 2),
            ]
        self.choose([writer for writer, weight in writers for _ in range(weight)])(frame)

    def write_call(self, frame: Frame) -> None:
        text = self.call(frame)
        forms = [text] * 5 + [
            f"x = {text}",
            f"x = [{text}, {text}]",
            f"x = [{self.callable(frame)}({self.given(frame)}) for i in range(2)]",
            f"x = [D({self.given(frame)}) for D in ({self.callable(frame)}, {self.callable(frame)})]",
            f"x = [Dense({self.given(frame)}) for Dense in [{self.callable(frame)}]]",
            f"seen({text})",
            f"foreign.Dense({self.given(frame)})",
            f"assert {text}",
            f"x = {text} if {self.choose(FLAGS)} else {self.call(frame)}",
        ]
        self.put(self.choose(forms))

    def write_import(self, frame: Frame) -> None:
        layer = self.choose(LAYERS)
        name = self.choose(CALLABLES)
        symbol = self.choose((*OLD_SYMBOLS, *NEW_SYMBOLS))
        forms: list[tuple[str, str | None]] = [
            (f"from keras.layers import {layer}", layer),
            (f"from keras.layers import {layer} as {name}", name),
            (f"from keras.layers.core import Dense as {name}", name),
            ("from keras.layers import Dense, Conv2D", "Conv2D"),
            ("from foreign import Dense", "Dense"),
            (f"from foreign import Dense as {name}", name),
            ("from foreign.layers import Conv2D, Dense", "Conv2D"),
            ("import keras.layers as L", "L.Dense"),
            ("import foreign as L", "L.Dense"),
            ("from tensorflow import keras", "keras.layers.Dense"),
            ("import tensorflow as tf", "tf.keras.layers.Dense"),
            (f"from keras.regularizers import {symbol}", None),
            (f"from keras.regularizers import {symbol}, {self.choose(OLD_SYMBOLS)}", None),
            (
                f"from keras.regularizers import {self.choose(OLD_SYMBOLS)} as {self.choose(('reg', 'l2', 'l1_l2'))}",
                None,
            ),
            ("from keras import regularizers", None),
            ("import keras.regularizers as R", None),
            ("from foreign import l2", None),
            ("from foreign import l1l2", None),
            ("from foreign import regularizers", None),
        ]
        if self.depth == 0:
            forms += [
                ("from keras.layers import *", "Dense"),
                ("from keras.layers.core import *", "Dense"),
                ("from foreign import *", "Dense"),
                ("from keras.regularizers import *", None),
            ]
        text, bound = self.choose(forms)
        if self.imports and self.chance(40):
            text, bound = self.choose(self.imports), None
        self.put(text)
        if bound is not None:
            frame.learn("callables", bound)
        if text.startswith("from keras.regularizers import") and " as " not in text and "*" not in text:
            frame.symbols.append(symbol)

    def write_binding(self, frame: Frame) -> None:
        name = self.choose(CALLABLES)
        source = self.callable(frame)
        forms = [
            f"{name} = {source}",
            f"{name} = {source}",
            f"{name}: object = {source}",
            f"{name} = D = {source}",
            f"{name}, D = {source}, {self.callable(frame)}",
            f"({name}, *rest) = [{source}, {source}]",
            f"{name} = functools.partial({source}{self.given(frame, ', ')})",
            f"{name} = lambda **k: {source}(**k)",
            f"{name} = lambda {self.choose(OLD)}=None, **k: {source}(**k)",
            f"({name} := {source})",
            f"with foreign.scope({source}) as {name}: pass",
            f"for {name} in [{source}, {self.callable(frame)}]: pass",
        ]
        self.put(self.choose(forms))
        frame.learn("callables", name)

    def write_value(self, frame: Frame) -> None:
        name = self.choose(PLAIN)
        self.put(f"{name} = {self.value(frame)}")
        frame.learn("values", name)

    def write_table(self, frame: Frame) -> None:
        name = self.choose(("table", "LAYERS", "kw"))
        self.put(f"{name} = {{'a': {self.callable(frame)}, 'b': {self.callable(frame)}}}")
        if self.chance(30):
            self.put(f"{name}['{self.choose('ab')}'] = {self.callable(frame)}")
        frame.learn("tables", name)

    def write_dict(self, frame: Frame) -> None:
        name = self.choose(DICTS)
        self.put(f"{name} = {self.dictionary(frame)}")
        frame.learn("dicts", name)
        if self.chance(60):
            self.put(f"{self.callable(frame)}(**{name})")

    def write_nested_dict(self, frame: Frame) -> None:
        inner = self.dictionary(frame)
        forms = [
            (f"conf = {{'a': {inner}, 'b': {self.dictionary(frame)}}}", "conf['a']"),
            (f"conf = dict(a={inner})", "conf['a']"),
            (f"conf = [{inner}]", "conf[0]"),
            (f"conf = ({inner}, {self.dictionary(frame)})", "conf[1]"),
            (f"conf = {{}}; conf['a'] = {inner}", "conf['a']"),
            (f"conf = types.SimpleNamespace(a={inner})", "conf.a"),
            (f"make = types.SimpleNamespace(); make.kw = {inner}", "make.kw"),
        ]
        text, name = self.choose(forms)
        self.put(text)
        frame.learn("dicts", name)
        self.put(f"{self.callable(frame)}(**{name})")

    def write_dict_change(self, frame: Frame) -> None:
        if not frame.dicts:
            return self.write_dict(frame)
        name, other = self.choose(frame.dicts), self.choose(frame.dicts)
        key, second = self.choose(OLD), self.choose((*OLD, *NEW))
        forms = [
            f"{name}['{key}'] = {self.value(frame)}",
            f"{name}['{key}'] = {self.value(frame)}",
            f"{name}['{second}'] = {self.value(frame)}",
            f"{name}.update({key}=None)",
            f"{name}.update({{'{key}': None}})",
            f"{name}.update({other})",
            f"{name}.setdefault('{key}', {self.value(frame)})",
            f"{name}.pop('{key}', None)",
            f"{name}.pop('{second}', None)",
            f"{name}.pop({key!r})",
            f"del {name}['{key}']",
            f"{name} |= {{'{key}': None}}",
            f"{name}.clear()",
            f"{name}['{second}'] = {name}.pop('{key}', None)",
            f"if '{key}' in {name}: {name}['{second}'] = {name}.pop('{key}')",
            f"key = '{key}'; {name}[key] = None",
            f"for key in ['{key}', '{second}']: {name}.pop(key, None)",
            f"for key in ['{key}', '{second}']: {name}[key] = None",
            f"setattr(foreign, 'kept', {name})",
        ]
        self.put(self.choose(forms))
        if self.chance(40):
            self.put(f"{self.callable(frame)}(**{name})")
        return None

    def write_dict_read(self, frame: Frame) -> None:
        if not frame.dicts:
            return self.write_dict(frame)
        name, key = self.choose(frame.dicts), self.choose((*OLD, *NEW))
        forms = [
            f"seen({name})",
            f"seen({name}.get('{key}'))",
            f"seen({name}.get('{key}', 5))",
            f"seen('{key}' in {name})",
            f"seen('{key}' not in {name})",
            f"seen(list({name}))",
            f"seen(sorted({name}))",
            f"seen(len({name}))",
            f"seen({name}['{key}'])",
            f"seen({name} == {{'{key}': None}})",
            f"seen({{'{key}': None}} == {name})",
            f"for k in {name}: seen(k)",
            f"for k, v in {name}.items(): seen(k)",
            f"seen([k for k in {name}])",
            f"seen(f'{{sorted({name})}}')",
            f"seen('%s' % sorted({name}))",
            f"seen(*{name})",
            f"seen(**{name})",
            f"first, *x = {name} or [1]; seen(first)",
            f"seen('%({key})s' % dict.fromkeys(['{key}'], 1))",
            f"match {name}:\n{'    ' * self.depth}    case {{'{key}': v}}: seen(1)",
            f"seen(bool({name}))",
            f"seen(max({name}, default=0))",
            f"x = [{name}]; seen(x)",
            f"x = {name}; seen(x)",
            f"x = {name}; x['{key}'] = None",
            f"seen({name}.keys() & {{'{key}'}})",
            f"seen({name}.__contains__('{key}'))",
            f"get = {name}.get; seen(get('{key}'))",
            f"seen(any(k == '{key}' for k in {name}))",
        ]
        self.put(self.choose(forms))
        return None

    def write_if(self, frame: Frame) -> None:
        self.block(f"if {self.choose(FLAGS)}:", frame)
        if self.chance(15):
            self.block(f"elif {self.choose(FLAGS)}:", frame)
        if self.chance(50):
            self.block("else:", frame)

    def write_try(self, frame: Frame) -> None:
        layer = self.choose(("Dense", "Conv2D"))
        caught = self.choose(("ImportError", "Exception", "KeyError", "TypeError", "(IndexError, KeyError)"))
        form = self.choose(range(4))
        if form == 0:
            first = self.choose(("keras.layers", "foreign", "absent", "keras.absent"))
            second = self.choose(("keras.layers", "foreign"))
            self.put("try:")
            self.put(f"    from {first} import {layer}")
            self.put(f"except {self.choose(('ImportError', 'Exception'))}:")
            self.put(f"    from {second} import {layer}")
            frame.learn("callables", layer)
            return
        self.block("try:", frame)
        if form == 1:
            self.block("finally:", frame)
            return
        self.block(f"except {caught}:", frame)
        if self.chance(25):
            self.block("else:", frame)
        if self.chance(15):
            self.block("finally:", frame)

    def write_loop(self, frame: Frame) -> None:
        name = self.choose(CALLABLES)
        table = self.choose(frame.tables) if frame.tables else None
        kw = self.choose(DICTS)
        heads = [
            ("for i in range(2):", None, None),
            (f"for {name} in [{self.callable(frame)}, {self.callable(frame)}]:", "callables", name),
            (f"for {name}, {kw} in [({self.callable(frame)}, {self.dictionary(frame)})]:", "callables", name),
            (f"for {kw} in [{self.dictionary(frame)}, {self.dictionary(frame)}]:", "dicts", kw),
            (f"for i, {name} in enumerate([{self.callable(frame)}]):", "callables", name),
            ("while True:", None, None),
        ]
        if table:
            heads.append((f"for {name} in {table}.values():", "callables", name))
            heads.append((f"for key, {name} in {table}.items():", "callables", name))
        head, kind, bound = self.choose(heads)
        if kind and bound:
            frame.learn(kind, bound)
        self.block(head, frame, 3)
        if head == "while True:":
            self.put("    break")

    def write_function(self, frame: Frame) -> None:
        """A function with any body, and calls of it."""
        name = self.choose(CALLABLES)
        inner = Frame(frame)
        params: list[str] = []
        for _ in range(self.choose((0, 1, 1, 2))):
            kind = self.choose(("callables", "dicts", "values", "values"))
            param = self.choose({"callables": CALLABLES, "dicts": DICTS, "values": (*PLAIN, *OLD)}[kind])
            if param in [p.partition("=")[0] for p in params]:
                continue
            default = {"callables": self.callable, "dicts": self.dictionary, "values": self.value}[kind](frame)
            params.append(f"{param}={default}")
            inner.learn(kind, param)
        if self.chance(50):
            star = self.choose(("kw", "k"))
            if star not in [p.partition("=")[0] for p in params]:
                params.append(f"**{star}")
                inner.learn("dicts", star)
        for decorator in ("@foreign.decorated", "@functools.lru_cache(None)", "@staticmethod"):
            if self.chance(4):
                self.put(decorator)
        self.put(f"def {name}({', '.join(params)}):")
        self.depth += 1
        if self.chance(15):
            borrowed = self.choose((*CALLABLES, *DICTS))
            if borrowed not in [p.partition("=")[0].lstrip("*") for p in params]:
                self.put(f"global {borrowed}")
        for _ in range(self.choose((1, 2, 2, 3))):
            self.statement(inner)
        self.put(
            self.choose(
                (
                    "pass",
                    f"return {self.call(inner)}",
                    f"return {self.callable(inner)}",
                    f"return {self.dictionary(inner)}",
                    f"return seen(locals().get('{self.choose(OLD)}'))",
                )
            )
        )
        self.depth -= 1
        frame.learn("callables", name)
        if self.chance(80):
            self.put(f"{name}({self.given(frame)})")
        if self.chance(20):
            self.put(f"{name}({self.given(frame)})({self.given(frame)})")
        if self.chance(20):
            self.put(f"{self.callable(frame)}(**{name}())")

    def write_dict_function(self, frame: Frame) -> None:
        """A function that takes, makes or changes a dict."""
        key, other = self.choose(OLD), self.choose((*OLD, *NEW))
        name, kw = self.choose(("defaults", "change", "make")), self.choose(DICTS)
        bodies = [
            f"return {{'{key}': {self.value(frame)}}}",
            f"return dict({kw}, {key}=None)",
            f"{kw}['{key}'] = None; return {kw}",
            f"{kw}.setdefault('{key}', None); return {kw}",
            f"{kw}['{other}'] = {kw}.pop('{key}', None); return {kw}",
            f"{self.callable(frame)}(**{kw}); return {kw}",
            f"seen({kw}); return {{'{key}': 1}}",
            f"return ({{'{key}': None}}, {kw})[0]",
            f"yield_ = {{'{key}': None}}; return yield_",
            f"return {{'{key}': None}} if {self.choose(FLAGS)} else {kw}",
        ]
        self.put(f"def {name}({kw}={self.choose(('{}', 'None', self.dictionary(frame)))}):")
        self.put(f"    {self.choose(bodies)}")
        dicts = [d for d in frame.dicts if d != name] or ["{}"]
        calls = [
            f"{self.callable(frame)}(**{name}({self.choose(dicts)}))",
            f"{name}({self.choose(dicts)})",
            f"{name}({kw}={self.choose(dicts)})",
            f"opts = {name}({self.choose(dicts)}); {self.callable(frame)}(**opts)",
            f"seen({name}({self.choose(dicts)}))",
            f"{self.callable(frame)}(**({name})({{}}))",
            f"f = {name}; {self.callable(frame)}(**f({{}}))",
            f"x = [{self.callable(frame)}(**d) for d in map({name}, [{{}}])]",
        ]
        for _ in range(self.choose((1, 2))):
            self.put(self.choose(calls))
        frame.learn("dicts", f"{name}({self.choose(dicts)})")

    def write_wrapper(self, frame: Frame) -> None:
        """A function that passes keywords on to a layer, in one of the ways that people write."""
        name, target = self.choose(("make", "build", "Dense", "Conv2D")), self.callable(frame)
        key, other = self.choose(OLD), self.choose((*OLD, *NEW))
        kw = self.choose(("kw", "k"))
        call = f"{target}(**{kw})"
        bodies = [
            f"return {call}",
            f"return {target}(3, {key}=None, **{kw})",
            f"seen({kw}); return {call}",
            f"{kw}.pop('{key}', None); return {call}",
            f"{kw}['{other}'] = {kw}.pop('{key}', None); return {call}",
            f"if '{key}' in {kw}: {kw}['{other}'] = {kw}.pop('{key}')\n    return {call}",
            f"{kw}.setdefault('{key}', {self.value(frame)}); return {call}",
            f"{kw}['{key}'] = {self.value(frame)}; return {call}",
            f"{kw}.update({{'{key}': None}}); return {call}",
            f"d = dict({key}=None); d.update({kw}); return {target}(**d)",
            f"d = {{'{key}': None, **{kw}}}; return {target}(**d)",
            f"d = {kw}.copy(); d.update({key}=None); return {target}(**d)",
            f"return {target}(**{{k.replace('W_', 'kernel_'): v for k, v in {kw}.items()}})",
            f"{kw} = {{k: v for k, v in {kw}.items() if k != '{key}'}}; return {call}",
            f"foreign.Dense(**{kw}); return {call}",
            f"return {target}(**{kw}), {self.callable(frame)}(**{kw})",
            f"def inner(**more):\n        return {target}(**more, **{kw})\n    return inner()",
            f"return (lambda: {call})()",
            f"return {call} if {self.choose(FLAGS)} else foreign.Dense(**{kw})",
            f"{kw} = {self.dictionary(frame)}; return {call}",
            f"reg = {kw}.get('{key}'); return {target}({other}=reg)",
            f"{key} = {kw}.pop('{key}', None); return {target}({key}={key}, **{kw})",
            f"return functools.partial({target}, **{kw})()",
        ]
        params = [
            f"**{kw}",
            f"**{kw}",
            f"*a, **{kw}",
            f"{key}=None, **{kw}",
            f"{other}=None, **{kw}",
            f"n=3, *, {other}=None, **{kw}",
            f"target=None, **{kw}",
        ]
        body = self.choose(bodies)
        indent = "    " * self.depth
        self.put(f"def {name}({self.choose(params)}):")
        self.put("    " + body.replace("\n", "\n" + indent))
        frame.learn("callables", name)
        for _ in range(self.choose((1, 2))):
            self.put(f"{name}({self.given(frame)})")

    def write_closure(self, frame: Frame) -> None:
        name, kw = self.choose(CALLABLES), self.choose(DICTS)
        self.put(f"def outer({kw}={self.dictionary(frame)}):")
        self.depth += 1
        inner = Frame(frame)
        inner.learn("dicts", kw)
        self.put(f"{name} = {self.callable(frame)}")
        inner.learn("callables", name)
        self.put("def change():")
        self.put(f"    nonlocal {name}, {kw}")
        self.put(f"    {name} = {self.callable(frame)}; {kw} = {self.dictionary(inner)}")
        self.put(f"    {kw}['{self.choose(OLD)}'] = None")
        for _ in range(self.choose((1, 2))):
            self.put(self.choose(("change()", f"{name}({self.given(inner)})", f"{name}(**{kw})")))
        self.put(f"return {self.choose((name, f'lambda **k: {name}(**k)', f'{name}(**{kw})', 'change'))}")
        self.depth -= 1
        frame.learn("callables", "outer")
        self.put(self.choose(("outer()", f"outer()({self.given(frame)})", f"outer({{'{self.choose(OLD)}': 1}})")))

    def write_class(self, frame: Frame) -> None:
        """A class with layers and dicts as attributes."""
        key, other = self.choose(OLD), self.choose((*OLD, *NEW))
        layer = self.callable(frame)
        base = self.choose(("", "", "(Holder)")) if "Holder()" in frame.callables else ""
        self.put(f"class Holder{base}:")
        inner = Frame(frame)
        self.depth += 1
        if self.chance(50):
            self.put(f"layer = {layer}")
        if self.chance(50):
            self.put(f"kw = {self.dictionary(frame)}")
        if self.chance(70):
            self.put(f"def __init__(self, {self.choose((key, 'layer', 'kw'))}=None, **more):")
            self.put(f"    self.layer = {self.choose((layer, self.callable(frame), 'foreign.Dense'))}")
            self.put(
                f"    self.kw = {self.choose((self.dictionary(frame), 'more', 'dict(more)', 'kw' if False else '{}'))}"
            )
            if self.chance(30):
                self.put(f"    self.kw['{key}'] = None")
            if self.chance(20):
                self.put(f"    self.{key} = more.get('{key}')")
        methods = [
            (f"    return self.layer({self.given(inner)})", ""),
            ("    return self.layer(**self.kw)", ""),
            (f"    self.kw['{key}'] = None; return self.layer(**self.kw)", ""),
            ("    seen(self.kw); return self.layer(**self.kw)", ""),
            (f"    seen(self.kw.get('{other}')); return self.layer(**self.kw)", ""),
            ("    return self.layer(**k)", "k"),
            (f"    self.layer = {self.callable(frame)}; return self.layer(**k)", "k"),
            (f"    return self.make({key}=None)", ""),
            (f"    return {layer}(**self.kw)", ""),
            ("    return self.kw", ""),
            (f"    kw = self.kw; kw['{key}'] = None; return {layer}(**kw)", ""),
        ]
        for method in self.choose((("make",), ("build",), ("make", "build"))):
            body, star = self.choose(methods)
            self.put(f"def {method}(self{', **k' if star else ''}):")
            self.put(body)
        self.depth -= 1
        frame.learn("callables", "Holder()")
        uses = [
            f"Holder().make({self.given(frame)})",
            "Holder().make()",
            "Holder().build()",
            "Holder().layer()",
            f"Holder.layer({self.given(frame)})",
            f"h = Holder(); h.layer({self.given(frame)})",
            f"h = Holder(); h.layer = {self.callable(frame)}; h.make()",
            "h = Holder(); seen(h.kw); h.make()",
            f"h = Holder(); h.kw['{key}'] = 1; h.make()",
            f"h = Holder(); {layer}(**h.kw)",
            f"{layer}(**Holder.kw)",
            f"Holder({key}=None).make()",
            f"Holder(**{{'{key}': None}}).build()",
            f"Holder.layer = {self.callable(frame)}; Holder().make()",
            f"class Below(Holder): layer = {self.callable(frame)}",
            f"class Below(Holder): kw = {self.dictionary(frame)}",
        ]
        for _ in range(self.choose((1, 2, 3))):
            self.put(self.choose(uses))
            if self.lines[-1].lstrip().startswith("class Below"):
                self.put(self.choose(("Below().make()", "Below().build()", f"Below().layer({self.given(frame)})")))

    def write_subclass(self, frame: Frame) -> None:
        """A class derived from a layer, with and without an ``__init__`` of its own."""
        name, base = self.choose(("Mine", "Dense", "Box")), self.choose(frame.callables or ["object"])
        if "(" in base:
            base = "keras.layers.Dense"
        key, other = self.choose(OLD), self.choose((*OLD, *NEW))
        mixin = self.choose(("", "", "", "Mixed, ", "foreign.Dense, "))
        parent = self.choose(("super()", f"super({name}, self)", base))
        me = "self, " if parent == base else ""
        if mixin.startswith("Mixed"):
            self.put("class Mixed:")
            self.put(f"    def __init__(self, {self.choose((f'{key}=None, ', ''))}**k):")
            self.put(f"        {self.choose(('seen(k)', 'super().__init__(**k)', 'pass'))}")
        self.put(f"class {name}({mixin}{base}):")
        inits = [
            ("def __init__(self, **k):", f"{parent}.__init__({me}**k)"),
            ("def __init__(self, **k):", f"k['{key}'] = None; {parent}.__init__({me}**k)"),
            ("def __init__(self, **k):", f"k.setdefault('{key}', 1); {parent}.__init__({me}**k)"),
            (f"def __init__(self, {key}=None, **k):", f"{parent}.__init__({me}{key}={key}, **k)"),
            (f"def __init__(self, {other}=None, **k):", f"{parent}.__init__({me}{key}={other})"),
            (f"def __init__(self, {key}=None, **k):", f"seen({key}); {parent}.__init__({me}**k)"),
            ("def __init__(self, **k):", f"seen(k.pop('{key}', 0)); {parent}.__init__({me}**k)"),
            ("def __init__(self, **k):", f"{parent}.__init__({me}{key}=None)"),
            ("def __init__(self, **k):", f"self.kw = k; self.kw['{key}'] = None; {parent}.__init__({me}**self.kw)"),
            ("def __new__(cls, **k):", "seen(k); return object.__new__(cls)"),
        ]
        if self.chance(75):
            head, body = self.choose(inits)
            self.put(f"    {head}")
            self.put(f"        {body}")
        else:
            self.put("    pass")
        frame.learn("callables", name)
        self.put(f"{name}({self.given(frame)})")
        if self.chance(30):
            self.put(f"class Below({name}):")
            self.put(self.choose(("    pass", f"    def __init__(self, **k): super().__init__({key}=None, **k)")))
            self.put(f"Below({self.given(frame)})")

    def write_rare(self, frame: Frame) -> None:
        name, source = self.choose(CALLABLES), self.callable(frame)
        key = self.choose(OLD)
        forms = [
            f"L.Dense = {source}",
            f"keras.layers.Dense = {source}",
            f"foreign.Dense = {source}",
            f"functools.partial({source}, {key}=None)({self.given(frame)})",
            f"{source}(**{{}}, {key}=None)",
            f"x = (lambda D={source}: D({key}=None))()",
            f"x = list(map(lambda n: {source}({key}=n), [None]))",
            f"x = [lambda: Dense({key}=None) for Dense in [{source}]][0]()",
            f"def {name}(Dense={source}): return Dense({key}=None)",
            f"async def nothing(): return {source}({key}=None)",
            f"{name} = [k for k in [{source}]][0]",
            f"del Dense; from foreign import Dense; Dense({key}=None)",
            f"eval('{source}({key}=None)')" if "'" not in source else "pass",
            f"seen('{key}')",
            f"seen(dict({key}=1))",
            f"seen({{'{key}': 1}})",
            f"if (Dense := {source}): Dense({key}=None)",
            f"match {source}:\n{'    ' * self.depth}    case Dense: Dense({key}=None)",
            f"import keras.layers; keras = foreign; keras.Dense({key}=None)",
            f"try: raise KeyError\n{'    ' * self.depth}except KeyError as {name}: pass",
        ]
        if not self.alone:
            forms = [
                form for form in forms if not form.startswith(("L.Dense =", "keras.layers.Dense =", "foreign.Dense ="))
            ]
        self.put(self.choose(forms))


HEAD = (
    "import copy, functools, types",
    "import foreign",
    "from foreign import seen, yes, no",
)


def module(choose: Choose, size: int, imports: Sequence[str] = (), alone: bool = False) -> str:
    """The text of one module of about ``size`` statements."""
    writer = Writer(choose, imports, alone)
    writer.lines.extend(HEAD)
    frame = Frame()
    for line, bound in (
        ("import keras, keras.layers, keras.layers.core", "keras.layers.Dense"),
        (choose(("import keras.layers as L", "from keras import layers as L", "import foreign as L")), "L.Dense"),
        (choose(("from keras import regularizers", "from keras import regularizers as R, regularizers")), None),
        ("import keras.regularizers as R", None),
        (choose(("from keras.regularizers import *", "from keras.regularizers import l1l2, l2")), "l1l2"),
        (
            f"from keras.regularizers import {choose(('activity_l2', 'activity_l2, l2', 'l2, activity_l2'))}",
            "activity_l2",
        ),
        (
            choose(
                (
                    "from keras.layers import Dense, Conv2D",
                    "from keras.layers import *",
                    "from foreign import Dense, Conv2D",
                )
            ),
            "Dense",
        ),
        (f"FLAG = {choose(('True', 'False'))}", None),
    ):
        writer.put(line)
        if bound in OLD_SYMBOLS:
            frame.symbols.append(bound)
        elif bound is not None:
            frame.learn("callables", bound)
    for line in imports[: choose(range(len(imports) + 1))]:
        writer.put(line)
    writer.budget = size
    while writer.budget > 0:
        writer.statement(frame)
    return "\n".join(writer.lines) + "\n"


def program(choose: Choose, size: int = 8) -> dict[str, str]:
    """One module of everything."""
    return {"main.py": module(choose, choose(range(1, size + 1)), alone=True)}


def project(choose: Choose, size: int = 5) -> dict[str, str]:
    """Several modules that import, re-export and shadow each other's names."""
    parts = module(choose, choose(range(1, size)))
    forms = [
        "from pkg.parts import *",
        "from pkg import *",
        "from pkg import Dense",
        "from pkg.parts import Dense, Conv2D",
        "from pkg.parts import Dense as make",
        "import pkg.parts",
        "from pkg import parts",
        "import pkg.parts as L",
        f"from pkg import parts; parts.Dense({choose(OLD)}=None)",
        "from pkg import parts; parts.kw = {}",
        f"from pkg.parts import Dense as D; D({choose(OLD)}=None)",
        f"from pkg import parts; parts.make({choose(OLD)}=None)",
        f"from pkg.parts import build; build({choose(OLD)}=None)",
        "from pkg.parts import Holder; Holder().make(); seen(Holder.kw)",
        "from blocks import *",
        "from blocks import Dense",
    ]
    package = [
        "",
        "from .parts import *",
        "from .parts import Dense, Conv2D",
        "from . import parts",
        "from foreign import Dense",
        "from keras.layers import *",
        "__all__ = ['Dense']\nfrom .parts import Dense, Conv2D",
        "try:\n    from .absent import Dense\nexcept ImportError:\n    from .parts import Dense",
    ]
    blocks = [
        "from keras.layers import *",
        "from foreign import *",
        "from pkg.parts import *\nfrom keras.layers import *",
        "from keras.layers import *\nfrom pkg.parts import *",
        "from keras.layers import Dense, Conv2D",
        "from keras.layers import Dense\nkw = {}\ndef make(**k): return Dense(**k)",
    ]
    lines = [choose(forms) for _ in range(choose((1, 2, 3)))]
    return {
        "pkg/parts.py": parts,
        "pkg/__init__.py": choose(package) + "\n",
        "blocks.py": choose(blocks) + "\n",
        "main.py": module(choose, choose(range(1, size)), lines),
    }


def straightforward(choose: Choose) -> dict[str, str]:
    """Plain imports, rebound never, and calls with literal keywords, one on each line."""
    lines = ["import foreign", "from foreign import Dense as Other"]
    forms = {
        "import keras": "keras.layers.{}",
        "import keras.layers as L": "L.{}",
        "from keras import layers": "layers.{}",
        "from keras.layers import *": "{}",
        "from keras.layers import Dense, Conv2D, LSTM, Embedding, SeparableConv2D, GRU": "{}",
        "import tensorflow as tf": "tf.keras.layers.{}",
        "from keras.layers import Dense as A, Conv2D as B": "A",
    }
    chosen = [choose(list(forms)) for _ in range(choose((1, 2)))]
    lines.extend(chosen)
    prefixes = [forms[line] for line in chosen]

    def call() -> str:
        layer = choose(("Dense", "Conv2D", "LSTM", "Embedding", "SeparableConv2D", "GRU"))
        names = dict.fromkeys(choose(OLD) for _ in range(choose((1, 2, 3))))
        given = ", ".join(f"{name}={choose(('None', 'l2', '0.1', repr('l1')))}" for name in names)
        return f"{choose(prefixes).format(layer)}({choose(('', '3, '))}{given})"

    lines.append("l2 = 0.1")
    for rank in range(choose(range(1, 6))):
        form = choose(range(9))
        if form < 2:
            lines.append(call())
        elif form == 2:
            lines.extend([f"def f{rank}(n=2):", f"    x = {call()}", f"    return {call()}", f"f{rank}()"])
        elif form == 3:
            lines.extend(
                [
                    f"if {choose(FLAGS[:2]).replace('yes', 'foreign.yes').replace('no', 'foreign.no')}:",
                    f"    {call()}",
                    "else:",
                    f"    {call()}",
                ]
            )
        elif form == 4:
            lines.extend(["for i in range(2):", f"    {call()}"])
        elif form == 5:
            lines.extend([f"class C{rank}:", "    def m(self):", f"        self.x = {call()}", f"C{rank}().m()"])
        elif form == 6:
            lines.append(f"x = [{call()} for i in range(2)]")
        elif form == 7:
            lines.append(f"Other(W_regularizer={call()})")
        else:
            lines.append(f"f{rank} = lambda: {call()}")
            lines.append(f"f{rank}()")
    return {"main.py": "\n".join(lines) + "\n"}
