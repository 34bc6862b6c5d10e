"""What models and optimizers are called with today: the tables against what was measured, and the finer points."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings
from reglint.versions import contains

MEASURED = Path(__file__).parent / "oracle" / "model_calls"
TABLES = {
    "model_arguments": "callables",
    "optimizers": "optimizers",
    "optimizer_attributes": "attributes",
    "required_arguments": "layers",
}
PROOFS = ("equal-config", "equal-run", "reported-only")
# Fails for another reason than the spelling: the class is gone, or this release wants its data in another form.
ELSEWHERE = re.compile(
    r"ImportError|ModuleNotFoundError|'Flow' object|'generator' object|no attribute 'schedules'|`shuffle`"
)


def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every row of the tables, by the name that the measurements use."""
    for table, key in TABLES.items():
        for name, known in facts(table)[key].items():
            if "today" in known:
                yield f"{table} {name}", known["today"]
            for argument, row in known.get("arguments", {}).items():
                yield f"{table} {name} {argument}", row


ROWS = dict(rows())


# Keras 1 is what the old spellings are right in.
RELEASES = sorted(path.stem for path in MEASURED.glob("*.json") if not path.stem.startswith("keras-1."))


def measured(release: str) -> Mapping[str, Any]:
    """Row -> what was found in a release."""
    found: Mapping[str, Any] = json.loads((MEASURED / f"{release}.json").read_text(encoding="utf-8"))["rows"]
    return found


def is_in(row: Mapping[str, Any], key: str, package: str, version: str) -> bool:
    return package in row.get(key, {}) and contains(row[key][package], version)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_names_its_proof_and_what_a_row_without_one_lacks(name: str) -> None:
    row = ROWS[name]
    assert row["proof"] in PROOFS
    assert row["proof"] != "reported-only" or row["why"]
    assert "to" in row or "value" in row or row["instead"]
    assert {"old", "new", "result"} == set(row["pair"])


def test_every_row_was_measured_on_keras_2_and_3_and_on_tensorflow() -> None:
    for release in ("keras-2.2.4", "keras-2.3.1", "keras-3.15.1", "tensorflow-2.10.1", "tf-keras-2.21.0"):
        assert measured(release).keys() == ROWS.keys()


@pytest.mark.parametrize("release", RELEASES)
def test_the_old_spelling_fails_just_where_the_table_says(release: str) -> None:
    assert [name for name, found in measured(release).items() if not is_told(release, name, found)] == []


def is_told(release: str, name: str, found: Mapping[str, Any]) -> bool:
    """Does the table say what the old spelling does in a release?"""
    package, _, version = release.rpartition("-")
    row, old, new = ROWS[name], found["old"], found["new"]
    if ELSEWHERE.search(old.get("error", "")):
        return True
    does_it = "value" in old and (old == new or "value" not in new or "to_yaml" in name)
    if is_in(row, "converts", package, version):
        return does_it
    if is_in(row, "ignores", package, version):
        return "value" in old and old != new
    if is_in(row, "fails", package, version):
        return not does_it or "silent" in row
    return does_it or "drop" in row  # a generator was never data for `fit` there, nor None an epsilon everywhere


@pytest.mark.parametrize("release", RELEASES)
def test_the_new_spelling_holds_just_where_the_table_says(release: str) -> None:
    package, _, version = release.rpartition("-")
    wrong = [
        name
        for name, found in measured(release).items()
        if "to" in ROWS[name] and not ELSEWHERE.search(found["new"].get("error", ""))
        if ("value" in found["new"]) != is_in(ROWS[name], "holds", package, version)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "across" in row])
def test_what_no_release_has_by_both_names_did_by_the_old_one_what_the_new_one_does(name: str) -> None:
    before, after = ROWS[name]["across"]
    assert measured(before)[name]["old"]["value"] == measured(after)[name]["new"]["value"]


SCHEDULED = [name for name, row in ROWS.items() if "default" in row]


@pytest.mark.parametrize("release", RELEASES)
def test_a_schedule_is_there_just_where_the_table_says_and_equals_a_decay_that_is_heeded(release: str) -> None:
    package, _, version = release.rpartition("-")
    schedule = facts("optimizers")["schedule"]
    for name in SCHEDULED:
        found = measured(release)[name]
        assert ("value" in found["new"]) == is_in(schedule, "offered", package, version), name
        if "value" in found["new"] and not is_in(ROWS[name], "fails", package, version):
            assert found["old"] == found["new"], name


