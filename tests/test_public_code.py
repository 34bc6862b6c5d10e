"""Patterns met in public code, each reduced to the lines that matter."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reglint import check_source, fix_source
from reglint.settings import Selection, Settings

SHIM = """\
from keras import __version__ as installed
modern = {flag}
if {old}:
    from keras.layers import Convolution2D
else:
    from keras.layers import Conv2D

    def Convolution2D(filters, rows, columns, W_regularizer=None):
        return Conv2D(filters, (rows, columns), kernel_regularizer=W_regularizer)
"""
USE = "Convolution2D(8, 3, 3, W_regularizer='l2')\n"


def fixes_in(text: str, modules: Mapping[str, str] | None = None, select: str = "ALL") -> list[str]:
    """How each finding in ``text`` would be mended: safe, unsafe or not at all."""
    settings = Settings(selections=(Selection(select=(select,)),))
    found = check_source(text, filename="main.py", modules=modules or {}, settings=settings)
    return [finding.fix.applicability.value if finding.fix else "none" for finding in found]


@pytest.mark.parametrize(
    ("flag", "old"),
    [
        ("True if installed[0] == '2' else False", "not modern"),
        ("False if installed[0] == '1' else True", "not modern"),
        ("int(installed[0]) >= 2", "not modern"),
        ("False if installed.startswith('2') else True", "modern"),
    ],
)
def test_a_layer_that_is_keras_own_only_on_keras_1_keeps_its_old_argument(flag: str, old: str) -> None:
    assert fixes_in(SHIM.format(flag=flag, old=old) + USE) == []


def test_a_layer_that_is_keras_own_only_on_keras_1_keeps_its_old_argument_in_the_modules_that_import_it() -> None:
    shim = SHIM.format(flag="True if installed[0] == '2' else False", old="not modern")
    for line in ("from compat import Convolution2D\n", "from compat import *\n"):
        assert fixes_in(line + USE, {"compat.py": shim}) == []
    assert fixes_in("import compat\ncompat." + USE, {"compat.py": shim}) == []


def test_a_layer_that_is_keras_own_only_on_keras_2_is_no_shim() -> None:
    shim = SHIM.format(flag="True if installed[0] == '2' else False", old="modern")
    assert fixes_in(shim + USE, select="REG101") == ["none"]
    # Keras 2 has the old name of the class, in the import and in the call, and nothing can be put in its place
    assert fixes_in(shim + USE, select="REG113") == ["none", "none"]


def test_a_flag_that_only_chooses_a_value_says_nothing_about_versions() -> None:
    text = "from keras.layers import Dense\nsize = 3 if keras_2 else 4\nif size:\n    Dense(size, W_regularizer='l2')\n"
    assert fixes_in(text) == ["safe"]


def test_a_name_that_may_be_the_projects_own_taker_of_the_old_argument_is_found_but_never_fixed() -> None:
    text = "import os\nfrom keras.layers import Dense\nif os.environ.get('MINE'):\n    from mine import Dense\n"
    own = "def Dense(units, W_regularizer=None):\n    return units, W_regularizer\n"
    assert fixes_in(text + "Dense(3, W_regularizer='l2')\n", {"mine.py": own}) == ["none"]


@pytest.mark.parametrize("default", ["kw.setdefault('W_regularizer', 'l1')", "kw['W_regularizer'] = 'l1'"])
def test_a_keyword_is_not_safely_renamed_where_the_function_that_receives_it_sets_the_same_key(default: str) -> None:
    body = f"    {default}\n    return Dense(*args, **kw)\n"
    layers = f"from keras.layers import Dense\n\ndef dense(*args, **kw):\n{body}"
    call = "dense(3, W_regularizer='l2')\n"
    assert fixes_in(f"from layers import dense\n{call}", {"layers.py": layers}) == ["unsafe"]
    assert fixes_in(layers + call) == ["unsafe", "unsafe"]


def test_names_imported_twice_in_changing_order_are_mended_without_end_to_it() -> None:
    text = (
        "from keras.regularizers import activity_l2, activity_l2\n"
        "from keras.regularizers import l1l2, activity_l1l2\n"
        "from keras.regularizers import activity_l1l2, l1l2\n"
        "penalties = [activity_l2(0.1), l1l2(0.1, 0.2), activity_l1l2(0.1, 0.2)]\n"
    )
    fixed, left = fix_source(text, filename="example.py", modules={})
    assert b"penalties = [l2(0.1), l1_l2(0.1, 0.2), l1_l2(0.1, 0.2)]\n" in fixed
    assert not left


@pytest.mark.parametrize(
    "text",
    [
        "if is_keras2():\n    hidden = Dense(4, kernel_regularizer='l2')\nelse:\n"
        "    hidden = Dense(4, W_regularizer='l2')\n",
        "from compat import KERAS_MAJOR\nif KERAS_MAJOR < 2:\n    hidden = Dense(4, W_regularizer='l2')\n",
        "def dense():\n    try:\n        return Dense(4, kernel_regularizer='l2')\n"
        "    except TypeError:\n        pass\n"
        "    return Dense(4, W_regularizer='l2')\n",
        "try:\n    from keras.layers import Conv2D\nexcept ImportError:\n    from keras.layers import Convolution2D\n"
        "    hidden = Convolution2D(4, 3, 3, W_regularizer='l2')\n",
        "with pytest.raises(TypeError):\n    Dense(4, weight_regularizer='l2')\n",
    ],
)
def test_a_call_that_is_meant_for_an_old_keras_or_to_fail_is_left_alone(text: str) -> None:
    assert not check_source("from keras.layers import Dense\n" + text, filename="example.py", modules={})


def test_a_dict_that_is_updated_with_the_new_key_is_not_renamed() -> None:
    text = (
        "from keras.layers import Dense\noptions = {'W_regularizer': 'l2'}\n"
        "options.update({'kernel_regularizer': 'l1'})\nDense(4, **options)\n"
    )
    (finding,) = check_source(text, filename="example.py", modules={})
    assert finding.fix is None


def test_keys_of_another_functions_dict_withhold_nothing() -> None:
    text = (
        "from keras.layers import Dense\n"
        "def one(**kwargs):\n    kwargs['kernel_regularizer'] = 'l2'\n    return Dense(**kwargs)\n"
        "def two(**kwargs):\n    return Dense(4, W_regularizer=1, **kwargs)\n"
    )
    (finding,) = check_source(text, filename="example.py", modules={})
    assert finding.fix is not None


def test_a_regularizer_reached_through_a_module_of_the_project_changes_with_that_module() -> None:
    modules = {"parts.py": "from keras.regularizers import l1l2\n"}
    text = "import parts\npenalty = parts.l1l2(0.1, 0.2)\n"
    assert (
        fix_source(text, filename="main.py", modules=modules)[0] == b"import parts\npenalty = parts.l1_l2(0.1, 0.2)\n"
    )


def test_a_regularizer_that_its_module_keeps_on_purpose_is_not_renamed_where_it_is_imported() -> None:
    modules = {"parts.py": "from keras.regularizers import l1l2  # noqa\n"}
    text = "from parts import l1l2\npenalty = l1l2(0.1, 0.2)\n"
    assert fix_source(text, filename="main.py", modules=modules)[0] == text.encode()


def test_a_deleted_import_is_not_renamed() -> None:
    text = "from keras.regularizers import activity_l2\npenalty = activity_l2(0.1)\ndel activity_l2\n"
    assert fix_source(text, filename="main.py", modules={})[0] == text.encode()


def test_a_wrapper_that_translates_old_names_in_a_loop_may_be_called_with_them() -> None:
    text = (
        "from keras.layers import Dense\n"
        "def dense(units, **options):\n"
        "    for old, new in [('W_regularizer', 'kernel_regularizer')]:\n"
        "        if old in options:\n"
        "            options[new] = options.pop(old)\n"
        "    return Dense(units, **options)\n"
        "hidden = dense(4, W_regularizer='l2')\n"
    )
    assert not check_source(text, filename="example.py", modules={})


@pytest.mark.parametrize(
    "text",
    [
        "import keras\nkeras2 = keras.__version__[0] == '2'\n"
        "hidden = keras2 and Dense(4, kernel_regularizer='l2') or Dense(4, W_regularizer='l2')\n",
        "import keras\ndef is_old():\n    return int(keras.__version__.split('.')[0]) < 2\n"
        "hidden = Dense(4, W_regularizer='l2') if is_old() else Dense(4, kernel_regularizer='l2')\n",
        "from pkg_resources import get_distribution, parse_version\n"
        "if parse_version(get_distribution('keras').version) < parse_version('2'):\n"
        "    hidden = Dense(4, W_regularizer='l2')\n",
    ],
)
def test_a_version_is_told_by_a_function_an_operand_or_the_installed_distribution(text: str) -> None:
    assert not check_source("from keras.layers import Dense\n" + text, filename="example.py", modules={})


@pytest.mark.parametrize(
    "text",
    [
        "options = {'W_regularizer': 'l2'}\nDense(4, **options)\nassert options == {'W_regularizer': 'l2'}\n",
        "more = {'kernel_regularizer': 'l2'}\noptions = {'W_regularizer': 'l2'}\n"
        "options.update(more)\nDense(4, **options)\n",
    ],
)
def test_a_dict_that_is_compared_or_updated_with_the_new_key_by_name_is_not_renamed(text: str) -> None:
    text = "from keras.layers import Dense\n" + text
    assert fix_source(text, filename="example.py", modules={})[0] == text.encode()


def test_an_import_that_a_string_calls_is_kept() -> None:
    text = "from keras.regularizers import activity_l2, l2\npenalty = eval('activity_l2(0.1)')\n"
    assert fix_source(text, filename="example.py", modules={})[0] == text.encode()
