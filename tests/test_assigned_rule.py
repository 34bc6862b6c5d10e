"""REG301 where a card's examples would be too many: which layers are built, and what makes a model anew."""

from __future__ import annotations

import textwrap

import pytest

from reglint import check_source
from reglint.findings import Finding
from reglint.settings import Settings

HEAD = """\
import keras
from keras import layers, regularizers
from keras.applications import VGG16
from keras.models import Model, Sequential, clone_model, load_model, model_from_json
from keras.regularizers import l2

"""


def found(source: str, keras: str | None = None, **modules: str) -> list[Finding]:
    text = HEAD + textwrap.dedent(source)
    settings = Settings(keras_version=keras)
    files = {f"{name}.py": HEAD + textwrap.dedent(module) for name, module in modules.items()}
    every = check_source(text, filename="example.py", settings=settings, modules=files)
    return [finding for finding in every if finding.code == "REG301"]


def severities(source: str, **modules: str) -> list[str]:
    return [finding.severity.value for finding in found(source, **modules)]


BUILT = [
    ("VGG16()", "an application"),
    ("keras.applications.resnet50.ResNet50(weights=None)", "an application by its module"),
    ("load_model('model.h5')", "a loaded model"),
    ("model_from_json(text)", "a model from its config"),
    ("Model(x, y)", "a functional model"),
    ("Model(inputs=x, outputs=y)", "a functional model by keywords"),
    ("Sequential([layers.Input((3,)), layers.Dense(2)])", "Sequential with an Input"),
    ("Sequential([layers.Dense(2, input_shape=(3,))])", "Sequential with an input shape"),
    ("Sequential([VGG16(), layers.Dense(2)])", "Sequential around a built model"),
]


@pytest.mark.parametrize("model", [model for model, _ in BUILT], ids=[name for _, name in BUILT])
def test_a_model_that_knows_its_shape_is_built(model: str) -> None:
    assert severities(f"model = {model}\nfor layer in model.layers:\n    layer.kernel_regularizer = l2(0.01)") == [
        "error"
    ]


UNBUILT = [
    ("Sequential()", "an empty Sequential"),
    ("Sequential([layers.Dense(2)])", "Sequential without a shape"),
    ("Own()", "a class of the project"),
    ("make()", "something out of sight"),
    ("elsewhere.models.Net()", "another library's model"),
]


@pytest.mark.parametrize("model", [model for model, _ in UNBUILT], ids=[name for _, name in UNBUILT])
def test_a_model_that_may_be_unbuilt_is_left_alone(model: str) -> None:
    source = f"""
    import elsewhere
    from elsewhere import make

    class Own(Model):
        pass

    model = {model}
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    """
    assert severities(source) == []


def test_layers_added_one_by_one_are_built_when_the_first_has_a_shape() -> None:
    assert severities("""
    model = Sequential()
    model.add(layers.Dense(4, input_dim=3))
    model.add(layers.Dense(2))
    model.layers[-1].kernel_regularizer = l2(0.01)
    """) == ["error"]


LAYERS = [
    "model.layers[2:]",
    "reversed(model.layers)",
    "list(model.layers)[1:]",
    "[layer for layer in model.layers if isinstance(layer, layers.Dense)]",
    "filter(lambda layer: layer.weights, model.layers)",
    "model.submodules",
    "model._flatten_layers()",
]


@pytest.mark.parametrize("expression", LAYERS)
def test_a_choice_among_the_layers_of_a_built_model_is_built(expression: str) -> None:
    source = f"model = VGG16()\nchosen = {expression}\nfor layer in chosen:\n    layer.kernel_regularizer = l2(0.01)"
    assert severities(source) == ["error"]


def test_enumerate_and_zip_give_layers_of_a_built_model() -> None:
    assert severities("""
    model = VGG16()
    for rank, layer in enumerate(model.layers):
        layer.kernel_regularizer = l2(0.01)
    for layer, strength in zip(model.layers, [0.1, 0.2]):
        layer.bias_regularizer = l2(strength)
    """) == ["error", "error"]


def test_a_layer_by_its_name_or_number_is_built() -> None:
    assert severities("""
    model = VGG16()
    last = model.get_layer("fc2")
    last.kernel_regularizer = l2(0.01)
    setattr(model.layers[3], "bias_regularizer", l2(0.01))
    """) == ["error", "error"]


def test_a_layer_of_a_dict_that_is_made_of_a_built_model_is_built() -> None:
    source = """
    model = VGG16()
    by_name = {layer.name: layer for layer in model.layers}
    by_name["fc2"].kernel_regularizer = l2(0.01)
    """
    assert severities(source) == ["error"]
    assert severities(source.replace("layer.name: layer for", "layer.name: layer.units for")) == []
    assert severities(source.replace("VGG16()", "Sequential()")) == []


