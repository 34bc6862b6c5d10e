"""From a model to a report: what is said of its training, its labels, and of inputs that nobody gave."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from reglint.probe.values import ProbeError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", minversion="3")
np = pytest.importorskip("numpy")

from reglint.probe import probe_model  # noqa: E402
from reglint.probe.models.freshness import looks_fresh  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
layers = keras.layers
X = np.random.default_rng(0).normal(size=(48, 6, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 48)


def dense() -> Any:
    return [layers.Flatten(), layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")]


def recurrent() -> Any:
    return [layers.Bidirectional(layers.LSTM(3)), layers.Dense(3, activation="softmax")]


def only_normalised() -> Any:
    return [
        layers.Flatten(),
        layers.Dense(5, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("tanh"),
        layers.Dense(3, use_bias=False, activation="softmax"),
    ]


def constant() -> Any:
    return [layers.Flatten(), layers.Dense(3, bias_initializer=keras.initializers.Constant(0.1), activation="softmax")]


def without_biases() -> Any:
    return [layers.Flatten(), layers.Dense(3, use_bias=False, activation="softmax")]


KINDS = pytest.mark.parametrize("make", [dense, recurrent, only_normalised, constant])


def compiled(make: Callable[[], Any], loss: str | None = "sparse_categorical_crossentropy") -> Any:
    model = keras.Sequential([keras.Input((6, 4)), *make()])
    model.compile("sgd", loss)
    return model


def trained(make: Callable[[], Any]) -> Any:
    model = compiled(make)
    model.fit(X, Y, batch_size=48, verbose=0)
    return model


def test_importing_probe_model_leaves_the_choice_of_a_backend_open() -> None:
    code = "import sys; from reglint.probe import probe_model; print({'keras', 'tensorflow'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "set()\n"


# Whether it was trained.


@KINDS
def test_a_model_as_its_initialisers_left_it_looks_fresh(make: Callable[[], Any]) -> None:
    assert looks_fresh(compiled(make))


@KINDS
def test_one_step_of_training_is_seen_even_behind_a_new_optimizer(make: Callable[[], Any]) -> None:
    model = trained(make)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert not looks_fresh(model)


def test_a_model_is_initial_trained_or_unknown_by_steps_and_weights() -> None:
    assert probe_model(compiled(dense), X).state == "initial"
    assert probe_model(keras.Sequential([keras.Input((6, 4)), *dense()]), X).state == "initial"
    assert probe_model(trained(dense), X).state == "trained"
    loaded = compiled(dense)
    loaded.set_weights(trained(dense).get_weights())
    assert probe_model(loaded, X, labels=Y).state == "unknown"


def test_a_model_without_a_weight_that_starts_at_a_constant_is_unknown_until_it_made_a_step() -> None:
    assert probe_model(compiled(without_biases), X).state == "unknown"
    assert probe_model(trained(without_biases), X).state == "trained"


def test_labels_that_a_model_gets_right_show_that_it_learnt() -> None:
    model = compiled(dense)
    labels = model.predict(X, verbose=0).argmax(-1)
    assert probe_model(model, X, labels=labels).state == "trained"


# Labels and the loss.


def penalised(loss: str) -> Any:
    return compiled(lambda: [layers.Flatten(), layers.Dense(3, "softmax", kernel_regularizer="l2")], loss)


@pytest.mark.parametrize("labels", [Y, Y[:, None], Y.astype("float32")])
def test_numbers_of_classes_fit_a_loss_of_one_hot_labels(labels: Any) -> None:
    model = penalised("categorical_crossentropy")
    (wanted,) = probe_model(model, X, labels=np.eye(3, dtype="float32")[Y]).penalties
    report = probe_model(model, X, labels=labels)
    assert report.measurement.unreached == ()
    assert report.penalties[0].share == pytest.approx(wanted.share)
    assert report.penalties[0].gradient_ratio == pytest.approx(wanted.gradient_ratio)


# What only has the name of something of Keras's.


def test_a_function_that_goes_by_the_name_of_an_activation_of_keras_is_not_judged_as_that() -> None:
    def relu(x: Any) -> Any:
        return keras.ops.leaky_relu(x, 0.3)

    def softmax(x: Any) -> Any:
        return keras.ops.softmax(x / 100)

    bias = keras.initializers.Constant(-30.0)
    model = compiled(lambda: [layers.Flatten(), layers.Dense(8, relu, bias_initializer=bias), layers.Dense(3, softmax)])
    report = probe_model(model, X, state="trained")
    assert [site.activation for site in report.measurement.sites] == [f"{__name__}.relu", f"{__name__}.softmax"]
    assert [site.saturated_fraction for site in report.measurement.sites] == [None, None]
    assert report.findings == ()


def test_the_activations_of_a_cell_that_is_only_called_like_one_of_keras_are_no_known_gates() -> None:
    class GRUCell(layers.Layer):  # type: ignore[misc]
        state_size = 4

        def __init__(self) -> None:
            super().__init__()
            self.activation = keras.activations.tanh

        def call(self, x: Any, states: Any, training: bool = False) -> Any:
            return self.activation(x + states[0]), [self.activation(states[0])]

    model = compiled(lambda: [layers.RNN(GRUCell(), name="own")])
    sites = probe_model(model, X).measurement.sites
    assert [site.site for site in sites] == ["activation", "activation#2"]


def test_the_code_of_a_lambda_is_the_users_and_not_its_class() -> None:
    model = compiled(
        lambda: [layers.Lambda(lambda x: 2 * x, name="twice"), layers.Flatten(), layers.Dense(3, "softmax")]
    )
    (unreached,) = probe_model(model, X, labels=Y).measurement.unreached
    assert (unreached.layer, unreached.reason.partition(";")[0]) == ("twice", "its code is not Keras's")


def test_labels_that_are_of_no_use_are_said_to_be() -> None:
    logits = compiled(lambda: [layers.Flatten(), layers.Dense(3)], None)
    (unreached,) = probe_model(logits, X, labels=Y).measurement.unreached
    assert unreached.reason.startswith("the labels: no output is a softmax")
    assert probe_model(logits, X).measurement.unreached == ()
    assert probe_model(penalised("mse"), X, labels=np.eye(3)[Y]).measurement.unreached == ()


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        ("sparse_categorical_crossentropy", np.zeros((48, 2))),  # one-hot of two classes, where the model has three
        ("categorical_crossentropy", Y + 5),
        ("mse", np.zeros((48, 7, 7))),
    ],
)
def test_a_loss_that_does_not_take_the_labels_costs_the_share_alone(loss: str, labels: Any) -> None:
    from reglint.probe.data.samples import Data
    from reglint.probe.models.loading import Loaded
    from reglint.probe.probing import probe

    model = penalised(loss)
    report = probe(Loaded(model, "m", None, "keras", 0, None), Data(X, labels, 48, synthetic=False, description=""))
    (penalty,) = report.penalties
    assert penalty.penalty > 0
    assert (penalty.share, penalty.gradient_ratio) == (None, None)
    (unreached,) = report.measurement.unreached
    assert unreached.reason.startswith("the penalties' share of the loss, which does not take the labels `y`: ")
    assert "\n" not in unreached.reason


# Inputs that nobody gave.


def test_made_up_inputs_that_do_not_fit_are_told_in_one_line() -> None:
    cropped = keras.Sequential([keras.Input((None, 4)), layers.Cropping1D((5000, 0)), layers.Dense(3, "tanh")])
    with pytest.raises(ProbeError) as error:
        probe_model(cropped)
    said = str(error.value)
    assert said.startswith("made-up inputs of shape (None, 32, 4) do not fit the model (ValueError: ")
    assert said.endswith("); give --data")
    assert "\n" not in said
    assert len(said) <= 300


def test_what_given_inputs_make_the_model_raise_is_not_laid_to_made_up_ones() -> None:
    cropped = keras.Sequential([keras.Input((None, 4)), layers.Cropping1D((5000, 0)), layers.Dense(3, "tanh")])
    with pytest.raises(ValueError, match="must be smaller than the input length"):
        probe_model(cropped, X)


class PReLU(layers.Layer):
    """A user's own, out of the same two rectifiers as Keras's."""

    def call(self, x: Any) -> Any:
        return keras.ops.relu(x) - 0.1 * keras.ops.relu(-x)


def test_the_halves_of_a_prelu_are_no_rectifiers_of_their_own() -> None:
    model = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(5), layers.PReLU(), layers.Dense(2)])
    (site,) = probe_model(model, X).measurement.sites
    assert (site.site, site.activation, site.saturated_fraction, site.dead_units) == ("activation", "prelu", None, None)


def test_the_halves_of_a_prelu_of_ones_own_are_no_rectifiers_either() -> None:
    model = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(5), PReLU(name="own")])
    measured = probe_model(model, X).measurement
    assert measured.sites == ()
    assert [each.layer for each in measured.unreached] == ["own"]


def test_a_state_that_nobody_knows_is_refused() -> None:
    model = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ValueError, match="must be one of trained, initial, auto"):
        probe_model(model, X, state="fresh")


def test_middle_padding_of_a_bidirectional_layer_does_not_count() -> None:
    """Bidirectional puts zeros in place of masked steps, which are not the states that its cells saw."""
    inputs = keras.Input((6, 4))
    masked = layers.Masking(9.0)(inputs)
    model = keras.Model(inputs, layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(masked))
    holes = X.copy()
    holes[:, 2:4] = 9.0
    shut = np.delete(holes, [2, 3], axis=1)
    plain = keras.Input((4, 4))
    twin = keras.Model(plain, layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(plain))
    twin.set_weights(model.get_weights())
    found, wanted = (
        probe_model(each, x, every_position=True).measurement.sites for each, x in ((model, holes), (twin, shut))
    )
    assert [site.site for site in found] == ["gate:z", "gate:r", "gate:h"] * 2
    for site, alone in zip(found, wanted, strict=True):
        assert site.evaluations == alone.evaluations
        assert site.preactivation_rms == pytest.approx(alone.preactivation_rms, rel=1e-4)
        assert site.mean_gain == pytest.approx(alone.mean_gain, rel=1e-4)
