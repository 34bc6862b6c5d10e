"""How a name of Keras comes to a place, and how an import without use leaves."""

from __future__ import annotations

from textwrap import dedent

import libcst as cst
import pytest

from reglint.project import MemoryFiles, Project
from reglint.rewriting.imports import Brought, bring, free
from reglint.source import source_from_text
from reglint.syntax import parse
from reglint.usage.file import Context, File


def file_of(text: str) -> File:
    source = source_from_text(dedent(text).lstrip("\n"), "main.py")
    parsed = parse(source)
    words = frozenset({"merge"})
    return File(source, parsed, Context({}, Project("", MemoryFiles({"main.py": source.text}))), words)


def brought(text: str, name: str = "Concatenate", package: str = "keras") -> tuple[str, str] | None:
    """How ``layers.<name>`` is written at ``HERE``, and the file then."""
    file = file_of(text)
    found = bring(file, package, ("layers", name), file.names.mentions["HERE"][0].place)
    return None if found is None else (found.spelling, file.source.edited(found.edits).text)


def spelled(text: str, name: str = "Concatenate", package: str = "keras") -> str | None:
    """How it is written with what is there; the file must not change."""
    found = brought(text, name, package)
    assert found is None or found[1] == dedent(text).lstrip("\n")
    return found[0] if found else None


@pytest.mark.parametrize(
    ("statement", "spelling"),
    [
        ("from keras.layers import Concatenate", "Concatenate"),
        ("from keras.layers import Concatenate as Cat", "Cat"),
        ("from keras.layers import *", "Concatenate"),
        ("from keras.layers.merge import Concatenate", "Concatenate"),
        ("from keras import layers", "layers.Concatenate"),
        ("import keras.layers as L", "L.Concatenate"),
        ("import keras", "keras.layers.Concatenate"),
        ("import keras.models", "keras.layers.Concatenate"),
        ("import keras as k", "k.layers.Concatenate"),
        ("import keras\nfrom keras.layers import Concatenate", "Concatenate"),
        (
            "try:\n    from keras import layers\nexcept ImportError:\n    from tf_keras import layers",
            "layers.Concatenate",
        ),
    ],
)
def test_a_name_at_hand_is_written_as_it_is_imported(statement: str, spelling: str) -> None:
    assert spelled(f"{statement}\nHERE\n") == spelling


@pytest.mark.parametrize(
    ("statement", "spelling"),
    [
        ("import tensorflow as tf", "tf.keras.layers.Concatenate"),
        ("import tensorflow.keras", "tensorflow.keras.layers.Concatenate"),
        ("from tensorflow import keras", "keras.layers.Concatenate"),
    ],
)
def test_a_name_of_tensorflow_is_written_through_it(statement: str, spelling: str) -> None:
    assert spelled(f"{statement}\nHERE\n", package="tensorflow") == spelling


def test_the_keras_of_another_package_is_not_at_hand() -> None:
    assert brought("import tensorflow as tf\nHERE\n") is None


def test_a_name_joins_an_import_of_its_module() -> None:
    assert brought("from keras.layers import Dense, Input  # layers\nHERE\n") == (
        "Concatenate",
        "from keras.layers import Dense, Input, Concatenate  # layers\nHERE\n",
    )


def test_a_name_joins_a_list_of_one_name_a_line_in_its_style() -> None:
    assert brought("from keras.layers import (\n    Dense,\n    Input,\n)\nHERE\n") == (
        "Concatenate",
        "from keras.layers import (\n    Dense,\n    Input,\n    Concatenate,\n)\nHERE\n",
    )


def test_without_an_import_of_its_module_a_line_comes_below_the_last_import_of_the_same_keras() -> None:
    text = """
        import numpy as np
        from keras.models import Model
        from keras.layers.core import (Dense,
                                       Dropout)  # layers
        import os
        HERE
    """
    assert brought(text) == (
        "Concatenate",
        dedent(text).lstrip("\n").replace("# layers\n", "# layers\nfrom keras.layers import Concatenate\n"),
    )


def test_a_new_line_ends_as_the_others_do() -> None:
    assert brought("from keras.models import Model\r\nHERE\r\n") == (
        "Concatenate",
        "from keras.models import Model\r\nfrom keras.layers import Concatenate\r\nHERE\r\n",
    )


def test_an_import_inside_the_function_is_the_one_that_gets_the_name() -> None:
    text = """
        def build():
            from keras.layers import Dense
            return HERE
    """
    assert brought(text) == ("Concatenate", dedent(text).lstrip("\n").replace("Dense", "Dense, Concatenate"))


def test_an_import_that_may_not_run_gets_no_name() -> None:
    assert brought("try:\n    from keras.layers import Dense\nexcept ImportError:\n    Dense = None\nHERE\n") is None


def test_an_import_below_the_place_gets_no_name() -> None:
    assert brought("HERE\nfrom keras.layers import Dense\n") is None


def test_where_the_name_means_something_else_the_module_is_imported_instead() -> None:
    text = "from numpy import concatenate\nfrom keras.layers import Dense\nHERE(concatenate)\n"
    assert brought(text, "concatenate") == (
        "layers.concatenate",
        text.replace("Dense\n", "Dense\nfrom keras import layers\n"),
    )


def test_a_name_that_something_unseen_supplies_is_not_shadowed() -> None:
    text = "from mine import *\nfrom keras.layers import Dense\nconcatenate(1)\nHERE\n"
    assert brought(text, "concatenate") == (
        "layers.concatenate",
        text.replace("Dense\n", "Dense\nfrom keras import layers\n"),
    )