def test_a_new_layer_is_built_once_it_was_called_above() -> None:
    source = """
    x = keras.Input((3,))
    hidden = layers.Dense(3)
    y = hidden(x)
    hidden.kernel_regularizer = l2(0.01)
    """
    assert severities(source) == ["error"]
    assert severities(source.replace("y = hidden(x)", "y = other(hidden)")) == []
    assert severities(source.replace("y = hidden(x)", "y = hidden.count_params()")) == []
    assert severities(source.replace("y = hidden(x)", "if x:\n        y = hidden(x)")) == []
    assert severities(source.replace("y = hidden(x)", "y = hidden(x)\n    hidden = layers.Dense(3)")) == []


def test_a_layer_that_is_made_anew_in_each_round_of_a_loop_is_not_the_one_that_was_called() -> None:
    assert (
        severities("""
    hidden = layers.Dense(3)
    for _ in range(3):
        x = hidden(x)
        hidden = layers.Dense(3)
        hidden.kernel_regularizer = l2(0.01)
    """)
        == []
    )


@pytest.mark.parametrize(("done", "expected"), [("build((None, 3))", ["error"]), ("summary(3)", [])])
def test_the_layers_of_an_own_model_are_built_with_it(done: str, expected: list[str]) -> None:
    source = f"""
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(3)

    model = Own()
    model.{done}
    model.hidden.kernel_regularizer = l2(0.01)
    """
    assert severities(source) == expected


def test_the_cell_of_a_built_layer_is_built() -> None:
    assert severities("model = load_model('m.h5')\nmodel.layers[0].cell.recurrent_regularizer = l2(0.01)") == ["error"]


def test_a_function_is_judged_by_the_models_that_its_callers_pass() -> None:
    function = """
    def decay(model):
        for layer in model.layers:
            layer.kernel_regularizer = l2(0.01)

    """
    assert severities(function + "decay(VGG16())") == ["error"]
    assert severities(function + "decay(Sequential([layers.Dense(2)]))") == []
    assert severities(function) == ["warning"]


def test_a_walk_through_nested_models_is_judged_by_what_it_starts_with() -> None:
    function = """
    def decay(model):
        for layer in model.layers:
            if isinstance(layer, Model):
                decay(layer)
            else:
                layer.kernel_regularizer = l2(0.01)

    """
    assert severities(function + "decay(VGG16())") == ["error"]
    assert severities(function + "decay(Sequential([layers.Dense(2)]))") == []
    assert severities(function) == ["warning"]


@pytest.mark.parametrize("name", ["model", "base_model", "keras_model", "base", "backbone", "resnet50"])
def test_a_parameter_called_like_a_model_is_taken_for_a_built_one(name: str) -> None:
    source = f"def decay({name}):\n    for layer in {name}.layers:\n        layer.kernel_regularizer = l2(0.01)"
    assert severities(source) == ["warning"]


def test_a_parameter_annotated_as_a_model_is_taken_for_a_built_one() -> None:
    source = "def decay(it: Model):\n    for layer in it.layers:\n        layer.kernel_regularizer = l2(0.01)"
    assert severities(source) == ["warning"]


def test_other_parameters_and_files_without_keras_are_left_alone() -> None:
    assert (
        severities("def decay(stack):\n    for layer in stack.layers:\n        layer.kernel_regularizer = l2(0.1)")
        == []
    )
    plain = "def decay(model, r):\n    for layer in model.layers:\n        layer.kernel_regularizer = r\n"
    assert list(check_source(plain, filename="example.py")) == []


ANEW = [
    "model = clone_model(model)",
    "model = model_from_json(model.to_json())",
    "model = Model.from_config(model.get_config())",
    "model.save('m.h5')\nmodel = load_model('m.h5')",
    "model = rebuilt(model)",
    "import copy\nmodel = copy.deepcopy(model)",
]


@pytest.mark.parametrize("statement", ANEW)
def test_a_model_that_is_made_anew_before_training_is_right(statement: str) -> None:
    source = f"""\
def rebuilt(model):
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    return again

model = VGG16()
for layer in model.layers:
    layer.kernel_regularizer = l2(0.01)
{statement}
model.fit(x, y)
"""
    assert severities(source) == []
    assert severities(source.replace(statement, "model.compile('sgd', 'mse')")) == ["error"]


def test_a_model_that_is_made_anew_and_thrown_away_is_no_help() -> None:
    source = """
    model = VGG16()
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    {}
    model.fit(x, y)
    """
    assert severities(source.format("model.to_json()")) == ["error"]
    assert severities(source.format("clone_model(model)")) == ["error"]
    assert severities(source.format("config = model.to_json()")) == []


SAVED = """
model = load_model(old)
for layer in model.layers:
    layer.kernel_regularizer = l2(0.01)
{}
"""


@pytest.mark.parametrize("statement", ["model.save(new)", "keras.models.save_model(model, new)"])
def test_a_model_that_is_only_saved_is_for_another_program(statement: str) -> None:
    assert severities(SAVED.format(statement)) == []
    assert severities(SAVED.format(f"{statement}\nmodel.fit(x, y)")) == ["error"]
    assert severities(SAVED.format(f"model.fit(x, y)\n{statement}")) == ["error"]


