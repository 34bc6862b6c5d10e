"""Pins of conda's environment.yml."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from reglint.pins.environment_yml import read
from reglint.pins.pin import Pin, Unread
from reglint.project import MemoryFiles

PATH = "environment.yml"


def found(text: str | bytes, **others: str) -> list[Pin | Unread]:
    return list(
        read(PATH, MemoryFiles({PATH: text, **{name.replace("__", "."): body for name, body in others.items()}}))
    )


def of_conda(spec: str) -> list[Pin | Unread]:
    quoted = "'" + spec.replace("'", "''") + "'"
    return found(f"name: net\ndependencies:\n  - python=3.6\n  - {quoted}\n")


def specifiers(spec: str) -> list[str]:
    pins = of_conda(spec)
    assert all(isinstance(pin, Pin) for pin in pins)
    return [pin.specifier for pin in pins if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    ("spec", "specifier"),
    [
        ("keras", ""),
        ("keras=2.2.4", "==2.2.4.*"),
        ("keras=2.2", "==2.2.*"),
        ("keras = 2.2", "==2.2.*"),
        ("keras=2.2.*", "==2.2.*"),
        ("keras==2.2.4", "==2.2.4"),
        ("keras 2.2.4", "==2.2.4"),
        ("keras 2.2.*", "==2.2.*"),
        ("keras 2.2*", "==2.2.*"),
        ("keras=*", ""),
        ("keras *", ""),
        ("keras=2.2.4=py36_0", "==2.2.4"),
        ("keras=2.2.4=0", "==2.2.4"),
        ("keras==2.2.4=py36_0", "==2.2.4"),
        ("keras 2.2.4 py36_0", "==2.2.4"),
        ("keras 2.2.* py36*", "==2.2.*"),
        ("keras>=2.2", ">=2.2"),
        ("keras >= 2.2", ">=2.2"),
        ("keras>=2.*", ">=2"),
        ("keras!=2.3.*", "!=2.3.*"),
        ("keras~=2.2.0", "~=2.2.0"),
        ("conda-forge::keras=2.2", "==2.2.*"),
        ("conda-forge/linux-64::keras=2.2", "==2.2.*"),
        ("keras[version='2.2.4']", "==2.2.4"),
        ('keras[build=py36_0, version="2.2.*"]', "==2.2.*"),
        ("keras[build=py36_0]", ""),
        ("keras=2.0.0rc1", "==2.0.0rc1"),
        ("tensorflow=2.1.0=gpu_py37h7a4bb67_0", "==2.1.0"),
    ],
)
def test_condas_bounds_become_those_of_pep_440(spec: str, specifier: str) -> None:
    assert specifiers(spec) == [specifier]


@pytest.mark.parametrize("spec", ["keras>=2,<3", "keras >=2, <3", "keras[version='>=2,<3']", "keras (>=2,<3)"])
def test_several_bounds_all_hold(spec: str) -> None:
    assert [SpecifierSet(specifier) for specifier in specifiers(spec)] == [SpecifierSet(">=2,<3")]


def test_a_single_equals_sign_admits_the_release_itself_and_what_follows_it() -> None:
    (specifier,) = specifiers("keras=2.2.4")

    assert [
        version for version in ("2.2.4", "2.2.4.post1", "2.2.5", "2.2.40") if version in SpecifierSet(specifier)
    ] == [
        "2.2.4",
        "2.2.4.post1",
    ]


@pytest.mark.parametrize(
    ("spec", "alternatives"),
    [
        ("tensorflow-gpu=1.15|1.14", ["==1.15.*", "==1.14"]),
        ("tensorflow 1.14.*|1.15.*", ["==1.14.*", "==1.15.*"]),
        ("keras 2.2.4|(>=2.3,!=2.4)", ["==2.2.4", "!=2.4,>=2.3"]),
    ],
)
def test_alternatives_give_a_pin_each(spec: str, alternatives: list[str]) -> None:
    assert [SpecifierSet(s) for s in specifiers(spec)] == [SpecifierSet(s) for s in alternatives]


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("Keras", "keras"),
        ("keras-gpu", "keras"),
        ("keras-base", "keras"),
        ("tensorflow-gpu", "tensorflow"),
        ("tensorflow-base", "tensorflow"),
        ("tensorflow-mkl", "tensorflow"),
        ("tensorflow-eigen", "tensorflow"),
        ("tensorflow-cpu", "tensorflow"),
        ("tf-keras", "tf-keras"),
        ("tf_keras", "tf-keras"),
    ],
)
def test_condas_names_of_a_package_mean_it(name: str, package: str) -> None:
    (pin,) = of_conda(f"{name}=2.2")

    assert isinstance(pin, Pin) and pin.package == package


@pytest.mark.parametrize("name", ["r-keras", "keras-preprocessing", "keras-applications", "tensorflow-estimator"])
def test_other_packages_are_no_pins(name: str) -> None:
    assert of_conda(f"{name}=2.2 ??") == []


def test_a_pin_carries_its_line_and_its_text() -> None:
    text = "# keras\nname: net\ndependencies:\n- python\n\n- conda-forge::keras=2.2.4  # [linux]\n"

    assert found(text) == [Pin("keras", "==2.2.4.*", PATH, 6, "conda-forge::keras=2.2.4")]


@pytest.mark.parametrize(
    "spec", ["keras={{ version }}", "keras=$KERAS", "keras>=", "keras~=2", "keras 2.2 <3", "keras ^2.*$"]
)
def test_bounds_that_cannot_be_understood_are_reported_on_their_line(spec: str) -> None:
    (unread,) = of_conda(spec)

    assert isinstance(unread, Unread) and unread.line == 4 and spec in unread.message


# -------------------------------------------------------------------------------------------------------- pip's section


def test_the_pip_section_holds_requirements() -> None:
    text = (
        "dependencies:\n  - pip:\n    - numpy\n\n    - keras==2.2.4; python_version < '3.8'\n    - 'tf_keras>=2.16'\n"
    )

    assert [(pin.package, pin.specifier, pin.line) for pin in found(text) if isinstance(pin, Pin)] == [
        ("keras", "==2.2.4", 5),
        ("tf-keras", ">=2.16", 6),
    ]


def test_the_pip_section_may_be_written_on_one_line() -> None:
    pins = found("dependencies: [python, pip: ['keras==2.2.4', tensorflow-gpu==1.15], 'keras>=2']\n")

    assert [(pin.package, pin.specifier, pin.line) for pin in pins if isinstance(pin, Pin)] == [
        ("keras", "==2.2.4", 1),
        ("tensorflow", "==1.15", 1),
        ("keras", ">=2", 1),
    ]


def test_the_pip_section_may_include_a_file_of_requirements() -> None:
    text = "name: keras-net\ndependencies:\n  - pip:\n    - -r requirements.txt\n"

    assert found(text, requirements__txt="\n\nkeras==2.2.4\n") == [
        Pin("keras", "==2.2.4", "requirements.txt", 3, "keras==2.2.4")
    ]


def test_a_file_is_included_even_where_the_environment_names_no_keras() -> None:
    text = "dependencies:\n  - pip:\n    - -r reqs.txt\n"

    assert [pin.line for pin in found(text, reqs__txt="keras\n")] == [1]


# ------------------------------------------------------------------------------------------ files that are not conda's


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  keras:\n    image: tensorflow/serving:2.1\n",
        "KERAS_BACKEND: tensorflow\n",
        "- keras\n- tensorflow\n",
        "keras",
        "",
        "dependencies:\n  keras: 2.2.4\n",
        "dependencies: keras\n",
        "--- \na: keras\n---\nb: tensorflow\n",
    ],
)
def test_a_file_without_condas_dependencies_says_nothing(text: str) -> None:
    assert found(text) == []


def test_a_template_that_names_a_keras_is_reported_once() -> None:
    text = "dependencies:\n  - python\n{% if gpu %}\n  - keras=2.2\n  - tensorflow\n{% endif %}\n"

    (unread,) = found(text)

    assert isinstance(unread, Unread) and unread.line == 3 and "YAML" in unread.message


def test_a_broken_file_without_a_keras_is_nobodys_business() -> None:
    assert found("dependencies:\n  - pytf\n{% if gpu %}\n  - keras-tuner=1\n") == []


def test_what_a_windows_shell_wrote_is_read() -> None:
    assert [pin.line for pin in found("dependencies:\r\n  - keras=2.2\r\n".encode("utf-16"))] == [2]


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_a_bottomless_file_does_not_end_the_process(opening: str) -> None:
    (unread,) = found("dependencies:\n  - keras\nx: \n " + opening * 50_000)

    assert isinstance(unread, Unread)


@given(st.binary() | st.text().map(lambda text: text.encode(errors="replace")))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    for item in found(b"dependencies:\n  - keras=2\n  - " + raw):
        assert item.line >= 1


@given(st.text(alphabet="keras=<>!~*|,.()[]'\" 0123456789ab:{}", max_size=40))
def test_no_specification_makes_the_reader_raise(spec: str) -> None:
    for item in of_conda("keras" + spec):
        assert isinstance(item, Unread) or SpecifierSet(item.specifier) is not None
