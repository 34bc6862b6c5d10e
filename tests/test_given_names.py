"""A name that other files may take is no safe rename while the old one works: the others may not be mended."""

from __future__ import annotations

import pytest

import reglint
from reglint.settings import Settings

MINE = "from keras.layers import {}\n\n\ndef block(n):\n    return {}(n, (3, 3))\n"
IMPORTED = "from mine import {}, block\n\nlayer = {}(8, (3, 3))\n"
STARRED = "from mine import *\n\nlayer = {}(8, (3, 3))\n"
READ = "import mine\n\nlayer = mine.{}(8, (3, 3))\n"
BESIDE = "from keras.layers import {}\nfrom mine import block\n\nlayer = {}(8, (3, 3))\n"


def fixes(text: str, filename: str, modules: dict[str, str], keras: str) -> set[str]:
    """How safe the fixes of a file are."""
    found = reglint.check_source(
        text,
        filename=filename,
        settings=Settings.from_mapping({"keras-version": keras, "select": ["REG113"]}),
        modules=modules,
    )
    assert found
    return {finding.fix.applicability.value if finding.fix else "none" for finding in found}


def written(pattern: str, name: str) -> str:
    return pattern.format(*[name] * pattern.count("{}"))


@pytest.mark.parametrize("keras", ["keras==2.2.4", "keras==3.15.1", "keras>=2"])
@pytest.mark.parametrize("other", [IMPORTED, STARRED, READ])
def test_neither_file_is_mended_alone_while_the_old_name_works(other: str, keras: str) -> None:
    mine, main = written(MINE, "Convolution2D"), written(other, "Convolution2D")
    modules = {"mine.py": mine, "main.py": main}
    assert fixes(mine, "mine.py", modules, keras) == {"unsafe"}
    assert fixes(main, "main.py", modules, keras) == {"unsafe"}


def test_the_message_says_what_else_has_to_be_mended() -> None:
    modules = {"mine.py": written(MINE, "Convolution2D"), "main.py": written(IMPORTED, "Convolution2D")}
    settings = Settings.from_mapping({"keras-version": "keras==2.2.4"})
    said = {
        path: {
            finding.message for finding in reglint.check_source(text, filename=path, settings=settings, modules=modules)
        }
        for path, text in modules.items()
    }
    assert said["mine.py"] == {
        "`Convolution2D` is an old name of `Conv2D` (another file may take `Convolution2D` from here)"
    }
    assert said["main.py"] == {
        "`Convolution2D` is an old name of `Conv2D` (only together with the file that `Convolution2D` comes from)"
    }


def test_a_name_that_works_nowhere_is_mended_in_each_file() -> None:
    mine, main = written(MINE, "AtrousConvolution2D"), written(IMPORTED, "AtrousConvolution2D")
    modules = {"mine.py": mine, "main.py": main}
    assert fixes(mine, "mine.py", modules, "keras==3.15.1") == {"safe"}
    assert fixes(main, "main.py", modules, "keras==3.15.1") == {"safe"}


def test_a_file_that_only_imports_the_same_name_from_keras_is_not_in_the_way() -> None:
    mine, main = written(MINE, "Convolution2D"), written(BESIDE, "Convolution2D")
    modules = {"mine.py": mine, "main.py": main}
    assert fixes(mine, "mine.py", modules, "keras==2.2.4") == {"safe"}
    assert fixes(main, "main.py", modules, "keras==2.2.4") == {"safe"}


def test_an_import_that_another_file_takes_stays_beside_its_successor() -> None:
    mine = "from keras.layers import Dense, merge\n\nboth = merge([a, b], mode='concat')\n"
    settings = Settings.from_mapping({"keras-version": "keras>=2.0"})
    for main, left in (
        ("from mine import merge\n", "Dense, merge, concatenate"),
        ("import mine\n", "Dense, concatenate"),
    ):
        modules = {"mine.py": mine, "main.py": main}
        raw, _ = reglint.fix_source(mine, filename="mine.py", settings=settings, modules=modules)
        assert raw.decode() == f"from keras.layers import {left}\n\nboth = concatenate([a, b])\n"
