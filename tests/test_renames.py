"""A name of Keras that has another today: the import and its uses change together, or all of it stays."""

from __future__ import annotations

import pytest

from reglint import check_source, fix_source

CALL = "x = l1l2(l1=0.1, l2=0.2)\n"
IMPORT = "from keras.regularizers import l1l2\n"


def fixed(text: str, **modules: str) -> dict[str, str]:
    """The files of a project with their safe fixes, by name; where a finding of `main` has none, it must say why."""
    sources = {f"{name}.py": source for name, source in {"main": text, **modules}.items()}
    for finding in check_source(text, filename="main.py", modules=sources):
        assert finding.fix or finding.fix_withheld
    fixes = {path: fix_source(source, filename=path, modules=sources)[0].decode() for path, source in sources.items()}
    return {path.removesuffix(".py"): source for path, source in fixes.items()}


@pytest.mark.parametrize(
    "text",
    [
        IMPORT + CALL,
        IMPORT + "def f(x):\n    return x + l1l2(l1=0.1, l2=0.2)\n",
        IMPORT + CALL + "y = x  # type: ignore[l1l2]\n",
        IMPORT + CALL + "y = x  #type:ignore[l1l2]\n",
        "from mine import *\n" + IMPORT + CALL,
        "from keras.regularizers import l1l2 as reg\nx = reg(l1=0.1, l2=0.2)\n",
        "from keras.regularizers import *\n" + CALL,
        "from keras import regularizers\nx = regularizers.l1l2(l1=0.1, l2=0.2)\n",
        "import keras as K\nx = K.regularizers.l1l2(l1=0.1, l2=0.2)\n",
    ],
)
def test_the_import_and_its_uses_get_the_new_name(text: str) -> None:
    comment = text.find("#")
    code = text[:comment] if comment >= 0 else text
    assert fixed(text)["main"] == code.replace("l1l2", "l1_l2") + text[len(code) :]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(IMPORT + CALL + "del l1l2\n", id="deleted"),
        pytest.param(IMPORT + CALL + "__all__ = ['l1l2']\n", id="exported"),
        pytest.param(IMPORT + CALL + "__all__ = []\n__all__ += ['l1l2']\n", id="exported later"),
        pytest.param(IMPORT + CALL + "l1_l2 = 1\n", id="the new name is taken"),
        pytest.param(IMPORT + CALL + "eval('l1l2(0.1)')\n", id="called in a string"),
        pytest.param(IMPORT + CALL + "y = x  # type: l1l2\n", id="a type comment"),
        pytest.param(IMPORT + CALL + "def f(x: 'l1l2'):\n    return x\n", id="a written annotation"),
        pytest.param(IMPORT + CALL + "def f(x) -> 'l1l2':\n    return x\n", id="a written result"),
        pytest.param(IMPORT + "def f(l1_l2):\n    return l1l2(l1=0.1, l2=0.2)\n", id="a parameter of the new name"),
        pytest.param(IMPORT + "from mine import *\n" + CALL, id="a star import below"),
        pytest.param(
            IMPORT + "def f():\n    from mine import *\n    return l1l2(l1=0.1, l2=0.2)\n", id="a star within"
        ),
        pytest.param(IMPORT + CALL + "def g():\n    global l1l2\n    l1l2 = None\n", id="bound elsewhere"),
        pytest.param(
            "try:\n    from keras.regularizers import l1l2\nexcept ImportError:\n    l1l2 = None\n" + CALL,
            id="bound too",
        ),
        pytest.param("l1l2 = None\ndef f():\n    return l1l2(l1=0.1)\nfrom keras.regularizers import *\n", id="a star"),
    ],
)
def test_the_name_stays_where_the_new_one_would_not_do(text: str) -> None:
    assert fixed(text, mine="from foreign import *\n")["main"] == text


@pytest.mark.parametrize(
    "text",
    [
        "from mine import l1l2\n" + CALL,
        "from mine import *\n" + CALL,
        "import mine\nx = mine.l1l2(l1=0.1, l2=0.2)\n",
        "import mine as m\nx = m.l1l2(l1=0.1, l2=0.2)\n",
    ],
)
def test_a_name_that_another_module_hands_on_changes_in_both(text: str) -> None:
    after = fixed(text, mine=IMPORT)
    assert after == {"main": text.replace("l1l2", "l1_l2"), "mine": IMPORT.replace("l1l2", "l1_l2")}


@pytest.mark.parametrize(
    "mine",
    [
        IMPORT.replace("\n", "  # noqa\n"),
        IMPORT + "l1_l2 = 1\n",
        IMPORT + "__all__ = ['l1l2']\n",
        IMPORT + "l1l2 = None\n",
        "try:\n    from keras.regularizers import l1l2\nexcept ImportError:\n    l1l2 = None\n",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["from mine import l1l2\n" + CALL, "from mine import *\n" + CALL, "import mine\nx = mine.l1l2(l1=0.1, l2=0.2)\n"],
)
def test_a_name_stays_where_the_module_that_hands_it_on_stays_as_it_is(text: str, mine: str) -> None:
    assert fixed(text, mine=mine) == {"main": text, "mine": mine}


@pytest.mark.parametrize(
    "text",
    ["from mine import l1l2\n" + CALL, "from mine import *\n" + CALL, "import mine\nx = mine.l1l2(l1=0.1, l2=0.2)\n"],
)
def test_the_new_name_of_another_keras_is_not_taken(text: str) -> None:
    mine = IMPORT + "from tensorflow.keras.regularizers import l1_l2\n"
    assert fixed(text, mine=mine) == {"main": text, "mine": mine}


@pytest.mark.parametrize(
    "text",
    ["from mine import l1l2\n" + CALL, "from mine import *\n" + CALL, "import mine\nx = mine.l1l2(l1=0.1, l2=0.2)\n"],
)
def test_nothing_is_said_of_a_name_that_a_module_defines_for_a_keras_without_it(text: str) -> None:
    mine = (
        "import keras\nif keras.__version__ < '2':\n    from keras.regularizers import l1l2\n"
        "else:\n    def l1l2(l1=0.0, l2=0.0):\n        return None\n"
    )
    assert check_source(text, filename="main.py", modules={"main.py": text, "mine.py": mine}) == []


def test_a_star_import_in_a_function_of_python_2_may_bring_the_new_name() -> None:
    text = IMPORT + "def f():\n    from mine import *\n    print l1l2(l1=0.1, l2=0.2)\n"
    assert fixed(text, mine="l1_l2 = 1\n")["main"] == text
