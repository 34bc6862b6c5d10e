"""Names and dicts that are followed to more than one meaning: what running programs taught (see test_execution.py)."""

from __future__ import annotations

from textwrap import dedent

import pytest
from execution_world import run

from reglint import check_source, fix_source


def fixed(text: str, **modules: str) -> str:
    """The module with its safe fixes; whatever they are, the program must do what it did."""
    sources = {f"{name}.py": dedent(source) for name, source in {**modules, "main": text}.items()}
    after = {p: fix_source(source, filename=p, modules=sources)[0].decode() for p, source in sources.items()}
    assert run(sources).agrees(run(after)), after["main.py"]
    return after["main.py"]


def stays(text: str, **modules: str) -> None:
    assert fixed(text, **modules) == dedent(text)


def test_a_key_that_takes_the_place_of_one_given_by_the_caller_stays() -> None:
    stays("""
        from keras.layers import Dense
        given = dict.fromkeys(["W_regularizer"])
        def dense(**kw):
            return Dense(**dict(kw, W_regularizer="l2"))
        dense(**given)
    """)


def test_a_key_that_is_stored_over_one_given_by_the_caller_stays_in_both_places() -> None:
    stays("""
        from keras.layers import Dense
        def dense(**kw):
            kw["W_regularizer"] = "l2"
            return Dense(**kw)
        dense(W_regularizer="l1")
    """)


def test_a_default_in_a_copy_and_the_key_that_a_call_gives_stay_together() -> None:
    stays("""
        from keras.layers import Dense
        def dense(**kw):
            known = kw.copy()
            known.update(W_regularizer=None)
            return Dense(**known)
        dense(W_regularizer="l1")
    """)


def test_a_key_in_a_dict_that_is_updated_with_unknown_content_stays() -> None:
    stays("""
        from keras.layers import Dense
        def dense(**kw):
            known = dict(b_regularizer=None)
            known.update(kw)
            return Dense(**known)
        dense(**dict.fromkeys(["b_regularizer"]))
    """)


def test_a_key_beside_an_unpacked_dict_of_pairs_stays() -> None:
    stays("""
        from keras.layers import Dense
        pairs = dict([("W_regularizer", None)])
        Dense(**{**pairs, "W_regularizer": "l2"})
    """)


def test_a_key_stored_in_a_dict_of_a_list_stays_as_the_one_in_the_list_does() -> None:
    stays("""
        from keras.layers import Dense
        for kw in [{"W_regularizer": 0.5}]:
            kw["W_regularizer"] = "l2"
            Dense(**kw)
    """)


def test_a_key_stored_in_a_nested_dict_stays_as_the_one_it_replaces() -> None:
    stays("""
        from keras.layers import Dense
        conf = {"a": {"W_regularizer": 0.5}}
        conf["a"]["W_regularizer"] = "l2"
        Dense(**conf["a"])
    """)


def test_a_key_written_twice_into_a_dict_is_renamed_in_both_places() -> None:
    after = fixed("""
        from keras.layers import Dense
        kw = {"W_regularizer": "l1"}
        kw["W_regularizer"] = "l2"
        Dense(**kw)
    """)
    assert after.count("kernel_regularizer") == 2
    assert "W_regularizer" not in after


def test_a_dict_that_is_merged_in_place_keeps_its_keys() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        kw = {"W_regularizer": "l1"}
        Dense(**kw)
        kw |= {"name": "x"}
        foreign.Dense(**kw)
    """)


def test_a_keyword_of_a_partial_that_is_called_with_an_unknown_dict_stays() -> None:
    stays("""
        from functools import partial
        from keras.layers import Dense
        given = dict.fromkeys(["W_regularizer"])
        dense = partial(Dense, W_regularizer="l2")
        dense(**given)
    """)


def test_a_keyword_given_to_a_partial_of_an_unknown_dict_stays() -> None:
    stays("""
        from functools import partial
        from keras.layers import Dense
        given = dict.fromkeys(["W_regularizer"])
        partial(Dense, **given)(W_regularizer="l2")
    """)


def test_a_keyword_of_a_partial_and_the_one_that_replaces_it_are_renamed_together() -> None:
    after = fixed("""
        from functools import partial
        from keras.layers import Dense
        dense = partial(Dense, W_regularizer="l2")
        dense(W_regularizer="l1")
        dense(3)
    """)
    assert after.count("kernel_regularizer") == 2


def test_a_partial_of_itself_is_followed_once() -> None:
    stays("""
        from functools import partial
        dense = None
        for i in range(0):
            dense = partial(dense, W_regularizer="l2")
            dense(W_regularizer="l1")
    """)


def test_an_object_has_what_a_method_of_a_class_above_gave_it() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        class Above:
            layer = Dense
            def __init__(self):
                self.layer = foreign.Dense
        class Below(Above):
            pass
        Below().layer(W_regularizer="l2")
    """)


def test_a_method_may_run_for_an_object_of_a_class_below() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        class Above:
            layer = Dense
            def make(self):
                return self.layer(W_regularizer="l2")
        class Below(Above):
            layer = foreign.Dense
        Below().make()
    """)


def test_a_class_whose_attribute_is_set_from_outside_has_both_values() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        class Holder:
            layer = Dense
        Holder.layer = foreign.Dense
        Holder().layer(W_regularizer="l2")
    """)