def test_a_star_import_that_surely_has_no_such_name_is_no_hindrance() -> None:
    text = "from keras.layers import Dense\nfrom numpy import *\nHERE\n"
    assert brought(text, "add") == ("layers.add", text.replace("Dense\n", "Dense\nfrom keras import layers\n"))
    text = "from keras.layers import Dense\nfrom keras.models import *\nHERE\n"
    assert brought(text, "add") == ("add", text.replace("Dense\n", "Dense, add\n"))


def test_what_a_class_binds_is_no_hindrance_in_its_methods() -> None:
    text = "from keras.layers import Dense\nclass Net:\n    add = 1\n    def build(self):\n        return HERE\n"
    assert brought(text, "add") == ("add", text.replace("Dense\n", "Dense, add\n"))


def test_an_import_in_a_class_gets_no_name() -> None:
    assert brought("class Net:\n    from keras.layers import Dense\n    HERE\n") is None


def test_an_import_of_a_name_that_something_else_binds_too_leaves_with_the_last_use() -> None:
    text = "from keras.layers import Dense, merge\nif Dense:\n    merge = 1\nHERE(merge)\n"
    assert freed(text, keep=1) == text


def test_a_local_name_of_another_function_is_no_hindrance() -> None:
    text = "from keras.layers import Dense\ndef f():\n    add = 1\n    return add\nHERE\n"
    assert brought(text, "add") == ("add", text.replace("Dense", "Dense, add"))


def test_a_local_name_around_the_place_is_one() -> None:
    text = "from keras.layers import Dense\ndef f(add):\n    return HERE\n"
    assert brought(text, "add") == ("layers.add", text.replace("Dense\n", "Dense\nfrom keras import layers\n"))


def test_statements_that_share_a_line_are_left_alone() -> None:
    assert brought("import os; from keras.models import Model\nHERE\n") is None


# -------------------------------------------------------------------------------------------------------- free


def freed(text: str, *names: str, keep: int = 0) -> str | None:
    """The file without the import of ``merge``, whose uses but the last ``keep`` go; ``names`` are brought to it."""
    file = file_of(text)
    binding = next(b for b in file.names.scope.bindings["merge"])
    uses = [mention.node for mention in file.names.mentions.get("merge", ())]
    place = file.names.mentions["HERE"][0].place
    come = [found for name in names if (found := bring(file, "keras", ("layers", name), place))]
    assert len(come) == len(names)
    edits = free(file, binding, uses[: len(uses) - keep], come)
    return None if edits is None else file.source.edited(edits).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from keras.layers import merge, Dense\nHERE\n", "from keras.layers import Dense\nHERE\n"),
        ("from keras.layers import Dense, merge\nHERE\n", "from keras.layers import Dense\nHERE\n"),
        ("from keras.layers import Dense, merge, Input\nHERE\n", "from keras.layers import Dense, Input\nHERE\n"),
        ("import os\nfrom keras.layers import merge\nHERE\n", "import os\nHERE\n"),
        ("import os\nfrom keras.layers import (\n    merge\n)\nHERE\n", "import os\nHERE\n"),
        (
            "from keras.layers import (\n    Dense,\n    merge,\n)\nHERE\n",
            "from keras.layers import (\n    Dense,\n)\nHERE\n",
        ),
    ],
)
def test_an_import_without_use_leaves(before: str, after: str) -> None:
    assert freed(before) == after


def test_an_import_that_is_used_stays() -> None:
    text = "from keras.layers import Dense, merge\nHERE(merge, merge)\n"
    assert freed(text, keep=1) == text
    assert freed(text) == "from keras.layers import Dense\nHERE(merge, merge)\n"


def test_the_new_names_take_the_place_of_the_only_one() -> None:
    assert freed("from keras.layers import merge\nHERE\n", "concatenate", "add") == (
        "from keras.layers import concatenate, add\nHERE\n"
    )


def test_a_new_name_joins_while_the_last_one_leaves() -> None:
    assert freed("from keras.layers import Dense, merge\nHERE\n", "concatenate") == (
        "from keras.layers import Dense, concatenate\nHERE\n"
    )


def test_a_new_line_takes_the_place_of_one_that_leaves() -> None:
    assert freed("from keras.layers.core import merge\nHERE\n", "concatenate", "add") == (
        "from keras.layers import concatenate, add\nHERE\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "from keras.layers import Dense, merge\n__all__ = ['merge']\nHERE\n",
        "from keras.layers import Dense, merge\ndel merge\nHERE\n",
        "def f():\n    HERE\nif f:\n    from keras.layers import merge\n",
        "from keras.layers import (Dense,  # one\n    merge)\nHERE\n",
    ],
)
def test_an_import_that_cannot_be_taken_out_gives_none(text: str) -> None:
    assert freed(text) is None


def test_what_is_brought_says_what_it_adds() -> None:
    file = file_of("from keras.models import Model\nHERE\n")
    found = bring(file, "keras", ("layers", "add"), file.names.mentions["HERE"][0].place)
    assert isinstance(found, Brought) and found.added is not None
    assert (found.added.name, found.added.module) == ("add", "keras.layers")
    assert isinstance(found.added.statement, cst.ImportFrom)


def test_an_attribute_of_the_same_name_is_no_use_and_no_hindrance() -> None:
    text = "from keras.layers import Dense\nother.add(1)\nHERE\n"
    assert brought(text, "add") == ("add", text.replace("Dense", "Dense, add"))
    assert freed("from keras.layers import Dense, merge\nHERE(frame.merge)\n", keep=1) == (
        "from keras.layers import Dense\nHERE(frame.merge)\n"
    )
