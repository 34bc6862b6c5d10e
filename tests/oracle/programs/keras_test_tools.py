"""Stand-in for the tools that Keras's own tests used: `keras.utils.test_utils`, which left with Keras 2.

They are the tests' tools, not what the tests are about: `layer_test` makes a layer from its arguments, calls it in a
functional and in a Sequential model on data of the shape given, and compares configurations and outputs.
"""

import functools
import sys
import types

import numpy as np


def get_test_data(
    num_train=1000,
    num_test=500,
    input_shape=(10,),
    output_shape=(2,),
    classification=True,
    num_classes=2,
    nb_train=None,
    nb_test=None,
    nb_class=None,
):
    """Random samples for training and testing, whose mean is the label; also under the names of Keras 1."""
    num_train, num_test = nb_train or num_train, nb_test or num_test
    rng = np.random.default_rng(0)
    total = num_train + num_test
    if classification:
        labels = rng.integers(0, nb_class or num_classes, total)
        centres, targets = labels, labels
    else:
        centres = rng.random(total)
        targets = rng.normal(size=(total, *output_shape)) + centres.reshape((-1, *[1] * len(output_shape)))
    samples = rng.normal(scale=0.7, size=(total, *input_shape)) + centres.reshape((-1, *[1] * len(input_shape)))
    return (samples[:num_train], targets[:num_train]), (samples[num_train:], targets[num_train:])


def keras_test(function):
    """FUNCTION, and Keras's global state cleared afterwards."""

    @functools.wraps(function)
    def cleared(*args, **kwargs):
        import keras

        try:
            return function(*args, **kwargs)
        finally:
            keras.backend.clear_session()

    return cleared


def layer_test(
    layer_cls,
    kwargs=None,
    input_shape=None,
    input_dtype=None,
    input_data=None,
    expected_output=None,
    expected_output_dtype=None,
    fixed_batch_size=False,
):
    """Make and call a layer as Keras's own tests did. Returns its output."""
    import keras

    if input_data is None:
        rng = np.random.default_rng(0)
        shape = [size or rng.integers(1, 4) for size in input_shape]
        input_data = (10 * rng.random(shape)).astype(input_dtype or "float32")
    shape = tuple(input_shape or input_data.shape)
    layer = layer_cls(**(kwargs or {}))

    def new_input():
        dtype = input_dtype or str(input_data.dtype)
        if fixed_batch_size:
            return keras.Input(batch_shape=shape, dtype=dtype)
        return keras.Input(shape=shape[1:], dtype=dtype)

    inputs = new_input()
    model = keras.Model(inputs, layer(inputs))
    output = model.predict(input_data)
    expected_shape = layer.compute_output_shape(shape)
    assert all(size in (None, real) for size, real in zip(expected_shape, output.shape, strict=True))
    if expected_output is not None:
        np.testing.assert_allclose(output, expected_output, rtol=1e-3)
    model.compile("rmsprop", "mse")
    model.train_on_batch(input_data, output)
    again = keras.Sequential([new_input(), layer.__class__.from_config(layer.get_config())])
    again.set_weights(model.get_weights())
    assert again.predict(input_data).shape == output.shape
    return output


def replace_test_tools(keras):
    """Make these the module `keras.utils.test_utils`."""
    module = types.ModuleType("keras.utils.test_utils")
    module.get_test_data, module.keras_test, module.layer_test = get_test_data, keras_test, layer_test
    sys.modules[module.__name__] = keras.utils.test_utils = module
