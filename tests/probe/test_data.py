"""Data: which samples a model is given, and what is said about those that it cannot take."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reglint.probe.values import ProbeError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", minversion="3")
np = pytest.importorskip("numpy")

from reglint.probe.data.samples import Data, batches, from_arrays, load_data  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("samples", None)


def dense(*shape: int | None, classes: int = 3, **more: Any) -> Any:
    x = keras.Input(shape, name="image", **more)
    h = x if len(shape) == 1 else keras.layers.Flatten()(x)
    return keras.Model(x, keras.layers.Dense(classes, name="scores")(h))


def two_inputs(form: Any = list, outputs: int = 1) -> Any:
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    h = keras.layers.Concatenate()([a, b])
    out = [keras.layers.Dense(n + 1, name=f"out{n}")(h) for n in range(outputs)]
    inputs = {"b": b, "a": a} if form is dict else [b, a]
    return keras.Model(inputs, out if outputs > 1 else out[0])


def embedding(dtype: str | None = "int32", length: int | None = 5) -> Any:
    ids = keras.Input((length,), name="ids", dtype=dtype)
    return keras.Model(ids, keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(7, 2)(ids)))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def counting(n: int, *shape: int) -> Any:
    """The number of the sample in each of its cells."""
    return np.broadcast_to(np.arange(n, dtype="float32").reshape(n, *[1] * len(shape)), (n, *shape)).copy()


def sizes(data: Data, size: int) -> list[int]:
    return [len(x[0] if isinstance(x, list) else x) for x, _ in batches(data, size)]


def refused(spec: str | None, model: Any, **options: Any) -> str:
    """Return what is said; it must be one line."""
    with pytest.raises(ProbeError) as error:
        load_data(spec, model, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def said_of(model: Any, **arrays: Any) -> str:
    """Return what is said of an .npz."""
    np.savez("data.npz", **arrays)
    return refused("data.npz", model)


# Files.


def test_an_npz_gives_inputs_and_labels_and_the_model_takes_them() -> None:
    np.savez("data.npz", x=counting(10, 4), y=np.arange(10) % 3)
    model = dense(4)
    data = load_data("data.npz", model)
    assert (data.samples, data.synthetic, data.description) == (10, False, "data.npz")
    assert np.array_equal(data.inputs, counting(10, 4))
    assert data.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert model.predict(data.inputs, verbose=0).shape == (10, 3)


@pytest.mark.parametrize("names", [("x",), ("image",), ("anything",)])
def test_a_single_input_may_have_any_name(names: tuple[str]) -> None:
    np.savez("data.npz", **{names[0]: counting(4, 4)}, label=np.zeros(4))
    data = load_data("data.npz", dense(4))
    assert data.inputs.shape == (4, 4)
    assert data.labels.shape == (4,)


@pytest.mark.parametrize("form", [list, dict])
def test_several_inputs_go_by_their_names_in_the_form_that_the_model_takes(form: Any) -> None:
    np.savez("data.npz", a=counting(6, 2), b=counting(6, 3) + 100)
    model = two_inputs(form)
    data = load_data("data.npz", model)
    assert type(data.inputs) is form
    a, b = (data.inputs["a"], data.inputs["b"]) if form is dict else (data.inputs[1], data.inputs[0])
    assert (a.shape, b.shape, b.min()) == ((6, 2), (6, 3), 100)
    assert model.predict(data.inputs, verbose=0).shape == (6, 1)


def test_arrays_without_names_go_by_their_order() -> None:
    np.savez("data.npz", counting(6, 3), counting(6, 2), np.zeros(6))
    data = load_data("data.npz", two_inputs())
    assert [each.shape for each in data.inputs] == [(6, 3), (6, 2)]
    assert data.labels.shape == (6,)


def test_the_labels_of_several_outputs_go_by_their_names() -> None:
    inputs = {"a": counting(6, 2), "b": counting(6, 3)}
    np.savez("data.npz", **inputs, y_out0=np.zeros(6), out1=np.ones(6))
    data = load_data("data.npz", two_inputs(outputs=2))
    assert {name: array.tolist() for name, array in data.labels.items()} == {"out0": [0.0] * 6, "out1": [1.0] * 6}
    np.savez("data.npz", **inputs, out0=np.zeros(6))
    assert list(load_data("data.npz", two_inputs(outputs=2)).labels) == ["out0"]


def test_more_samples_than_wanted_are_chosen_evenly_and_always_alike() -> None:
    np.savez("data.npz", x=counting(10_000, 2), y=np.arange(10_000) // 2_500)
    data = load_data("data.npz", dense(2, classes=4), max_samples=200)
    rows = data.inputs[:, 0]
    assert data.samples == 200
    assert all(i * 50 <= row < (i + 1) * 50 for i, row in enumerate(rows))
    assert np.bincount(data.labels).tolist() == [50, 50, 50, 50]
    assert np.array_equal(rows // 2_500, data.labels)
    assert len(set(rows % 50)) > 20  # data that go round their classes would lose some by a fixed step
    assert np.array_equal(load_data("data.npz", dense(2, classes=4), max_samples=200).inputs, data.inputs)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_chosen_rows_of_an_npz_are_those_of_numpy(packed: bool, order: Any) -> None:
    array = np.random.default_rng(0).random((101, 3, 4)).astype("float32", order=order)
    (np.savez_compressed if packed else np.savez)("data.npz", x=array)
    data = load_data("data.npz", dense(3, 4), max_samples=7)
    whole = {row.tobytes(): number for number, row in enumerate(np.ascontiguousarray(array))}
    rows = [whole[row.tobytes()] for row in data.inputs]
    assert len(rows) == 7
    assert all(i * 101 // 7 <= row < (i + 1) * 101 // 7 for i, row in enumerate(rows))


def test_an_npy_stays_on_the_disk_and_is_read_by_batches() -> None:
    np.save("x.npy", counting(1000, 2).astype("float64"))
    data = load_data("x.npy", dense(2), max_samples=100)
    assert sizes(data, 32) == [32, 32, 32, 4]
    assert not isinstance(data.inputs, np.ndarray)
    parts = [x for x, y in batches(data, 32) if y is None]
    assert {(type(part), part.dtype.name) for part in parts} == {(np.ndarray, "float32")}
    rows = np.concatenate(parts)[:, 0]
    assert all(i * 10 <= row < (i + 1) * 10 for i, row in enumerate(rows))
    assert sizes(load_data("x.npy", dense(2), max_samples=None), 400) == [400, 400, 200]


def test_a_file_far_larger_than_the_memory_used_is_no_trouble() -> None:
    import tracemalloc

    model = dense(1000)
    np.save("x.npy", np.zeros((20_000, 1000), "float32"))
    np.savez("x.npz", x=np.zeros((20_000, 1000), "float32"))
    for name in ("x.npy", "x.npz"):
        tracemalloc.start()
        data = load_data(name, model, max_samples=500)
        assert sum(len(x) for x, _ in batches(data, 32)) == 500
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6, name  # of 80 MB


@pytest.mark.parametrize("first", ["1,,3", "1,NA,3", "?,2,3"])
def test_a_first_line_with_a_number_missing_is_no_header(first: str) -> None:
    Path("t.csv").write_text(f"{first}\n4,5,6\n")
    assert "t.csv:1: column" in refused("t.csv", dense(3))


def test_a_header_may_have_numbers_and_an_empty_cell_among_names() -> None:
    Path("t.csv").write_text("0,1,label\n1,2,0\n")
    assert load_data("t.csv", dense(2)).labels.tolist() == [0]
    Path("t.csv").write_text(",a,b\n1,2,3\n")
    assert load_data("t.csv", dense(3)).samples == 1


@pytest.mark.parametrize("header", ["", "p1,p2,label\n", "label,p1,p2\n", '"p1","p2","y"\n'])
def test_a_table_has_a_header_or_none_and_a_column_of_labels(header: str) -> None:
    rows = "1,2,0\n3,4,1\n5,6,2\n" if not header.startswith("label") else "0,1,2\n1,3,4\n2,5,6\n"
    Path("t.csv").write_text(header + rows + "\n")
    data = load_data("t.csv", dense(2 if header else 3))
    assert data.inputs[:, :2].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert (data.labels is None) == (not header)
    if header:
        assert data.labels.tolist() == [0, 1, 2]
        assert data.labels.dtype == np.int64


def test_of_a_long_table_only_the_chosen_lines_are_read() -> None:
    Path("t.csv").write_text("a;b\n" + "".join(f"{n};{n}\n" for n in range(5000)) + "oops;1\n")
    rows = load_data("t.csv", dense(2), max_samples=50).inputs[:, 0]
    assert len(rows) == 50
    assert rows[0] < 101 < 4800 < rows[-1]
    assert "t.csv:5002: column `a`: `oops` is no number" in refused("t.csv", dense(2), max_samples=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3\n", "t.csv:2: 1 columns, where the table has 2"),
        ("1,2\n3,\n", "t.csv:2: column 2: a number is missing"),
        ("a,b\n", "t.csv: holds no samples"),
        ("", "t.csv: the file is empty"),
        ("1,2\nnan,3\n", "`image` holds NaN, first in sample 1"),
        ("1,2,3\n", "the model's input `image` takes (None, 2), the data have (1, 3)"),
        ("\0\1\n", "t.csv"),
    ],
)
def test_a_bad_table_is_told_by_line_and_column(text: str, said: str) -> None:
    Path("t.csv").write_text(text)
    assert said in refused("t.csv", dense(2))


def test_a_folder_of_images_gives_pixels_and_classes() -> None:
    pytest.importorskip("tensorflow")
    for number, name in enumerate(["cat", "dog", "emu"]):
        (Path("images") / name).mkdir(parents=True)
        for index in range(4):
            write_png(Path(f"images/{name}/{index}.png"), 40 * number + index)
    data = load_data("images", dense(8, 8, 3))
    assert data.inputs.shape == (12, 8, 8, 3)
    assert data.inputs[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 40, 41, 42, 43, 80, 81, 82, 83]
    assert data.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    few = load_data("images", dense(8, 8, 1), max_samples=3)
    assert (few.inputs.shape, few.labels.tolist()) == ((3, 8, 8, 1), [0, 1, 2])
    flat = load_data("images/dog", dense(4, 6, 3))
    assert (flat.inputs.shape, flat.labels) == ((4, 4, 6, 3), None)


def test_an_image_that_cannot_be_read_is_named() -> None:
    pytest.importorskip("tensorflow")
    for name in ("cat", "dog"):
        (Path("images") / name).mkdir(parents=True)
        write_png(Path(f"images/{name}/0.png"), 7)
    Path("images/dog/1.png").write_text("<html>not found</html>")
    assert refused("images", dense(8, 8, 3)).startswith(f"{Path('images/dog/1.png')} cannot be read: Unknown image")
    write_png(Path("images/dog/1.png"), 9)
    whole = Path("images/cat/0.png").read_bytes()
    Path("images/cat/0.png").write_bytes(whole[: len(whole) // 2])
    said = refused("images", dense(8, 8, 3))
    assert said.startswith(f"{Path('images/cat/0.png')} cannot be read: ")
    assert "{{" not in said


def write_png(path: Path, grey: int) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pixels = zlib.compress((b"\0" + bytes([grey] * 8 * 3)) * 8)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def test_folders_that_hold_no_images_or_are_for_another_model_are_refused() -> None:
    Path("images/a").mkdir(parents=True)
    assert "images: holds no images" in refused("images", dense(8, 8, 3))
    assert "this one takes (None, 4)" in refused("images", dense(4))
    assert "can be read with 1, 3 or 4 channels" in refused("images", dense(8, 8, 5))


# Code.


def code(text: str) -> None:
    Path("samples.py").write_text(f"import numpy as np\n{text}\n")
    sys.modules.pop("samples", None)


@pytest.mark.parametrize(
    "text",
    [
        "def give(): return np.ones((10, 4)), np.arange(10) % 3",
        "def give(): return np.ones((10, 4)), np.arange(10) % 3, np.ones(10)",
        "give = np.ones((10, 4)), np.arange(10) % 3",
        "def give(): return {'x': np.ones((10, 4)), 'y': np.arange(10) % 3}",
        "def give(): return {'image': np.ones((10, 4)), 'label': np.arange(10) % 3}",
        "def give(): return [[1, 2, 3, 4]] * 10, list(range(10 - 7)) * 3 + [0]",
        "def give():\n    for start in range(0, 100, 4): yield np.ones((4, 4)), np.arange(start, start + 4) % 3",
        "def give():\n    for n in range(100): yield np.ones(4), n % 3",
        "give = [(np.ones((5, 4)), np.arange(5) % 3), (np.ones((5, 4)), np.arange(5, 10) % 3)].__iter__()",
        "import keras\nclass give(keras.utils.PyDataset):\n    def __len__(self): return 5\n"
        "    def __getitem__(self, i): return np.ones((2, 4)), np.arange(2 * i, 2 * i + 2) % 3",
        "import keras\ndef give(): return keras.ops.ones((10, 4)), np.arange(10) % 3",
    ],
)
def test_code_gives_arrays_dicts_or_batches(text: str) -> None:
    code(text)
    data = load_data("samples:give", dense(4), trust=True, max_samples=10)
    assert data.inputs.shape == (10, 4)
    assert data.inputs.dtype == np.float32
    assert data.labels.tolist() == [n % 3 for n in range(10)]


@pytest.mark.parametrize("kind", ["tensorflow", "torch"])
def test_code_gives_a_dataset_of_tensorflow_or_a_loader_of_torch(kind: str) -> None:
    pytest.importorskip(kind)
    code(
        "def tensorflow():\n    import tensorflow as tf\n"
        "    data = tf.data.Dataset.from_tensor_slices((np.ones((50, 4)), np.arange(50) % 3))\n"
        "    return data.batch(8)\n"
        "def torch():\n    from torch.utils.data import DataLoader, TensorDataset\n    import torch\n"
        "    return DataLoader(TensorDataset(torch.ones(50, 4), torch.arange(50) % 3), 8)\n"
    )
    data = load_data(f"samples:{kind}", dense(4), trust=True, max_samples=10)
    assert (data.inputs.shape, data.labels.tolist()) == ((10, 4), [n % 3 for n in range(10)])


def test_a_list_of_arrays_from_code_is_the_inputs_in_order() -> None:
    code("def give(): return [np.ones((5, 3)), np.zeros((5, 2))], np.zeros(5)")
    data = load_data("samples:give", two_inputs(), trust=True)
    assert [each.shape for each in data.inputs] == [(5, 3), (5, 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def give(): raise OSError('gone')", "`samples:give` raised OSError: gone at samples.py:2"),
        ("def give(): return iter([])", "gives no batches"),
        ("def give(): return 7", "single number"),
        ("def give(): return object()", "is no array of numbers"),
        ("def give(): return None", "is no array of numbers"),
        ("def give(): return np.array([{}])", "is no array of numbers"),
        ("def give(n): return n", "`samples:give` raised TypeError"),
        ("def give(): return np.ones((4, 4)), np.ones(3)", "different numbers of samples: 4 and 3"),
    ],
)
def test_what_is_wrong_with_what_code_gives_is_one_line(text: str, said: str) -> None:
    code(text)
    assert said in refused("samples:give", dense(4), trust=True)


def test_code_is_not_imported_without_trust() -> None:
    code("open('mark', 'w')")
    assert "add --trust" in refused("samples:give", dense(4))
    assert not Path("mark").exists()


# Arrays in memory.


def test_arrays_in_memory_are_taken_as_fit_takes_them() -> None:
    data = from_arrays(counting(10, 4), np.arange(10) % 3, dense(4))
    assert (data.samples, data.labels.tolist()) == (10, [n % 3 for n in range(10)])
    both = from_arrays(
        [counting(8, 3), counting(8, 2)], [np.zeros(8), np.ones(8)], two_inputs(outputs=2), max_samples=4
    )
    assert ([each.shape for each in both.inputs], both.labels["out1"].tolist()) == ([(4, 3), (4, 2)], [1.0] * 4)
    named = from_arrays({"a": counting(8, 2), "b": counting(8, 3)}, {"out1": np.ones(8)}, two_inputs(dict, outputs=2))
    assert (named.inputs["a"].shape, list(named.labels)) == ((8, 2), ["out1"])
    assert from_arrays(None, None, dense(4)).synthetic


# Checks.


def test_shapes_that_do_not_fit_are_told_beside_each_other() -> None:
    said = said_of(dense(28, 28), x=np.zeros((100, 784)))
    assert said == "data.npz: the model's input `image` takes (None, 28, 28), the data have (100, 784)"


def test_a_last_axis_of_one_may_be_missing_or_too_many_as_in_keras() -> None:
    np.savez("data.npz", x=counting(3, 8, 8))
    assert load_data("data.npz", dense(8, 8, 1)).inputs.shape == (3, 8, 8, 1)
    np.savez("data.npz", x=counting(3, 4, 1))
    assert load_data("data.npz", dense(4)).inputs.shape == (3, 4)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.full((4, 4), np.nan)}, "`image` holds NaN, first in sample 0"),
        ({"x": np.array([[0.0] * 4, [0, np.inf, 0, 0]])}, "`image` holds infinity, first in sample 1"),
        ({"x": np.zeros((0, 4))}, "holds no samples"),
        ({"x": np.float32(3)}, "`x` is a single number"),
        ({"x": np.zeros((4, 4), complex)}, "takes numbers (float32), the data are complex numbers"),
        ({"x": np.full((4, 4), "a")}, "takes numbers (float32), the data are text"),
        ({"x": np.zeros((4, 4)), "y": np.zeros(3)}, "different numbers of samples: 4 and 3"),
        (
            {"x": np.zeros((4, 4)), "y": np.zeros((4, 7))},
            "have the shape (4, 7), the model's output `scores` gives (None, 3)",
        ),
        (
            {"x": np.zeros((4, 4)), "y": np.array([0, 1, 2, 3])},
            "go from 0 to 3, the model's output `scores` has the classes 0",
        ),
        ({"x": np.zeros((4, 4)), "y": np.full(4, np.nan)}, "`y` holds NaN"),
        ({"x": np.zeros((4, 4)), "y": np.full(4, "cat")}, "the labels `y` are no numbers"),
        ({"x": np.zeros((4, 4)), "z": np.zeros(4)}, "`z` is nothing that the model knows; it takes `image`, `y`"),
        ({"u": np.zeros((4, 4)), "v": np.zeros(4)}, "no array for the model's input `image`; it has `u`, `v`"),
    ],
)
def test_data_that_the_model_cannot_take_are_refused_in_one_line(arrays: dict[str, Any], said: str) -> None:
    assert said in said_of(dense(4), **arrays)


def test_an_input_that_is_missing_is_named() -> None:
    said = said_of(two_inputs(), a=np.zeros((4, 2)))
    assert "no array for the model's input `b`; it has `a`, the model takes `b`, `a`" in said


@pytest.mark.parametrize("y", [np.zeros(4), np.zeros((4, 1)), np.zeros((4, 3))])
def test_labels_are_numbers_of_classes_or_look_like_the_output(y: Any) -> None:
    np.savez("data.npz", x=counting(4, 4), y=y)
    assert load_data("data.npz", dense(4)).labels.shape == y.shape


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_ids_outside_the_vocabulary_are_refused(dtype: str) -> None:
    model = embedding(dtype)
    assert "the id 7 of `ids` is outside the embedding's 0 to 6" in said_of(model, x=np.full((4, 5), 7))
    assert "the id -1 of `ids`" in said_of(model, x=np.full((4, 5), -1))
    assert "takes whole numbers, the data have 0.5" in said_of(model, x=np.full((4, 5), 0.5))
    np.savez("data.npz", x=np.full((4, 5), 6.0))
    data = load_data("data.npz", model)
    assert model.predict(data.inputs, verbose=0).shape == (4, 2)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'mark'}",)

    array = np.empty(4, object)
    array[:] = Evil()
    np.save("x.npy", array)
    np.savez("x.npz", x=array)
    for name in ("x.npy", "x.npz"):
        assert "never unpickled" in refused(name, dense(4))
    Path("x.pkl").write_bytes(Path("x.npy").read_bytes())
    assert "x.pkl: .pkl files can run code" in refused("x.pkl", dense(4), trust=True)
    Path("y.npy").write_bytes(b"\x80\x04.")
    assert "y.npy" in refused("y.npy", dense(4))
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
def test_half_a_file_and_one_that_is_none_are_refused(name: str) -> None:
    np.save("x.npy", counting(100, 4))
    np.savez("x.npz", x=counting(100, 4))
    whole = Path(name).read_bytes()
    for content in (whole[: len(whole) // 2], whole[:3], b"text\n" * 99, b""):
        Path(name).write_bytes(content)
        assert name in refused(name, dense(4))


def test_an_array_that_claims_more_than_it_has_is_refused() -> None:
    np.save("x.npy", counting(100, 4))
    raw = Path("x.npy").read_bytes()
    Path("x.npy").write_bytes(raw.replace(b"(100, 4), }      ", b"(999999999, 4), }"))
    assert "x.npy" in refused("x.npy", dense(4))
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("x.npy", Path("x.npy").read_bytes())
    assert "x.npz: cannot be read as data: it is shorter than it claims" in refused("x.npz", dense(4))
    Path("x.npy").write_bytes(raw.replace(b"(100, 4), }", b"(100, 4,   "))
    assert "x.npy" in refused("x.npy", dense(4))


@pytest.mark.parametrize(
    "spec", ["gone.npz", "gone.csv", "gone", "notes.txt", "https://example.org/x.npz", "s3://b/x.npy"]
)
def test_what_is_no_data_says_what_is(spec: str) -> None:
    Path("notes.txt").write_text("x")
    assert refused(spec, dense(4)).startswith(f"{spec}: ")


def test_a_fixed_batch_size_is_honoured() -> None:
    model = keras.Sequential([keras.Input(batch_shape=(8, 5, 2)), keras.layers.LSTM(3, stateful=True)])
    np.savez("data.npz", x=counting(30, 5, 2))
    data = load_data("data.npz", model, max_samples=None)
    assert (data.samples, sizes(data, 32)) == (24, [8, 8, 8])
    assert sizes(load_data("data.npz", model, max_samples=20), 32) == [8, 8]
    assert sizes(load_data(None, model, max_samples=20), 32) == [8, 8]
    np.savez("data.npz", x=counting(5, 5, 2))
    assert "batches of exactly 8 samples, the data have 5" in refused("data.npz", model)


# Without data.


def test_made_up_inputs_are_standard_normal_and_said_to_be_made_up() -> None:
    model = dense(6, 7)
    data = load_data(None, model)
    assert (data.synthetic, data.samples, data.labels) == (True, 512, None)
    assert data.inputs.shape == (512, 6, 7)
    assert abs(data.inputs.mean()) < 0.05
    assert abs(data.inputs.std() - 1) < 0.05
    assert np.array_equal(load_data(None, model).inputs, data.inputs)


def test_made_up_ids_lie_in_the_vocabulary_and_open_lengths_get_a_size() -> None:
    for dtype in ("int32", "float32"):
        model = embedding(dtype, None)
        data = load_data(None, model, max_samples=100)
        assert data.inputs.shape == (100, 16)
        assert (data.inputs.min(), data.inputs.max()) == (0, 6)
        assert model.predict(data.inputs, verbose=0).shape == (100, 2)


def test_made_up_ids_reach_embeddings_behind_other_layers_and_inside_models() -> None:
    inner = embedding()
    x = keras.Input((5,), dtype="int32")
    model = keras.Model(x, inner(keras.ops.abs(keras.layers.Dropout(0.1)(x))))
    assert load_data(None, model).inputs.max() == 6


def test_made_up_masks_are_true_but_for_the_end() -> None:
    steps, mask = keras.Input((9, 2)), keras.Input((9,), dtype="bool")
    model = keras.Model([steps, mask], keras.layers.LSTM(2)(steps, mask=mask))
    made = load_data(None, model, max_samples=50).inputs[1]
    assert made.dtype == bool
    assert made[:, 0].all()
    assert not made.all()
    assert (np.diff(made.astype(int), axis=1) <= 0).all()


def test_made_up_images_have_a_size_and_large_ones_are_few() -> None:
    convolution = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)])
    assert load_data(None, convolution, max_samples=4).inputs.shape == (4, 64, 64, 3)
    huge = keras.Sequential([keras.Input((2048, 2048, 3)), keras.layers.GlobalAveragePooling2D()])
    assert load_data(None, huge, batch_size=2).samples == 2


def test_a_model_of_text_or_of_unknown_inputs_needs_data() -> None:
    text = keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.Flatten()])
    assert "takes text" in refused(None, text)
    model = Subclassed()
    assert "give --data" in refused(None, model)
    np.savez("data.npz", x=counting(9, 4).astype("float64"), y=np.zeros(9))
    data = load_data("data.npz", model)
    assert (data.inputs.dtype, model(data.inputs).shape, data.labels.shape) == (np.float32, (9, 2), (9,))
    assert load_data(None, model, max_samples=7).inputs.shape == (7, 4)  # once it was called


def test_text_may_be_an_array_of_objects_as_tables_hold_it() -> None:
    text = keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.Flatten()])
    assert from_arrays(np.array([["one"], ["two"]], dtype=object), None, text).samples == 2
    with pytest.raises(ProbeError, match="no array of numbers"):
        from_arrays(np.array([["one"], [2]], dtype=object), None, text)


def test_one_y_for_several_outputs_is_told_the_names_that_would_do() -> None:
    said = said_of(two_inputs(outputs=2), a=counting(4, 2), b=counting(4, 3), y=np.zeros(4))
    assert said.endswith("`y` is nothing that the model knows; it takes `b`, `a`, `y_out0`, `y_out1`")


def test_labels_of_a_model_of_unknown_inputs_are_told_by_their_names() -> None:
    x, y = counting(9, 4), np.zeros(9)
    data = from_arrays(x, {"b": y, "a": y + 1}, Subclassed())
    assert (data.inputs.shape, list(data.labels)) == ((9, 4), ["a", "b"])
    np.savez("data.npz", x=x, y_x=y)
    data = load_data("data.npz", Subclassed())
    assert (data.inputs.shape, list(data.labels)) == ((9, 4), ["x"])
    np.savez("labels.npz", y_a=y, y_b=y)
    assert "name the inputs `x`" in refused("labels.npz", Subclassed())


def test_the_inputs_of_tf_keras_models_are_read_too() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    ids = tf_keras.Input((5,), name="ids")
    model = tf_keras.Model(ids, tf_keras.layers.Embedding(7, 2)(ids))
    assert load_data(None, model).inputs.max() == 6
    a, b = tf_keras.Input((2,), name="a"), tf_keras.Input((3,), name="b")
    both = tf_keras.Model({"a": a, "b": b}, tf_keras.layers.Dense(3)(tf_keras.layers.Concatenate()([a, b])))
    np.savez("data.npz", a=counting(4, 2), b=counting(4, 3), y=np.array([0, 1, 2, 2]))
    data = load_data("data.npz", both)
    assert both.predict(data.inputs, verbose=0).shape == (4, 3)
