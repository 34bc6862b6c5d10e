"""Which binding of a name holds where: on the ways that a program may take, in scopes, classes and modules.

Each program is run as it is and with its safe fixes, and must do the same (see judged_programs.py).
"""

from __future__ import annotations

import pytest
from judged_programs import cases, judged

from reglint import check_source
from reglint.findings import Applicability

KERAS = {
    "both arms of a try": """
        layer = foreign.Dense
        try:
            layer = Dense
        except ValueError:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "the arms that end a try well or badly": """
        layer = foreign.Dense
        try:
            pass
        except ValueError:
            layer = Dense
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "every handler": """
        layer = foreign.Dense
        try:
            layer = Dense
        except ValueError:
            layer = Dense
        except TypeError:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "both arms of an if": """
        layer = foreign.Dense
        if seen:
            layer = Dense
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "all arms of an if": """
        layer = foreign.Dense
        if not seen:
            layer = Dense
        elif seen:
            layer = Dense
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "nested arms": """
        layer = foreign.Dense
        if seen:
            if seen:
                layer = Dense
            else:
                layer = Dense
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "the arm around it": """
        layer = foreign.Dense
        if seen:
            layer = Dense
            layer(W_regularizer="l2")
    """,
    "a finally": """
        layer = foreign.Dense
        try:
            pass
        finally:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "a try with a finally": """
        layer = foreign.Dense
        try:
            layer = Dense
        finally:
            seen(1)
        layer(W_regularizer="l2")
    """,
    "a with": """
        layer = foreign.Dense
        with open(__import__("os").devnull) as other:
            layer = Dense
            layer(W_regularizer="l2")
    """,
    "another case": """
        layer = Dense
        match 2:
            case 3:
                layer = foreign.Dense
            case 4:
                layer = foreign.Dense
            case _:
                layer(W_regularizer="l2")
    """,
    "the module, behind a class": """
        layer = Dense
        class Net:
            layer = foreign.Dense
            def make(self):
                layer(W_regularizer="l2")
        Net().make()
    """,
    "the module, in a class": """
        layer = Dense
        class Net:
            layer(W_regularizer="l2")
        layer = foreign.Dense
    """,
    "a class": """
        layer = foreign.Dense
        class Net:
            layer = Dense
            layer(W_regularizer="l2")
    """,
    "a loop's own element": """
        for layer in (Dense, Dense):
            layer(W_regularizer="l2")
        for size, (layer, other) in [(3, (Dense, 1)), (4, (Dense, 2))]:
            layer(size, W_regularizer="l2")
    """,
    "a comprehension's own element": """
        layer = foreign.Dense
        [layer(W_regularizer="l2") for layer in (Dense, Dense)]
        [layer(W_regularizer="l2") for size, layer in ((3, Dense), (4, Dense))]
        [layer(W_regularizer="l2") for size in (3, 4) for layer in [Dense]]
        {size: layer(W_regularizer="l2") for size in (3, 4) for layer in [Dense]}
    """,
    "the values of a dict": """
        table = {"a": Dense, "b": Dense}
        for layer in table.values():
            layer(W_regularizer="l2")
        table["a"](W_regularizer="l2")
        name = "b"
        table[name](W_regularizer="l2")
    """,
    "an item of a list": """
        every = [Dense, foreign.Dense]
        every[0](W_regularizer="l2")
        (foreign.Dense, Dense)[1](W_regularizer="l2")
    """,
    "one of several names": """
        a, b = Dense, foreign.Dense
        a(W_regularizer="l2")
        b(trainable="l2")
        (c, d), e = (foreign.Dense, Dense), 2
        d(W_regularizer="l2")
    """,
    "what getattr names": """
        getattr(layers, "Dense")(W_regularizer="l2")
    """,
    "an imported module": """
        import importlib
        importlib.import_module("keras.layers").Dense(W_regularizer="l2")
        __import__("keras.layers").layers.Dense(W_regularizer="l2")
    """,
    "what a function gives back": """
        def make():
            if seen:
                return Dense
            return Dense
        make()(W_regularizer="l2")
        other = lambda: Dense
        other()(W_regularizer="l2")
    """,
    "either of two": """
        (Dense if seen else layers.Dense)(W_regularizer="l2")
        (Dense or layers.Dense)(W_regularizer="l2")
        (layer := Dense)(W_regularizer="l2")
        layer(W_regularizer="l2")
    """,
    "a name that is deleted and bound again": """
        layer = foreign.Dense
        del layer
        from keras.layers import Dense as layer
        layer(W_regularizer="l2")
    """,
    "a library, while another has its layer replaced": """
        foreign.Dense = foreign.Conv2D
        layers.Dense(W_regularizer="l2")
    """,
    "itself in the loop's last turn": """
        layer = Dense
        for i in range(2):
            layer = layer or Dense
        layer(W_regularizer="l2")
    """,
    "an annotated name": """
        layer: type = layers.Dense
        layer(W_regularizer="l2")
        other: type
        other = Dense
        other(W_regularizer="l2")
    """,
    "within an f-string": """
        seen(len(f"{Dense(W_regularizer='l2')!r:>{len(str(Dense(W_regularizer='l1')))}}") > 0)
    """,
    "a class of the project": """
        class Above:
            layer = Dense
            def make(self, **kw):
                return Dense(**kw)
        class Below(Above):
            def build(self):
                super().make(W_regularizer="l2")
                return self.layer(W_regularizer="l2")
        Below().build()
        Below.layer(W_regularizer="l2")
        Below().make(W_regularizer="l2")
    """,
    "methods of all kinds": """
        class Net:
            @classmethod
            def one(cls, **kw):
                return Dense(**kw)
            @staticmethod
            def two(**kw):
                return Dense(**kw)
            @property
            def three(self):
                return Dense
            def build(self):
                self.three(W_regularizer="l2")
        Net.one(W_regularizer="l2")
        Net.two(W_regularizer="l2")
        Net().two(W_regularizer="l2")
        Net().build()
    """,
    "an attribute that the class gives itself": """
        class Other:
            def __init__(self):
                self.layer = foreign.Dense
        class Net:
            def __init__(self):
                self.layer = Dense
            def make(self):
                self.layer(W_regularizer="l2")
        class Below(Net):
            def other(self):
                self.layer(W_regularizer="l2")
        Net().make()
        Below().other()
    """,
    "an attribute that the class below gives": """
        class Net:
            def make(self):
                self.layer(W_regularizer="l2")
        class Below(Net):
            def __init__(self):
                self.layer = Dense
        Below().make()
    """,
    "an attribute that is bound to itself": """
        class Net:
            def __init__(self):
                self.layer = Dense
                self.layer = self.layer or Dense
                self.layer(W_regularizer="l2")
        Net()
    """,
    "the module's in a method and in a comprehension of a class": """
        class Net:
            Dense = foreign.Dense
            def build(self):
                Dense(W_regularizer="l2")
            [Dense(W_regularizer="l2") for _ in range(1)]
        Net().build()
    """,
}


@cases(KERAS)
def test_a_name_surely_means_the_layer_by(program: str) -> None:
    assert judged(program) == ["safe"] * program.count("W_regularizer")


EITHER = {
    "a try that may have failed": """
        layer = foreign.Dense
        try:
            layer = Dense
        except ValueError:
            pass
        layer(W_regularizer="l2")
    """,
    "a try that did something before it failed": """
        layer = Dense
        try:
            layer = foreign.Dense
            raise ValueError
        except ValueError:
            layer(W_regularizer="l2")
    """,
    "a try that may have failed before its finally": """
        layer = foreign.Dense
        try:
            try:
                raise ValueError
                layer = Dense
            finally:
                layer(W_regularizer="l2")
        except ValueError:
            pass
    """,
    "a handler's name": """
        try:
            seen(1)
        except ValueError as Dense:
            pass
        Dense(W_regularizer="l2")
    """,
    "an if": """
        layer = Dense
        if not seen:
            layer = foreign.Dense
        layer(W_regularizer="l2")
    """,
    "some arms of an if": """
        layer = Dense
        if not seen:
            layer = foreign.Dense
        elif seen:
            layer = foreign.Dense
        layer(W_regularizer="l2")
    """,
    "both arms": """
        if seen:
            layer = foreign.Dense
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "a loop that may not run": """
        layer = Dense
        for i in range(2):
            layer = foreign.Dense
        layer(W_regularizer="l2")
    """,
    "a loop that may stop before its else": """
        for layer in [foreign.Dense]:
            break
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "a while that may stop before its else": """
        layer = foreign.Dense
        while True:
            break
        else:
            layer = Dense
        layer(W_regularizer="l2")
    """,
    "the loop's last turn": """
        layer = Dense
        for i in range(2):
            layer(W_regularizer="l2")
            layer = foreign.Dense
    """,
    "the other arm in the loop's last turn": """
        layer = Dense
        for i in range(2):
            if not i:
                layer = foreign.Dense
            else:
                layer(W_regularizer="l2")
    """,
    "a loop before its else": """
        layer = Dense
        for i in range(2):
            layer = foreign.Dense
        else:
            layer(W_regularizer="l2")
    """,
    "a case": """
        layer = Dense
        match 3:
            case 3:
                layer = foreign.Dense
            case _:
                pass
        layer(W_regularizer="l2")
    """,
    "one of the elements": """
        for size, layer in [(3, Dense), (4, foreign.Dense)]:
            layer(size, W_regularizer="l2")
    """,
    "one of a comprehension's elements": """
        [layer(W_regularizer="l2") for layer in (Dense, foreign.Dense)]
    """,
    "one of a dict's values": """
        for layer in {"a": Dense, "b": foreign.Dense}.values():
            layer(W_regularizer="l2")
    """,
    "a dict that is changed": """
        table = {"a": Dense}
        table["a"] = foreign.Dense
        table["a"](W_regularizer="l2")
    """,
    "a nested function": """
        def outer():
            layer = Dense
            def inner():
                nonlocal layer
                layer = foreign.Dense
            inner()
            layer(W_regularizer="l2")
        outer()
    """,
    "a nested function of a nested function": """
        def outer():
            layer = Dense
            def inner():
                def innermost():
                    nonlocal layer
                    layer = foreign.Dense
                innermost()
            inner()
            layer(W_regularizer="l2")
        outer()
    """,
    "a function that binds the module's": """
        def outer():
            global Dense
            Dense = foreign.Dense
        outer()
        Dense(W_regularizer="l2")
    """,
    "when it is called": """
        def make():
            return layer(W_regularizer="l2")
        layer = foreign.Dense
        make()
        layer = Dense
        make()
    """,
    "when a function in a function is called": """
        layer = Dense
        def outer():
            def inner():
                return layer(W_regularizer="l2")
            return inner
        outer()()
        layer = foreign.Dense
    """,
    "when a lambda is called": """
        layer = foreign.Dense
        make = lambda: layer(W_regularizer="l2")
        make()
        layer = Dense
    """,
    "its default": """
        def make(layer=foreign.Dense):
            layer = layer or Dense
            layer(W_regularizer="l2")
        make()
    """,
    "a function of two ends": """
        def make(flag):
            if flag:
                return Dense
            return foreign.Dense
        make(1)(W_regularizer="l2")
    """,
    "a list that is added to": """
        every = [Dense]
        every.append(foreign.Dense)
        for layer in every:
            layer(W_regularizer="l2")
    """,
    "an item that is put first": """
        every = [Dense]
        every.insert(0, foreign.Dense)
        every[0](W_regularizer="l2")
    """,
    "an item that another takes the place of": """
        every = [Dense]
        every[0] = foreign.Dense
        every[0](W_regularizer="l2")
    """,
    "a list that is turned round": """
        every = [foreign.Dense, Dense]
        every.reverse()
        every[1](W_regularizer="l2")
    """,
    "a list that loses an item": """
        every = [foreign.Dense, Dense, foreign.Dense]
        every.pop(0)
        every[1](W_regularizer="l2")
    """,
    "the values of a dict that is changed": """
        table = {"a": Dense}
        table["b"] = foreign.Dense
        for layer in table.values():
            layer(W_regularizer="l2")
    """,
    "the values of a dict that is updated": """
        table = {"a": Dense}
        table.update(b=foreign.Dense)
        for layer in table.values():
            layer(W_regularizer="l2")
    """,
    "an attribute that somebody else gives": """
        class Net:
            def __init__(self):
                self.layer = Dense
            def build(self):
                self.layer(W_regularizer="l2")
        def change(net):
            net.layer = foreign.Dense
        net = Net()
        change(net)
        net.build()
    """,
    "a class above that is decorated": """
        def changed(cls):
            return foreign.Dense
        @changed
        class Above(Dense):
            pass
        class Mine(Above):
            pass
        Mine(W_regularizer="l2")
    """,
    "setattr": """
        setattr(layers, "Dense", foreign.Dense)
        layers.Dense(W_regularizer="l2")
    """,
    "setattr on the object": """
        class Net:
            def __init__(self):
                self.layer = Dense
                setattr(self, "layer", foreign.Dense)
            def build(self):
                self.layer(W_regularizer="l2")
        Net().build()
    """,
    "a dict of another name": """
        table = {"a": Dense}
        other = table
        other["a"] = foreign.Dense
        table["a"](W_regularizer="l2")
    """,
    "a dict that a function fills": """
        def fill(t):
            t["a"] = foreign.Dense
        table = {"a": Dense}
        fill(table)
        table["a"](W_regularizer="l2")
    """,
    "a dict that a function fills whose name is a builtin's": """
        def sorted(t):
            t["a"] = foreign.Dense
        table = {"a": Dense}
        sorted(table)
        table["a"](W_regularizer="l2")
    """,
}


@cases(EITHER)
def test_a_name_may_mean_another_layer_by(program: str) -> None:
    assert judged(program) == ["unsafe"] * program.count("W_regularizer")


ANOTHER = {
    "a list is unpacked": """
        a, *b = foreign.Dense, Dense, Dense
        a(W_regularizer="l2")
        *c, d = Dense, foreign.Dense
        d(W_regularizer="l2")
    """,
    "a walrus in a comprehension": """
        [Dense := foreign.Dense for _ in range(1)]
        Dense(W_regularizer="l2")
    """,
    "a case binds it": """
        match {"x": foreign.Dense, "y": 1}:
            case {"x": Dense, **rest}:
                Dense(W_regularizer="l2")
        match [foreign.Dense, 1]:
            case [Dense, *rest]:
                Dense(W_regularizer="l2")
        match foreign.Dense:
            case Dense:
                Dense(W_regularizer="l2")
    """,
    "a with binds it": """
        import contextlib
        with contextlib.nullcontext(foreign.Dense) as Dense:
            Dense(W_regularizer="l2")
    """,
    "a while that runs": """
        while True:
            layer = foreign.Dense
            break
        layer(W_regularizer="l2")
    """,
    "an argument": """
        def make(*every):
            every[0](W_regularizer="l2")
        make(foreign.Dense)
    """,
    "an annotation": """
        def make(Dense: "layers.Dense" = foreign.Dense):
            Dense(W_regularizer="l2")
        make()
    """,
    "the first argument of a static method": """
        class Net:
            layer = Dense
            @staticmethod
            def make(net):
                net.layer(W_regularizer="l2")
        class Other:
            layer = foreign.Dense
        Net.make(Other())
    """,
    "the first argument of a function in a method": """
        class Net:
            layer = Dense
            def build(self):
                def make(net):
                    net.layer(W_regularizer="l2")
                make(foreign)
        foreign.layer = foreign.Dense
        Net().build()
    """,
    "another module of that name": """
        class layers:
            Dense = foreign.Dense
        layers.Dense(W_regularizer="l2")
    """,
    "a loop in a class": """
        class Net:
            for Dense in [foreign.Dense]:
                Dense(W_regularizer="l2")
    """,
    "a pattern of a class": """
        class Point:
            __match_args__ = ("x",)
            def __init__(self):
                self.x = foreign.Dense
        match Point():
            case Point(x=Dense):
                Dense(W_regularizer="l2")
        match Point():
            case Point(layer) as Conv1D:
                layer(W_regularizer="l2")
        match [1, [foreign.Dense]]:
            case [_, [layer]] | [layer, _]:
                layer(W_regularizer="l2")
    """,
    "an asynchronous with": """
        layer = foreign.Dense
        async def never():
            async with seen as layer:
                layer(W_regularizer="l2")
            async for Dense in seen:
                Dense(W_regularizer="l2")
    """,
}


@cases(ANOTHER)
def test_nothing_is_said_of_a_name_that_means_another_layer_by(program: str) -> None:
    assert judged(program) == []


def test_a_name_of_too_few_values_means_nothing() -> None:
    assert (
        judged("""
        def never():
            x, y = (Dense,)
            y(W_regularizer="l2")
    """)
        == []
    )


MODULES = {
    "a name": ("from mine import Dense as D\nD(W_regularizer='l2')", "from keras.layers import Dense"),
    "a module": ("import mine\nmine.Dense(W_regularizer='l2')", "from keras.layers import Dense"),
    "a module by another name": ("import mine as m\nm.K.layers.Dense(W_regularizer='l2')", "import keras as K"),
    "a star": ("from mine import *\nDense(W_regularizer='l2')", "from keras.layers import Dense"),
    "a star that shows it": (
        "from mine import *\nD(W_regularizer='l2')",
        "from keras.layers import Dense as D\n__all__ = ['D']",
    ),
    "a function": (
        "from mine import make\nmake(W_regularizer='l2')",
        "from keras.layers import Dense\ndef make(**kw):\n    return Dense(**kw)",
    ),
    "a class": (
        "from mine import Mine\nMine(W_regularizer='l2')",
        "from keras.layers import Dense\nclass Mine(Dense):\n    pass",
    ),
    "a class above": (
        "from mine import Above\nclass Below(Above):\n    def build(self):\n        self.layer(W_regularizer='l2')\n"
        "Below().build()",
        "from keras.layers import Dense\nclass Above:\n    def __init__(self):\n        self.layer = Dense",
    ),
    "a partial": (
        "from mine import make\nmake(W_regularizer='l2')",
        "from functools import partial\nfrom keras.layers import Dense\nmake = partial(Dense, 3)",
    ),
    "a table": (
        "from mine import table\ntable['a'](W_regularizer='l2')",
        "from keras.layers import Dense\ntable = {'a': Dense}",
    ),
}


@pytest.mark.parametrize(("program", "mine"), [pytest.param(*texts, id=name) for name, texts in MODULES.items()])
def test_a_layer_is_found_through_another_module_by(program: str, mine: str) -> None:
    assert judged(program, mine=mine) == ["safe"]


@pytest.mark.parametrize(("program", "mine"), [pytest.param(*texts, id=name) for name, texts in MODULES.items()])
def test_another_layer_is_told_apart_through_another_module_by(program: str, mine: str) -> None:
    other = mine.replace("from keras.layers import Dense", "from foreign import Dense").replace(
        "import keras as K", "class K:\n    import foreign as layers"
    )
    assert judged(program, mine=other) == []


def test_a_star_import_brings_only_what_the_module_shows() -> None:
    hidden = "from foreign import Dense\n__all__ = ['other']\nother = 1"
    assert judged("from mine import *\nDense(W_regularizer='l2')", mine=hidden) == ["safe"]
    changed = f"{hidden}\n__all__.append('Dense')"
    assert judged("from mine import *\nDense(W_regularizer='l2')", mine=changed) == []


def test_a_star_import_of_a_module_that_imports_a_star_may_bring_anything() -> None:
    assert judged("from mine import *\nDense(W_regularizer='l2')", mine="from foreign import *") == ["unsafe"]
    assert judged("from mine import *\nDense(W_regularizer='l2')", mine="from math import *") == ["safe"]


def test_modules_that_import_each_other_are_followed_to_the_layer() -> None:
    program = "from mine import *\nD(W_regularizer='l2')\n"
    assert judged(
        program, mine="from other import *", other="from mine import *\nfrom keras.layers import Dense as D"
    ) == ["safe"]


def test_a_star_import_that_holds_before_another_binding_is_followed() -> None:
    program = """
        from mine import *
        def make():
            return layer(W_regularizer="l2")
        make()
        from keras.layers import Conv1D as layer
        make()
    """
    assert judged(program, mine="from keras.layers import Dense as layer") == ["safe"]
    assert judged(program, mine="from foreign import Dense as layer") == ["unsafe"]


def test_a_lambda_may_be_the_first_statement() -> None:
    program = "make = lambda **kw: Dense(**kw)\nfrom keras.layers import Dense\nmake(W_regularizer='l2')\n"
    (finding,) = check_source(program)
    assert finding.fix is not None and finding.fix.applicability is Applicability.SAFE


def test_a_file_speaks_keras_where_a_module_of_which_it_imports_a_star_does() -> None:
    program = "from mine import *\ndef make(layer):\n    layer(3, W_regularizer='l2')\n"
    other = "from mine import *\n"
    for mine, count in (("import keras\n", 1), ("import math\n", 0), ("from other import *\n", 0)):
        modules = {"main.py": program, "mine.py": mine, "other.py": other}
        assert len(check_source(program, filename="main.py", modules=modules)) == count


def test_a_dict_of_many_names_is_looked_at_once_by_each() -> None:
    names = "".join(f"t{n + 1} = t{n}\nu{n + 1} = t{n}\nt{n + 1} = u{n + 1}\n" for n in range(40))
    program = f"from keras.layers import Dense\nt0 = {{'a': Dense}}\n{names}t0['a'](W_regularizer='l2')\n"
    (finding,) = check_source(program, modules={"main.py": program})
    assert finding.fix is not None and finding.fix.applicability is Applicability.SAFE
