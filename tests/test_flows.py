"""Where a keyword arrives that a program hands on: renamed where all of its ways are known, left where one is not.

Each program is run as it is and with its safe fixes, and must do the same (see judged_programs.py).
"""

from __future__ import annotations

from textwrap import dedent

import pytest
from judged_programs import cases, judged

from reglint import check_source

FOLLOWED = {
    "a dict": """
        kw = {"W_regularizer": "l2"}
        Dense(3, **kw)
    """,
    "a dict call": """
        kw = dict(W_regularizer="l2")
        Dense(3, **kw)
    """,
    "an item": """
        kw = {}
        kw["W_regularizer"] = "l2"
        Dense(3, **kw)
    """,
    "an annotated item": """
        kw = {}
        kw["W_regularizer"]: str = "l2"
        Dense(3, **kw)
    """,
    "an item, after its dict was looked at": """
        kw = {}
        seen(len(kw))
        print(isinstance(kw, dict), end="")
        kw["W_regularizer"] = "l2"
        Dense(3, **kw)
    """,
    "two dicts of one name": """
        kw = {"W_regularizer": "l2"}
        Dense(**kw)
        kw = {"W_regularizer": "l1"}
        Dense(**kw)
    """,
    "setdefault": """
        kw = {}
        kw.setdefault("W_regularizer", "l2")
        Dense(3, **kw)
    """,
    "update with keywords": """
        kw = {}
        kw.update(W_regularizer="l2")
        Dense(3, **kw)
    """,
    "update with a dict": """
        kw = {}
        kw.update({"W_regularizer": "l2"})
        Dense(3, **kw)
    """,
    "update with a name": """
        kw = {}
        more = {"W_regularizer": "l2"}
        kw.update(more)
        Dense(3, **kw)
    """,
    "update with unpacked keywords": """
        kw = {"W_regularizer": "l2"}
        kw.update(name="x", **{"trainable": 1})
        Dense(**kw)
    """,
    "a method that copies": """
        kw = {"W_regularizer": "l2"}
        Dense(**kw.copy())
    """,
    "functions that copy": """
        kw = {"W_regularizer": "l2"}
        Dense(**copy.deepcopy(kw))
        Dense(**copy.copy(kw))
    """,
    "a dict of a dict": """
        kw = {"W_regularizer": "l2"}
        Dense(**dict(kw, name="x"))
        Dense(**{**kw, "name": "x"})
        Dense(**dict(name="x", **kw))
    """,
    "either of two": """
        kw = {"W_regularizer": "l2"}
        Dense(**(kw if seen else {}))
        Dense(**(kw or {}))
        Dense(**({} if kw is None else kw))
    """,
    "a walrus": """
        Dense(**(kw := {"W_regularizer": "l2"}))
        Dense(**kw)
    """,
    "a dict that is looked at": """
        kw = {"W_regularizer": "l2", "name": "x"}
        if kw and kw is not None and not kw is None and "size" not in kw and "name" in kw:
            Dense(len(kw), **kw)
        while not kw:
            pass
        assert kw
        isinstance(kw, dict)
        [seen(1) for _ in range(1) if kw]
        seen(kw["name"])
        seen(kw.get("name"))
        kw["name"] = "y"
        kw.pop("name")
        Dense(**kw)
        kw.clear()
    """,
    "two names at once": """
        kw = other = {"W_regularizer": "l2"}
        Dense(**other)
    """,
    "another name": """
        kw = {"W_regularizer": "l2"}
        other = kw
        third: dict = other
        Dense(**third)
    """,
    "a function": """
        def make(**kw):
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a lambda": """
        make = lambda **kw: Dense(**kw)
        make(W_regularizer="l2")
    """,
    "functions in a row": """
        def outer(**kw):
            def inner(size, **more):
                return Dense(size, **more)
            return inner(3, **kw)
        outer(W_regularizer="l2")
    """,
    "a parameter": """
        def make(size, kw):
            return Dense(size, **kw)
        make(3, {"W_regularizer": "l2"})
        make(kw={"W_regularizer": "l2"}, size=3)
    """,
    "parameters that go by keyword or by place alone": """
        def make(size, /, kw, *, more):
            return [Dense(size, **kw), Dense(size, **more)]
        make(3, {"W_regularizer": "l2"}, more={"W_regularizer": "l2"})
    """,
    "a method's parameter": """
        class Net:
            def make(self, kw):
                return Dense(**kw)
            @classmethod
            def other(cls, kw):
                return Dense(**kw)
        Net().make({"W_regularizer": "l2"})
        Net.other({"W_regularizer": "l2"})
        Net.other(kw={"W_regularizer": "l2"})
    """,
    "a method that is called through its class": """
        class Net:
            def make(self, kw, more=()):
                return Dense(**kw)
        Net.make(Net(), {"W_regularizer": "l2"})
        Net.make(Net(), {"W_regularizer": "l2"}, seen)
    """,
    "a static method's parameter": """
        class Net:
            @staticmethod
            def make(kw, more=()):
                return Dense(**kw)
        Net.make({"W_regularizer": "l2"})
        Net().make({"W_regularizer": "l2"}, seen)
    """,
    "a parameter of what makes an object": """
        class Net:
            def __init__(self, kw):
                Dense(**kw)
        Net({"W_regularizer": "l2"})
    """,
    "a parameter of what makes an object of the class above": """
        class Above:
            def __init__(self, kw):
                Dense(**kw)
        class Net(Above):
            def __init__(self):
                super().__init__({"W_regularizer": "l2"})
        Net()
    """,
    "an attribute": """
        class Net:
            def __init__(self):
                self.kw = {"W_regularizer": "l2"}
                self.kw["name"] = "x"
            def build(self):
                return Dense(**self.kw)
        Net().build()
    """,
    "an item of an attribute": """
        class Net:
            def __init__(self):
                self.kw = {}
                self.kw["W_regularizer"] = "l2"
            def build(self):
                return Dense(**self.kw)
        Net().build()
    """,
    "an attribute of the class": """
        class Net:
            kw = {"W_regularizer": "l2"}
            def build(self):
                return Dense(**self.kw)
        Net().build()
    """,
    "what a function gives back": """
        def given():
            return {"W_regularizer": "l2"}
        Dense(**given())
        def passed(**kw):
            return kw
        Dense(**passed(W_regularizer="l2"))
    """,
    "what one function after the other gives back": """
        def one():
            return {"W_regularizer": "l2"}
        def two():
            return one()
        Dense(**two())
    """,
    "one attribute after the other": """
        class Net:
            def __init__(self):
                self.kw = {"W_regularizer": "l2"}
                self.other = self.kw
            def build(self):
                return Dense(**self.other)
        Net().build()
    """,
    "what a method gives back": """
        class Net:
            def given(self):
                kw = {"W_regularizer": "l2"}
                return kw
            def build(self):
                Dense(**self.given())
        Net().build()
    """,
    "a default": """
        def make(kw={"W_regularizer": "l2"}):
            Dense(**kw)
        make()
        other = lambda kw={"W_regularizer": "l2"}: Dense(**kw)
        other()
    """,
    "a dict in a dict": """
        conf = {"a": {"W_regularizer": "l2"}, "b": {"name": "x"}}
        Dense(**conf["a"])
        conf["c"] = 1
        foreign.Dense(**conf["b"])
    """,
    "a dict in a dict call": """
        conf = dict(a={"W_regularizer": "l2"}, b=1)
        Dense(**conf["a"])
    """,
    "a partial": """
        dense = partial(Dense, W_regularizer="l2")
        dense(3)
        kw = {"W_regularizer": "l2"}
        other = partial(Dense, **kw)
        other(3)
        third = partial(Dense, 3)
        third(W_regularizer="l2")
    """,
    "a class of the project": """
        class Mine(Dense):
            def __init__(self, **kw):
                super().__init__(**kw)
        Mine(W_regularizer="l2")
        class Other(Dense):
            pass
        Other(W_regularizer="l2")
        class Holder:
            def __init__(self, **kw):
                self.layer = Dense(**kw)
        Holder(W_regularizer="l2")
    """,
    "a name that a nested function binds": """
        def outer():
            kw = {}
            def inner():
                nonlocal kw
                kw = {"W_regularizer": "l2"}
            inner()
            return Dense(**kw)
        outer()
        def other():
            global common
            common = {"W_regularizer": "l2"}
        other()
        Dense(**common)
    """,
    "a dict beside another of the same place": """
        conf = {"a": {"W_regularizer": "l2"}, "b": {"name": "l2"}}
        Dense(**conf["a"])
        foreign.Dense(**conf["b"])
    """,
    "a function with a keyword of the same name": """
        kw = {"W_regularizer": "l2"}
        def use(key="x", kw=None):
            return kw
        use(kw=1)
        seen.kw = 1
        Dense(**kw)
    """,
    "either of two dicts": """
        kw = {"W_regularizer": "l1"} if seen else {}
        Dense(**kw)
        kw = {} or {"W_regularizer": "l1"}
        Dense(**kw)
    """,
    "the default of a method": """
        class Net:
            def make(self, size=3, kw={"W_regularizer": "l1"}):
                Dense(**kw)
        Net().make()
    """,
    "copies of the dict": """
        base = {"W_regularizer": "l1"}
        kw = copy.copy(base)
        other = copy.deepcopy(base)
        third = base.copy()
        fourth = dict(base)
        Dense(**kw); Dense(**other); Dense(**third); Dense(**fourth)
    """,
    "a function that takes another key out": """
        def make(**kw):
            seen(kw.pop("other", None))
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a partial of a partial": """
        dense = partial(Dense, W_regularizer="l1")
        other = partial(dense, 3)
        other()
        one = partial(Dense, 3)
        two = partial(one, W_regularizer="l2")
        two()
    """,
    "a partial that gives way": """
        dense = partial(Dense, W_regularizer="l1")
        dense(**{"W_regularizer": "l2"})
        dense = partial(Dense, W_regularizer="l1")
        kw = {"W_regularizer": "l2"}
        dense(3, **kw)
        dense = partial(Dense, W_regularizer="l1")
        dense(3, W_regularizer="l2")
    """,
    "a dict that another is put over": """
        base = {"W_regularizer": "l1"}
        kw = {"W_regularizer": "l2", **base}
        Dense(**kw)
        seen(len(base))
        base = {"W_regularizer": "l1"}
        kw = dict(base, W_regularizer="l2")
        Dense(**kw)
    """,
    "an attribute that is read from outside": """
        class Net:
            def __init__(self):
                self.kw = {"W_regularizer": "l2"}
        net = Net()
        Dense(**net.kw)
    """,
    "a class that a decorator of Keras registers": """
        def never():
            import keras
            @keras.utils.register_keras_serializable()
            class Mine(Dense):
                pass
            Mine(W_regularizer="l2")
        def never():
            import keras
            @keras.saving.register_keras_serializable
            class Mine(Dense):
                pass
            Mine(W_regularizer="l2")
    """,
}


@cases(FOLLOWED)
def test_a_keyword_is_followed_through(program: str) -> None:
    assert judged(program) == ["safe"] * program.count("W_regularizer")


LEFT = {
    "is handed to other code": """
        seen(kw)
    """,
    "is compared": """
        seen(kw == {})
        seen(1 < 2)
    """,
    "is compared with a name": """
        other = {}
        seen(other != kw)
    """,
    "is looped over": """
        for key in kw:
            seen(key)
    """,
    "is asked for it": """
        seen(kw["W_regularizer"])
    """,
    "is asked whether it has it": """
        seen("W_regularizer" in kw)
    """,
    "is asked for something": """
        name = "W_regularizer"
        seen(kw[name])
    """,
    "is asked for something by a method": """
        name = "W_regularizer"
        seen(kw.get(name))
    """,
    "is asked whether it has something": """
        name = "W_regularizer"
        seen(name in kw)
    """,
    "is asked for a default": """
        seen(kw.setdefault("W_regularizer", 1))
    """,
    "is listed": """
        seen(list(kw.items()))
    """,
    "has a method that is handed on": """
        seen(kw.get)
    """,
    "becomes an attribute of something": """
        foreign.kw = kw
    """,
    "is put into a list": """
        other = [kw]
    """,
    "is unpacked": """
        [first] = kw
        seen(first)
    """,
    "is shown": """
        seen(f"{kw}")
    """,
    "is given back by a function of two names": """
        def given():
            return kw
        other = given
        seen(other())
    """,
    "is given back by a lambda": """
        given = lambda: kw
        seen(given())
    """,
    "is given back by a function that is handed on": """
        def given():
            return kw
        seen(given)
    """,
    "is put into a dict that is handed on": """
        conf = {"a": kw}
        seen(conf)
    """,
    "is put into a dict that is read": """
        conf = dict(a=kw)
        for key in conf:
            seen(conf[key])
    """,
    "is put into a dict that is put elsewhere": """
        conf, more = {"a": kw}, 1
        seen(conf)
    """,
    "is put into a dict with several names": """
        conf, more = {"a": kw}, 1
        seen.conf = {"a": kw}
    """,
    "is an item of a list of names": """
        def make(*every):
            seen(every[0])
        make(kw)
    """,
    "is spread": """
        def make(*every):
            seen(every)
        make(*kw)
    """,
    "is bound to a parameter that is handed on": """
        def make(size, given):
            seen(given)
        make(3, kw)
    """,
    "is bound to a parameter of a decorated function": """
        def changed(function):
            return seen
        @changed
        def make(given):
            pass
        make(kw)
    """,
    "loses it": """
        del kw["W_regularizer"]
    """,
    "is the value of a variable key": """
        name = "a"
        conf = {name: kw}
        seen(conf["a"])
    """,
}


@pytest.mark.parametrize("use", [pytest.param(text, id=name) for name, text in LEFT.items()])
def test_a_key_stays_in_a_dict_that(use: str) -> None:
    assert judged(f'kw = {{"W_regularizer": "l2"}}\nDense(**kw)\n{dedent(use)}')[0] == "none"


DOUBTED = {
    "a function shows all that it is given": """
        def make(**kw):
            seen(kw)
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "what decorates the class may change it": """
        def changed(cls):
            return foreign.Dense
        @changed
        class Mine(Dense):
            pass
        Mine(W_regularizer="l2")
    """,
    "the dict belongs to the caller": """
        def make(kw):
            kw["W_regularizer"] = "l2"
            return Dense(**kw)
        make({})
    """,
    "the callers may give it as well": """
        def make(**kw):
            kw["W_regularizer"] = "l2"
            return Dense(**kw)
        make()
    """,
    "the function that receives it sets it too": """
        def make(**kw):
            kw.setdefault("W_regularizer", "l1")
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a star import may bring another": """
        from foreign import *
        Dense(W_regularizer="l2")
    """,
    "somebody puts another layer into the library": """
        layers.Dense = foreign.Dense
        layers.Dense(W_regularizer="l2")
    """,
    "the layer is a default": """
        def make(layer=Dense):
            layer(W_regularizer="l2")
        make(foreign.Dense)
    """,
    "the layer is one of two": """
        layer = foreign.Dense if seen else Dense
        layer(W_regularizer="l2")
    """,
    "a dict is one of several": """
        conf = {"a": {"W_regularizer": "l2"}}
        name = "a"
        Dense(**conf[name])
    """,
    "a dict is one of several, and is asked for another key": """
        conf = {"a": {"W_regularizer": "l2"}}
        name = "a"
        seen(conf[name].get("x"))
        Dense(**conf[name])
    """,
    "a decorated function is one of two": """
        def changed(function):
            return foreign.Dense
        @changed
        def mine(**kw):
            return Dense(**kw)
        layer = mine if not seen else Dense
        layer(W_regularizer="l2")
    """,
    "an attribute of that name may belong to another class": """
        class Other:
            def __init__(self):
                self.kw = {}
        class Net:
            def __init__(self):
                self.kw = {"W_regularizer": "l2"}
            def build(self):
                return Dense(**self.kw)
        Net().build()
        foreign.Dense(**Other().kw)
    """,
    "a class below has another layer": """
        class Net:
            layer = Dense
            def build(self):
                return self.layer(W_regularizer="l2")
        class Below(Net):
            layer = foreign.Dense
        Net().build()
        Below().build()
    """,
    "a class below has another method": """
        class Net:
            def layer(self, **kw):
                return Dense(**kw)
            def build(self):
                return self.layer(W_regularizer="l2")
        class Below(Net):
            def layer(self, **kw):
                return foreign.Dense(**kw)
        Net().build()
        Below().build()
    """,
    "an object out of sight may give it back": """
        class Net:
            def given(self):
                kw = {"W_regularizer": "l2"}
                Dense(**kw)
                return kw
        def use(net):
            foreign.Dense(**net.given())
        use(Net())
    """,
}


@cases(DOUBTED)
def test_a_fix_is_unsafe_where(program: str) -> None:
    assert "unsafe" in judged(program)
    assert "safe" not in judged(program)


@pytest.mark.parametrize(
    "callee", ['eval("foreign.Dense")', 'globals()["Dense"]', 'vars()["Dense"]', 'getattr(layers, "Den" + "se")']
)
def test_what_is_made_at_run_time_is_named_and_left(callee: str) -> None:
    assert judged(f'{callee}(W_regularizer="l2")\n') == ["none"]


KEPT = {
    "a function takes the old name itself": """
        def mine(W_regularizer=None):
            seen(W_regularizer)
        layer = mine if not seen else Dense
        layer(W_regularizer="l2")
    """,
    "a method takes the old name itself": """
        class Net:
            def make(self, W_regularizer=None, **kw):
                return Dense(**kw)
            def build(self):
                layer = self.make if not seen else Dense
                layer(W_regularizer="l2")
        Net().build()
    """,
    "one of two callables is out of sight": """
        def changed(function):
            return foreign.Dense
        @changed
        def mine(**kw):
            return Dense(**kw)
        kw = {"W_regularizer": "l2"}
        layer = mine if not seen else Dense
        layer(**kw)
    """,
    "a function hands it to a parameter too": """
        def make(layer=Dense, **kw):
            layer(**kw)
            Dense(**kw)
        make(foreign.Dense, W_regularizer="l2")
    """,
    "a dict of dicts is read by a variable and handed on": """
        conf = {"a": {"W_regularizer": "l2"}}
        name = "a"
        Dense(**conf[name])
        seen(conf[name])
    """,
    "the new name is put into the dict": """
        def never():
            kw = {}
            kw["kernel_regularizer"] = "l1"
            Dense(W_regularizer="l2", **kw)
    """,
    "the new name is put into the dict by update": """
        def never():
            kw = {}
            kw.update(kernel_regularizer="l1")
            Dense(W_regularizer="l2", **kw)
    """,
    "the new name is put into the dict by update with another": """
        def never():
            kw = {}
            kw.update({"kernel_regularizer": "l1"})
            Dense(W_regularizer="l2", **kw)
    """,
    "the function asks whether the new name is there": """
        def make(**kw):
            seen("kernel_regularizer" in kw)
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "the function asks for the new name": """
        def make(**kw):
            seen(kw.get("kernel_regularizer"))
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "the function reads the new name": """
        def make(**kw):
            if "name" in kw:
                seen(kw["kernel_regularizer"])
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a partial holds the new name": """
        def never():
            dense = partial(Dense, kernel_regularizer="l1")
            dense(W_regularizer="l2")
    """,
    "a partial's dict holds the new name": """
        def never():
            dense = partial(Dense, **{"kernel_regularizer": "l1"})
            dense(W_regularizer="l2")
    """,
    "a function passes the new name on": """
        def never():
            def make(**kw):
                return Dense(kernel_regularizer="l1", **kw)
            make(W_regularizer="l2")
    """,
    "the class above is given the new name": """
        def never():
            class Mine(Dense):
                def __init__(self, **kw):
                    super().__init__(kernel_regularizer="l1", **kw)
            Mine(W_regularizer="l2")
    """,
    "a parameter of the class has the new name": """
        class Mine(Dense):
            def __init__(self, kernel_regularizer=None, **kw):
                super().__init__(**kw)
        Mine(W_regularizer="l2")
    """,
    "another dict holds the new name": """
        def never():
            Dense(**{"W_regularizer": "l2"}, **{"kernel_regularizer": "l1"})
    """,
    "the same dict holds the new name": """
        def never():
            Dense(**{"W_regularizer": "l2", "kernel_regularizer": "l1"})
    """,
    "a loop translates it": """
        kw = {"W_regularizer": "l2"}
        for old, new in [("W_regularizer", "kernel_regularizer")]:
            if old in kw:
                kw[new] = kw.pop(old)
        Dense(**kw)
    """,
    "a copy goes to another library": """
        base = {"W_regularizer": "l1"}
        kw = base.copy()
        Dense(**base)
        foreign.Dense(**kw)
    """,
    "the other name of the dict goes to another library": """
        kw = other = {"W_regularizer": "l1"}
        Dense(**kw)
        foreign.Dense(**other)
    """,
    "a generator gives it on": """
        def given():
            kw = {"W_regularizer": "l2"}
            Dense(**kw)
            yield kw
        for each in given():
            foreign.Dense(**each)
    """,
    "an attribute goes to another library": """
        class Net:
            def __init__(self):
                self.kw = kw = {"W_regularizer": "l2"}
                Dense(**kw)
                foreign.Dense(**self.kw)
        Net()
    """,
    "a pattern looks for it": """
        kw = {"W_regularizer": "l2"}
        Dense(**kw)
        match kw:
            case {"W_regularizer": x}:
                seen(x)
    """,
    "another dict takes it over": """
        kw = {"W_regularizer": "l2"}
        Dense(**kw)
        other = {}
        other |= kw
        foreign.Dense(**other)
    """,
    "a default goes to another library": """
        kw = {"W_regularizer": "l2"}
        def make(kw=kw):
            foreign.Dense(**kw)
        Dense(**kw)
        make()
    """,
    "a dict of dicts holds it twice": """
        conf = {"a": {"W_regularizer": "l2"}}
        conf["b"] = conf["a"]
        Dense(**conf["a"])
        foreign.Dense(**conf["b"])
    """,
    "a dict of dicts is asked for it": """
        conf = {"a": {"W_regularizer": "l2"}}
        Dense(**conf["a"])
        foreign.Dense(**conf.get("a"))
    """,
    "a class below takes it elsewhere": """
        class Net:
            def make(self, kw):
                return Dense(**kw)
            def build(self):
                self.make({"W_regularizer": "l2"})
        class Below(Net):
            def make(self, kw):
                return foreign.Dense(**kw)
        Below().build()
    """,
    "a text takes it too": """
        def make(**kw):
            seen("{W_regularizer}".format(**kw))
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a class below asks for what this one gives back": """
        class Net:
            def given(self):
                return {"W_regularizer": "l2"}
            def build(self):
                Dense(**self.given())
        class Below(Net):
            def given(self):
                kw = super().given()
                foreign.Dense(**kw)
                return kw
        Below().build()
    """,
    "a loop's last turn made it": """
        kw = {}
        for i in range(2):
            if i:
                Dense(**kw)
            kw = {"W_regularizer": "l2"}
        foreign.Dense(**kw)
    """,
    "a function that binds its name has not run": """
        kw = {"W_regularizer": "l2"}
        def use():
            foreign.Dense(**kw)
        def other():
            global kw
            kw = {}
        Dense(**kw)
        use()
        other()
    """,
    "a walrus names it": """
        Dense(**(kw := {"W_regularizer": "l1"}))
        foreign.Dense(**kw)
    """,
    "a walrus gives it another name": """
        kw = {"W_regularizer": "l2"}
        Dense(**(x := kw))
        foreign.Dense(**x)
    """,
    "a property gives it back": """
        class Net:
            @property
            def kw(self):
                kw = {"W_regularizer": "l2"}
                Dense(**kw)
                return kw
            def build(self):
                foreign.Dense(**self.kw)
        Net().build()
    """,
    "a decorated function gives it back": """
        def changed(function):
            return lambda: foreign.Dense(**function())
        @changed
        def given():
            kw = {"W_regularizer": "l2"}
            Dense(**kw)
            return kw
        given()
    """,
    "a call of the object gives it back": """
        class Net:
            def __call__(self):
                kw = {"W_regularizer": "l2"}
                Dense(**kw)
                return kw
        foreign.Dense(**Net()())
    """,
}


@cases(KEPT)
def test_the_keyword_stays_as_it_is_where(program: str) -> None:
    assert judged(program) == ["none"]


TAKEN = {
    "a parameter of the function": """
        def make(W_regularizer=None, **kw):
            return Dense(**kw)
        make(W_regularizer="l2")
        def other(*, W_regularizer=None, **kw):
            return Dense(**kw)
        other(W_regularizer="l2")
    """,
    "a parameter of the class": """
        class Mine(Dense):
            def __init__(self, W_regularizer=None, **kw):
                super().__init__(**kw)
        Mine(W_regularizer="l2")
    """,
    "a class with a metaclass": """
        class Mine(Dense, metaclass=type):
            pass
        Mine(W_regularizer="l2")
    """,
    "a class of another library": """
        class Mine(foreign.Dense):
            pass
        Mine(W_regularizer="l2")
    """,
    "a class that makes its own objects": """
        class Mine:
            def __new__(cls, **kw):
                return Dense(**kw)
        Mine(W_regularizer="l2")
    """,
    "a decorated function": """
        def changed(function):
            return foreign.Dense
        @changed
        def make(**kw):
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a parameter that is called": """
        def make(layer, **kw):
            return layer(**kw)
        make(Dense, W_regularizer="l2")
    """,
    "a dict that loses the key": """
        kw = {"W_regularizer": "l2"}
        kw.pop("W_regularizer")
        Dense(**kw)
    """,
    "a dict of pairs": """
        pairs = dict([("W_regularizer", "l2")])
        Dense(**pairs)
    """,
    "what super gives outside a class": """
        def never():
            super().make(W_regularizer="l2")
    """,
    "the package of the imported module": """
        def never():
            __import__("keras.layers").Dense(W_regularizer="l2")
    """,
    "a function that takes it out": """
        def make(**kw):
            reg = kw.pop("W_regularizer")
            return Dense(kernel_regularizer=reg, **kw)
        make(W_regularizer="l2")
        def make(**kw):
            reg = kw.pop("W_regularizer", None)
            return Dense(kernel_regularizer=reg, **kw)
        make(W_regularizer="l2")
    """,
    "a function that asks for it": """
        def make(**kw):
            seen(kw.get("W_regularizer"))
            return Dense(**kw)
        make(W_regularizer="l2")
    """,
    "a default that goes elsewhere": """
        class Net:
            def make(self, kw={"W_regularizer": "l1"}):
                foreign.Dense(**kw)
                Dense()
        Net().make()
    """,
    "the class above that comes first": """
        class A:
            def __init__(self, **kw):
                foreign.Dense(**kw)
        class Net(A, Dense):
            pass
        Net(W_regularizer="l2")
    """,
    "a class with a metaclass above it": """
        class Meta(type):
            def __call__(cls, **kw):
                return foreign.Dense(**kw)
        class Above(metaclass=Meta):
            pass
        class Mine(Above, Dense):
            pass
        Mine(W_regularizer="l2")
    """,
}


@cases(TAKEN)
def test_nothing_is_said_where_the_keyword_is_for(program: str) -> None:
    assert judged(program) == []


def test_a_key_stays_in_a_dict_that_is_handed_to_what_may_fill_it() -> None:
    assert judged("""
        def fill(kw):
            kw["W_regularizer"] = "l1"
        kw = {}
        fill(kw)
        kw["W_regularizer"] = "l2"
        Dense(**kw)
    """) == ["none"]


def test_a_parameter_of_todays_name_on_the_way_would_take_the_keyword() -> None:
    assert judged("""
        def make(kernel_regularizer=None, **kw):
            return Dense(**kw)
        make(W_regularizer="l2")
    """) == ["none"]


@pytest.mark.parametrize(
    "net",
    [
        "class Net:\n    make = lambda self, more, kw: helper(self, more, kw)",
        "class Net:\n    make = helper",
        "class Net:\n    pass\nNet.make = helper",
    ],
)
def test_a_function_that_becomes_a_method_is_given_the_object_first(net: str) -> None:
    helper = "def helper(self, more, kw):\n    Dense(**more)\n    foreign.Dense(**kw)\n"
    assert judged(f'{helper}{net}\nNet().make({{}}, {{"W_regularizer": "l2"}})') == []
    assert judged(f'{helper}{net}\nNet().make({{"W_regularizer": "l2"}}, {{}})') == ["safe"]


def test_a_function_that_an_object_holds_is_not_given_the_object() -> None:
    assert judged("""
        def helper(more, kw):
            Dense(**more)
            foreign.Dense(**kw)
        class Net:
            def __init__(self):
                self.make = helper
                self.make({"W_regularizer": "l2"}, {})
        Net()
    """) == ["safe"]


@pytest.mark.parametrize(
    "call",
    [
        'Net().make({"W_regularizer": "l2"}, {})',
        'Net.make(Net(), {"W_regularizer": "l2"}, {})',
        'Net.one({"W_regularizer": "l2"}, {})',
        'Net().one({"W_regularizer": "l2"}, {})',
        'Net.two({"W_regularizer": "l2"}, {})',
        'Net().two({"W_regularizer": "l2"}, {})',
        'Net({"W_regularizer": "l2"}, {})',
        "Below()",
    ],
)
def test_a_dict_goes_to_the_parameter_that_its_place_means(call: str) -> None:
    assert (
        judged(f"""
        class Net:
            def __init__(self, kw={{}}, more={{}}):
                foreign.Dense(**kw)
                Dense(**more)
            def make(self, kw, more):
                foreign.Dense(**kw)
                Dense(**more)
            @staticmethod
            def one(kw, more):
                foreign.Dense(**kw)
                Dense(**more)
            @classmethod
            def two(cls, kw, more):
                foreign.Dense(**kw)
                Dense(**more)
        class Below(Net):
            def __init__(self):
                Net.__init__(self, {{"W_regularizer": "l2"}}, {{}})
        {call}
    """)
        == []
    )


@pytest.mark.parametrize(("method", "severities"), [("pop", []), ("get", ["none"])])
def test_a_loop_that_translates_old_names_is_left_alone(method: str, severities: list[str]) -> None:
    program = f"""
        from keras.models import Sequential
        def never():
            kw = {{"nb_epoch": 3}}
            for old, new in [("nb_epoch", "epochs")]:
                kw[new] = kw.{method}(old)
            Sequential().fit(**kw)
    """
    found = check_source(dedent(program), filename="main.py")
    assert [finding.fix is None and "none" for finding in found] == severities