@pytest.mark.parametrize("today", ["keras-3.0.0", "keras-3.15.1", "tensorflow-2.15.1", "tf-keras-2.21.0"])
def test_a_schedule_today_trains_to_the_weights_that_a_decay_gave_in_keras_2(today: str) -> None:
    others = [
        name
        for name in SCHEDULED
        if measured("keras-2.2.4")[name]["old"]["value"] != measured(today)[name]["new"]["value"]
    ]
    assert others == ["optimizers Adagrad decay"]  # which is another without a decay, too:
    plain = "optimizers Adagrad lr"
    assert measured("keras-2.2.4")[plain]["old"] != measured(today)[plain]["new"]


@pytest.mark.parametrize("code", ["REG115", "REG119"])
def test_the_card_shows_every_argument_of_its_table(code: str) -> None:
    card = load_cards()[code]
    shown: set[tuple[str, str]] = set()
    methods: set[str] = set()
    for line in card.sections["Why is this bad"].splitlines():
        cells = [re.findall(r"`(\w+)`", cell) for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0]:
            first, second = (cells[0], cells[1]) if code == "REG115" else (cells[1], cells[0])
            shown |= {(callee, old) for callee in first for old in second}
        elif line.startswith("|") and cells[0]:
            methods |= set(cells[0])
    known = facts(card.facts or "")[TABLES[card.facts or ""]]
    assert shown == {(name, old) for name, one in known.items() for old in one.get("arguments", {})}
    assert methods == {name for name, one in known.items() if "today" in one}


# ------------------------------------------------------------------------------------------------------ finer points