def test_a_class_below_one_that_makes_its_own_objects_takes_keywords_as_they_come() -> None:
    stays("""
        from foreign import seen
        from keras.layers import Dense
        class Mine(Dense):
            def __new__(cls, **kw):
                seen(kw)
        class Below(Mine):
            pass
        Below(W_regularizer="l2")
    """)


def test_a_function_that_runs_before_a_name_is_bound_again_sees_the_earlier_meaning() -> None:
    stays("""
        from foreign import Dense
        def make():
            return Dense(W_regularizer="l2")
        make()
        from keras.layers import Dense
    """)


def test_a_function_that_runs_before_a_dict_is_bound_again_reads_the_earlier_dict() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        kw = {"W_regularizer": "l2"}
        def make():
            return foreign.Dense(**kw)
        make()
        Dense(**kw)
        kw = {}
    """)


def test_a_function_below_all_imports_is_as_sure_as_the_module() -> None:
    after = fixed("""
        from foreign import Dense
        from keras.layers import Dense
        def make():
            return Dense(W_regularizer="l2")
        make()
    """)
    assert "Dense(kernel_regularizer=" in after


def test_a_function_that_gives_back_a_dict_may_be_called_by_another_name() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        def given():
            return {"W_regularizer": "l2"}
        other = given
        foreign.Dense(**other())
        Dense(**given())
    """)


def test_of_two_values_unpacked_to_one_name_the_last_counts() -> None:
    stays("""
        import foreign
        from keras import layers
        D, D = layers.Dense, foreign.Dense
        D(W_regularizer="l2")
    """)


def test_an_import_from_a_module_of_the_project_is_not_taken_out() -> None:
    text = """
        from keras.regularizers import l2
        from parts import activity_l2
    """
    parts = """
        from foreign import seen
        from keras.regularizers import activity_l2, l2
        seen("imported")
    """
    assert "from parts import" in fixed(text, parts=parts)


def test_a_dict_inside_a_dict_call_is_followed_to_a_callee_that_is_not_keras() -> None:
    stays("""
        import foreign
        from keras.layers import Dense
        kw = dict(W_regularizer="l2")
        Dense(**kw)
        conf = dict(a=kw)
        foreign.Dense(**conf["a"])
    """)


def test_a_key_beside_a_dict_that_a_function_fills_stays() -> None:
    stays("""
        from keras.layers import Dense
        kw = {}
        def fill(common):
            common["W_regularizer"] = None
        fill(kw)
        Dense(**{"W_regularizer": "l2", **kw})
    """)


def test_a_key_stays_where_the_program_looks_for_todays_name() -> None:
    stays("""
        from foreign import seen
        from keras.layers import Dense
        kw = {"W_regularizer": "l2"}
        Dense(**kw)
        seen("kernel_regularizer" in kw)
    """)


def test_a_regularizer_in_a_function_that_runs_before_a_star_import_stays() -> None:
    stays("""
        from keras.regularizers import l1l2
        from foreign import seen
        seen(l1l2)
        def make():
            return seen(l1l2(0.1))
        make()
        from keras.regularizers import *
    """)


def test_a_nested_dict_that_is_put_together_of_itself_is_followed_once() -> None:
    after = fixed("""
        from keras.layers import Dense
        conf = {"a": {}}
        for i in range(2):
            conf = {"a": {"W_regularizer": "l2", **conf["a"]}}
            Dense(**conf["a"])
    """)
    assert "kernel_regularizer" in after


def test_a_key_that_a_wrapper_of_another_module_sets_again_stays() -> None:
    wrappers = """
        from keras.layers import Dense
        def updated(**kw):
            kw.update({"W_regularizer": None})
            return Dense(**kw)
        def joined(**kw):
            return Dense(**{**kw, "W_regularizer": None})
        def called(**kw):
            return Dense(**dict(kw, W_regularizer=None))
    """
    stays(
        """
        import wrappers
        wrappers.updated(W_regularizer="l2")
        wrappers.joined(W_regularizer="l2")
        wrappers.called(W_regularizer="l2")
    """,
        wrappers=wrappers,
    )


def test_modules_that_star_import_each_other_are_read_to_the_end() -> None:
    modules = {"pkg/__init__.py": "", "pkg/fit.py": "from .models import *\n"}
    text = "import keras\nfrom .fit import *\nkeras.layers.Dense(4, W_regularizer=nowhere)\n"
    found = check_source(text, filename="pkg/models.py", modules=modules)
    assert [finding.code for finding in found] == ["REG101"]


@pytest.mark.parametrize("decorator", ["property", "functools.cached_property", "cached_property"])
def test_reading_a_property_gives_what_it_returns(decorator: str) -> None:
    text = (
        "import functools\nimport keras\nfrom functools import cached_property\nclass Net:\n"
        f"    @{decorator}\n    def penalty(self):\n        return keras.regularizers.l2(0.01)\n"
        "    def build(self):\n        return keras.layers.Dense(4, kernel_regularizer=self.penalty)\n"
    )
    assert check_source(text, filename="model.py", modules={}) == []


def test_keras_inside_its_own_package_is_the_projects_own() -> None:
    modules = {"keras/__init__.py": "from keras import layers\n", "keras/layers.py": "class Dense:\n    pass\n"}
    text = "from keras import layers\nlayers.Dense(4, W_regularizer=None)\n"
    assert check_source(text, filename="keras/model.py", modules=modules) == []