@pytest.mark.parametrize("statement", ["np.save(path, x)", "tf.train.Checkpoint(model=model).save(path)", "save(x)"])
def test_saving_something_else_is_no_help(statement: str) -> None:
    assert severities(SAVED.format(f"import numpy as np\nimport tensorflow as tf\n{statement}")) == ["error"]


def test_a_function_that_saves_is_no_help_to_a_caller_who_trains() -> None:
    source = """
    def decayed(model):
        for layer in model.layers:
            layer.kernel_regularizer = l2(0.01)
        model.save("start.keras")
        return model

    model = decayed(VGG16())
    """
    assert severities(source) == []
    assert severities(source + "model.fit(x, y)\n") == ["error"]


@pytest.mark.parametrize(
    "statement",
    [
        "layer.kernel.regularizer = layer.kernel_regularizer",
        "layer._handle_weight_regularization('k', layer.kernel, r)",
    ],
)
def test_a_program_that_gives_the_regularizer_to_the_weight_itself_is_right(statement: str) -> None:
    source = f"""
    for layer in VGG16().layers:
        layer.kernel_regularizer = r = l2(0.01)
        {statement}
    """
    assert severities(source) == []
    assert severities(source.replace(statement, "layer.regularizer = r")) == ["error"]


@pytest.mark.parametrize(
    "source",
    [
        "kept = layer.kernel_regularizer\nlayer.kernel_regularizer = None\nexport()\nlayer.kernel_regularizer = kept",
        "kept = []\nfor layer in model.layers:\n    kept.append(layer.kernel_regularizer)\n"
        "    layer.kernel_regularizer = None\nexport()\n"
        "for layer, r in zip(model.layers, kept):\n    layer.kernel_regularizer = r",
    ],
    ids=["one layer", "every layer"],
)
def test_regularizers_that_are_taken_away_and_put_back_are_left_alone(source: str) -> None:
    text = f"model = VGG16()\nlayer = model.layers[0]\nother = l2(0.1)\n{source}\n"
    assert severities(text) == []
    assert severities(text.replace("= kept", "= other").replace("= r\n", "= other\n")) == ["error"]


def test_a_model_that_is_made_anew_after_training_was_trained_without() -> None:
    assert severities("""
    model = VGG16()
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    model.fit(x, y)
    model = clone_model(model)
    """) == ["error"]


def test_a_model_that_was_made_anew_before_the_assignment_is_no_help() -> None:
    assert severities("""
    model = clone_model(VGG16())
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    """) == ["error"]


def test_loading_another_model_later_is_no_help() -> None:
    assert severities("""
    model = VGG16()
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    other = load_model("other.h5")
    """) == ["error"]


def test_a_caller_in_the_file_may_make_the_model_anew() -> None:
    assert (
        severities("""
    def decay(model):
        for layer in model.layers:
            layer.kernel_regularizer = l2(0.01)

    def prepared():
        base = VGG16()
        decay(base)
        return model_from_json(base.to_json())
    """)
        == []
    )


def test_a_function_of_another_module_may_make_the_model_anew() -> None:
    source = """
    from helpers import finished

    model = VGG16()
    for layer in model.layers:
        layer.kernel_regularizer = l2(0.01)
    model = finished(model)
    """
    assert severities(source, helpers="def finished(model):\n    return clone_model(model)\n") == []
    assert severities(source, helpers="def finished(model):\n    return model\n") == ["error"]


def test_a_program_that_adds_the_penalty_itself_is_right() -> None:
    assert (
        severities("""
    def decay(model):
        for layer in model.layers:
            layer.kernel_regularizer = l2(0.01)
            layer.add_loss(lambda layer=layer: layer.kernel_regularizer(layer.kernel))

    def marked(model):
        for layer in model.layers:
            layer.bias_regularizer = l2(0.01)

    def penalty(model):
        return sum(layer.bias_regularizer(layer.bias) for layer in model.layers)
    """)
        == []
    )


def test_what_takes_a_regularizer_away_or_sets_it_by_chance_is_left_alone() -> None:
    assert (
        severities("""
    model = VGG16()
    for layer in model.layers:
        layer.kernel_regularizer = None
        layer.activity_regularizer = l2(0.01)
        setattr(layer, name, l2(0.01))
        layer.kernel_regularizer.l2 = 0.01
    """)
        == []
    )


def test_the_finding_sits_on_the_attribute_or_the_name_given_to_setattr() -> None:
    source = """model = VGG16()
model.layers[0].kernel_regularizer = l2(1.0)
setattr(model.layers[1], "bias_regularizer", l2(1.0))
"""
    text = HEAD + source
    marked = [text[finding.start : finding.end] for finding in found(source)]
    assert sorted(marked) == ["bias_regularizer", "kernel_regularizer"]


@pytest.mark.parametrize("keras", ["==1.2.2", "==2.2.4", "tensorflow==2.15.1", "==3.15.1"])
def test_it_holds_in_every_release(keras: str) -> None:
    source = "model = VGG16()\nfor layer in model.layers:\n    layer.kernel_regularizer = l2(0.01)"
    source = source.replace("VGG16()", "load_model('m.h5')")
    assert len(found(source, keras)) == 1