MODEL = "from keras.models import Sequential\nmodel = Sequential()\n"
IMAGES = "from keras.preprocessing.image import ImageDataGenerator\nimages = ImageDataGenerator()\n"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without manifests."""
    monkeypatch.chdir(tmp_path)


def settings(code: str, unsafe_fixes: bool = False, **judged: str) -> Settings:
    return Settings(selections=(Selection(select=(code,)),), unsafe_fixes=unsafe_fixes, **judged)  # type: ignore[arg-type]


def found_in(code: str, source: str, **judged: str) -> list[Finding]:
    return sorted(check_source(source, settings=settings(code, **judged)), key=lambda finding: finding.start)


def mended(code: str, source: str, *, unsafe: bool = False, **judged: str) -> str:
    return fix_source(source, settings=settings(code, unsafe, **judged))[0].decode()


def test_a_number_of_samples_by_position_is_not_taken_for_one_of_batches() -> None:
    source = MODEL + "model.fit_generator(batches(), 2000, nb_epoch=3)\n"
    assert mended("REG115", source, unsafe=True, target="keras==3.15.1") == source
    assert len(found_in("REG115", source, target="keras==3.15.1")) == 2


def test_keras_2_takes_it_for_one_of_batches_so_that_only_the_name_changes_there() -> None:
    source = MODEL + "model.fit_generator(batches(), 2000, nb_epoch=3)\n"
    assert mended("REG115", source, keras_version="2.2.4") == source.replace("nb_epoch", "epochs")


def test_a_batch_size_that_is_bound_again_is_not_used() -> None:
    source = MODEL + IMAGES + "size = 32\nflow = images.flow(x, y, batch_size=size)\nsize = 64\n"
    call = "model.fit_generator(flow, samples_per_epoch=2000, epochs=1)\n"
    assert mended("REG115", source + call, unsafe=True, keras_version="2.2.4") == source + call


def test_samples_of_validation_are_divided_by_the_batch_size_of_validation() -> None:
    source = (
        MODEL
        + IMAGES
        + (
            "model.fit_generator(images.flow(x, y, batch_size=20), samples_per_epoch=2000, epochs=1,\n"
            "                    validation_data=images.flow(v, w, batch_size=50), nb_val_samples=500)\n"
        )
    )
    fixed = mended("REG115", source, target="keras==3.15.1")
    assert "steps_per_epoch=2000 // 20" in fixed
    assert "validation_steps=500 // 50" in fixed


def test_a_keyword_left_behind_by_a_renamed_method_is_still_found() -> None:
    source = MODEL + "model.fit(batches(), samples_per_epoch=2000, epochs=1)\n"
    assert [finding.fix for finding in found_in("REG115", source, target="keras==3.15.1")] == [None]


def test_a_comment_is_not_taken_out_with_an_argument() -> None:
    source = MODEL + "model.fit(batches(), steps_per_epoch=2,  # all\n          workers=1)\n"
    assert "# all" in mended("REG115", source, unsafe=True, target="keras==3.15.1")


def test_old_and_new_side_by_side_stay_as_they_are() -> None:
    source = MODEL + "model.fit(x, y, nb_epoch=3, epochs=3)\n"
    assert mended("REG115", source, unsafe=True) == source


def test_a_method_of_the_file_itself_is_none_of_keras() -> None:
    own = "import keras\nclass Own:\n    def fit(self, x, nb_epoch): pass\ndef run(own): own.fit(1, nb_epoch=2)\n"
    assert found_in("REG115", own) == []


def test_the_arm_for_an_old_keras_stays() -> None:
    source = MODEL + ("try:\n    model.fit(x, y, epochs=3)\nexcept TypeError:\n    model.fit(x, y, nb_epoch=3)\n")
    assert found_in("REG115", source) == []


def test_fit_takes_no_generator_before_2_2_5() -> None:
    source = MODEL + "model.fit_generator(batches(), steps_per_epoch=2, epochs=3)\n"
    assert mended("REG115", source, keras_version=">=2.2,<4") == source
    assert "model.fit(batches()" in mended("REG115", source, keras_version=">=2.3,<4")


def test_a_model_that_a_function_returns_is_known() -> None:
    source = "from keras.models import Sequential\ndef build():\n    return Sequential()\nbuild().fit(x, nb_epoch=2)\n"
    assert [finding.severity.value for finding in found_in("REG115", source)] == ["error"]


def test_a_function_of_the_same_name_that_is_none_of_keras_is_left_alone() -> None:
    source = "import keras\nimport numpy as np\nfrom mine import to_categorical\n"
    assert found_in("REG115", source + "np.expand_dims(x, dim=0), to_categorical(y, nb_classes=3)\n") == []


def test_a_dim_ordering_that_cannot_be_seen_stays() -> None:
    source = "from keras.preprocessing.image import img_to_array\nimg_to_array(image, dim_ordering=order)\n"
    assert mended("REG115", source, unsafe=True) == source
    assert len(found_in("REG115", source)) == 1


def test_a_guard_around_the_number_of_classes_is_known() -> None:
    source = (
        "from keras.utils import to_categorical\ntry:\n    to_categorical(y, num_classes=3)\n"
        "except TypeError:\n    to_categorical(y, nb_classes=3)\n"
    )
    assert found_in("REG115", source) == []


def test_an_epsilon_is_only_spoken_of_where_it_is_ignored() -> None:
    source = "from keras.callbacks import ReduceLROnPlateau\nReduceLROnPlateau(epsilon=0.1)\n"
    assert found_in("REG115", source, keras_version="2.2.4") == []
    (finding,) = found_in("REG115", source, keras_version="3.15.1")
    assert "ignores `epsilon` and takes 0.0001" in finding.message
    assert mended("REG115", source, keras_version=">=2,<4") == source
    assert "min_delta=0.1" in mended("REG115", source, keras_version=">=2.2,<4")


def test_an_optimizer_is_only_judged_where_a_target_is_stated() -> None:
    source = "from keras.optimizers import Adam\nAdam(lr=0.1)\n"
    assert found_in("REG119", source, keras_version="3.15.1") == []
    assert len(found_in("REG119", source, target="keras==3.15.1")) == 1


def test_a_target_that_also_allows_releases_without_the_new_name_gets_no_safe_fix() -> None:
    source = "from keras.optimizers import Adam\nAdam(lr=0.1)\n"
    assert mended("REG119", source, target="keras>=2.2,<4") == source
    assert "learning_rate" in mended("REG119", source, unsafe=True, target="keras>=2.2,<4")


def test_an_ignored_argument_is_said_to_be_ignored() -> None:
    source = "import tensorflow as tf\ntf.keras.optimizers.Adam(lr=0.1)\n"
    (finding,) = found_in("REG119", source, target="tensorflow==2.15")
    assert "ignores `lr`" in finding.message


SGD = "from keras.optimizers import SGD, Adagrad\n"
INVERSE = "from keras.optimizers.schedules import InverseTimeDecay\n"


@pytest.mark.parametrize(
    ("call", "fixed"),
    [
        ("SGD(lr=a.lr, decay=a.decay)", "SGD(learning_rate=InverseTimeDecay(a.lr, 1, a.decay))"),
        ("SGD(decay=1e-6, lr=0.1)", "SGD(learning_rate=InverseTimeDecay(0.1, 1, 1e-6))"),
        ("SGD(learning_rate=0.1, decay=d)", "SGD(learning_rate=InverseTimeDecay(0.1, 1, d))"),
        ("SGD(0.1, 0.9, d, True, clipnorm=1.0)", None),
        ("SGD(0.1, 0.9, decay=d)", "SGD(InverseTimeDecay(0.1, 1, d), 0.9)"),
        ("SGD(decay=d)", "SGD(learning_rate=InverseTimeDecay(0.01, 1, d))"),
        ("SGD(lr=0.1, decay=float(d))", "SGD(learning_rate=InverseTimeDecay(0.1, 1, float(d)))"),
    ],
)
def test_a_decay_and_the_learning_rate_of_its_call_become_a_schedule(call: str, fixed: str | None) -> None:
    source = f"{SGD}made = {call}\n"
    wanted = source if fixed is None else f"{SGD}{INVERSE}made = {fixed}\n"
    assert mended("REG119", source, target="keras==3.15.1") == wanted


@pytest.mark.parametrize(
    "call",
    [
        "SGD(**more, decay=d)",
        "SGD(*more, decay=d)",
        "SGD(learning_rate=0.2, lr=0.1, decay=d)",
        "SGD(0.2, lr=0.1, decay=d)",
        "SGD(lr=made(), decay=d)",
        "SGD(lr=0.1, momentum=m(), decay=d())",
    ],
)
def test_a_decay_whose_learning_rate_is_not_known_for_sure_is_only_reported(call: str) -> None:
    found = found_in("REG119", f"{SGD}made = {call}\n", target="keras==3.15.1")
    assert [finding.fix for finding in found if "`decay` in" in finding.message] == [None]


@pytest.mark.parametrize(
    "rest",
    [
        "from keras.callbacks import LearningRateScheduler\n",
        "made.lr = 0.2\n",
        "made.learning_rate.assign(0.2)\n",
        "from keras import backend as K\nK.set_value(made.lr, 0.2)\n",
    ],
)
def test_a_schedule_is_unsafe_where_the_learning_rate_is_set(rest: str) -> None:
    source = f"{SGD}made = SGD(lr=0.1, decay=d)\n{rest}"
    assert mended("REG119", source, target="keras==3.15.1") == source
    assert "InverseTimeDecay(0.1, 1, d)" in mended("REG119", source, unsafe=True, target="keras==3.15.1")


def test_an_optimizer_that_had_another_learning_rate_keeps_it_by_an_unsafe_fix() -> None:
    source = f"{SGD}made = Adagrad(decay=d)\n"
    assert mended("REG119", source, target="keras==3.15.1") == source
    assert "InverseTimeDecay(0.01, 1, d)" in mended("REG119", source, unsafe=True, target="keras==3.15.1")
    in_tensorflow = source.replace("keras", "tensorflow.keras")
    assert mended("REG119", in_tensorflow, unsafe=True, target="tensorflow==2.15") == in_tensorflow


def test_a_target_that_also_allows_releases_without_schedules_gets_no_safe_one() -> None:
    source = f"{SGD}made = SGD(0.1, decay=d)\n"
    assert mended("REG119", source, target="keras>=2.2,<4") == source
    assert "InverseTimeDecay" in mended("REG119", source, unsafe=True, target="keras>=2.2,<4")


@pytest.mark.parametrize("value", ["0.0", "(0.0)", "(\n    0.0\n)"])
def test_parentheses_around_a_value_that_says_nothing_change_nothing(value: str) -> None:
    found = check_source(
        f"from keras.optimizers import SGD\nSGD(0.1, decay={value})\n", settings=Settings(target="keras==3.15.1")
    )
    assert found == []
