"""Taps every activation of a Keras model while it is called, and hands what it sees to the reductions.

Everything happens inside :class:`Tap`, a context that leaves the model and the library as they were, on every way out:

1. attributes that hold an activation function (fused ones, gates, custom names) are wrapped, so that z and f(z) are
   seen;
2. ``Layer.__call__`` keeps a stack of the calls that are going on, for names, masks and the weights in front;
3. the backend's activation functions are wrapped too, for ``keras.ops`` in custom layers; what runs inside a wrapped
   attribute is not seen twice;
4. the loop of an RNN carries its counts as further states (see :mod:`reglint.probe.taps.recurrent`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from reglint.probe.statistics import reductions
from reglint.probe.statistics.kernels import kernel_variable
from reglint.probe.taps.activations import SOFTMAX, find
from reglint.probe.taps.frames import Frame, gate, is_cell
from reglint.probe.taps.library import ACTIVATIONS, Library, function_name
from reglint.probe.taps.patching import Patches, stands_for
from reglint.probe.taps.trace import Made, Record, Taken, Trace, reference

NORMALISATIONS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")


class Tap:
    """A context in which the calls of ``model`` are tapped.

    ``backend`` is the module of :mod:`reglint.probe.backends`.
    """

    def __init__(self, model: Any, library: Library, backend: Any, every_position: bool = False) -> None:
        from keras import ops

        self.model = model
        self.library = library
        self.backend = backend
        self.ops = ops
        self.every_position = every_position
        self.trace = Trace()
        self._patches = Patches()

    def __enter__(self) -> Tap:
        try:
            self._patch()
        except BaseException:
            self._patches.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.__exit__()
        self.trace = Trace()

    def call(self, inputs: Any) -> tuple[Any, Trace]:
        """Call the model as for inference, and return its outputs and what was tapped on the way."""
        self.trace = trace = Trace(scope=self.backend.scope())
        accepts_training = getattr(self.model, "_call_has_training_arg", True)
        with self.library.calling():
            outputs = self.model(inputs, training=False) if accepts_training else self.model(inputs)
        self._mark_outputs(outputs, trace)
        return outputs, trace

    # --- what is replaced --------------------------------------------------------------------------------------------

    def _patch(self) -> None:
        from reglint.probe.taps.attention import tapped_attention
        from reglint.probe.taps.forced import forced_loop
        from reglint.probe.taps.recurrent import tapped_kernel, tapped_rnn

        replace = self._patches.replace
        for layer in self.library.layers(self.model):
            for name, function in _activation_attributes(layer, self.library):
                replace(layer, name, self._wrapped_attribute(name, function))
            if hasattr(layer, "_could_use_gpu_kernel"):  # tf_keras: the fused kernel hides the gates
                replace(layer, "_could_use_gpu_kernel", False)
        replace(self.library.layer, "__call__", self._wrapped_call(self.library.layer.__call__))
        for module, name in list(self.library.activation_functions()):
            replace(module, name, self._wrapped_operation(name, getattr(module, name)))
        for operation in self.library.rectifiers:
            replace(operation, "static_call", staticmethod(self._wrapped_operation("relu", operation.static_call)))
        for kind, name_of in self.library.wholes.items():
            replace(kind, "call", self._wrapped_whole(name_of, kind.call))
        for label, module in self.backend.DIRECT.items():
            for name in ACTIVATIONS:
                if module not in self.library.activations and hasattr(module, name):
                    replace(module, name, self._noted(f"{label}.{name}", getattr(module, name)))
        for module, name in list(self.library.flow_functions()):
            replace(module, name, self._hiding(name, getattr(module, name)))
        backend = self.library.backend
        replace(backend, "rnn", tapped_rnn(self, backend.rnn))
        for name in ("lstm", "gru"):  # the fused kernels hide the gates
            if hasattr(backend, name):
                replace(backend, name, tapped_kernel(self, getattr(backend, name)))
        for recurrent in self.library.recurrent:
            replace(recurrent, "inner_loop", forced_loop(self, recurrent.inner_loop))
        if hasattr(getattr(backend, "nn", None), "dot_product_attention"):
            replace(backend.nn, "dot_product_attention", tapped_attention(self, backend.nn.dot_product_attention))
        wrapper = self.library.time_distributed
        replace(wrapper, "call", self.library.folded(self, wrapper.call))

    def _wrapped_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def __call__(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if layer is self.model and self.trace.frames:
                return call(layer, *args, **kwargs)
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            with self.calling(layer, inputs, self._mask(layer, inputs, args, kwargs)) as frame:
                outputs = call(layer, *args, **kwargs)
            self._remember(frame, outputs)
            return outputs

        return stands_for(call, __call__)

    @contextmanager
    def calling(self, layer: Any, inputs: Any, mask: Any) -> Iterator[Frame]:
        """Be in a call of a layer."""
        frames = self.trace.frames
        frame = Frame(layer, self.trace.paths.enter(layer, frames), inputs, mask)
        frames.append(frame)
        try:
            yield frame
        finally:
            frames.pop()

    def _mask(self, layer: Any, inputs: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        mask = kwargs.get("mask")
        # The attention of tf_keras passes its mask by position.
        if mask is None and len(args) > 1 and type(layer).__name__ == "Softmax":
            mask = args[1]
        if mask is None and hasattr(inputs, "shape"):
            mask = self.library.mask_of(inputs)
        return mask if hasattr(mask, "shape") else None

    def _remember(self, frame: Frame, outputs: Any) -> None:
        """Note who made a tensor, for the activation layer that may take it next."""
        interesting = kernel_variable(frame.layer) is not None or type(frame.layer).__name__ in NORMALISATIONS
        if interesting and hasattr(outputs, "shape") and self.trace.step is None:
            made = Made(frame.layer, frame.path, reference(frame.inputs), frame.mask, reference(outputs))
            self.trace.made[id(outputs)] = made

    def _wrapped_attribute(self, attribute: str, function: Callable[..., Any]) -> Callable[..., Any]:
        name = function_name(function)

        def activation(*args: Any, **kwargs: Any) -> Any:
            return self._tapped(attribute, self.library.kind(name, args, kwargs), function, args, kwargs)

        stands_for(function, activation)
        activation.__name__ = name
        return activation

    def _wrapped_operation(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            return self._tapped(None, self.library.kind(name, args, kwargs), function, args, kwargs)

        return stands_for(function, operation)

    def _wrapped_whole(self, name_of: Callable[[Any], str], call: Callable[..., Any]) -> Callable[..., Any]:
        def whole(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return self._tapped(None, name_of(layer), partial(call, layer), args, kwargs)

        return stands_for(call, whole)

    def _noted(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def direct(*args: Any, **kwargs: Any) -> Any:
            trace = self.trace
            if trace.frames and not trace.busy and not _is_of_keras(sys._getframe(1)):
                path = self._place(trace.frames[-1])
                trace.direct.setdefault(path, f"calls {label} itself; only what goes through keras.ops is seen")
            return function(*args, **kwargs)

        return stands_for(function, direct)

    def _place(self, frame: Frame) -> str:
        """Return the path of a call for a reader: the model's own is its name, and a cell has one below its RNN."""
        if is_cell(frame.layer) and not frame.path.endswith(f"/{frame.layer.name}"):
            return f"{frame.path}/{frame.layer.name}"
        return frame.path or str(self.model.name)

    def _hiding(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def hidden(*args: Any, **kwargs: Any) -> Any:
            with self.muted(f"inside keras.ops.{name}"):
                return function(*args, **kwargs)

        return stands_for(function, hidden)

    @contextmanager
    def muted(self, reason: str) -> Iterator[None]:
        """Note as unreached what would be tapped in here."""
        trace = self.trace
        before, trace.muted = trace.muted, trace.muted or reason
        try:
            yield
        finally:
            trace.muted = before

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Tap nothing in here: it is the inside of something that is tapped as a whole, or our own arithmetic."""
        trace = self.trace
        before, trace.busy = trace.busy, True
        try:
            yield
        finally:
            trace.busy = before

    # --- what is tapped ----------------------------------------------------------------------------------------------

    def _tapped(self, attribute: str | None, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        trace = self.trace
        if trace.busy or not trace.frames or (not args and not kwargs):
            return function(*args, **kwargs)
        with self.busy():
            a = function(*args, **kwargs)
            z = args[0] if args else next(iter(kwargs.values()))
            if _is_numeric(z) and _is_numeric(a) and name != "linear":
                if name in SOFTMAX and len(args) > 1:
                    kwargs = {"axis": args[1], **kwargs}
                self._take(trace.frames[-1], attribute, name, z, a, function, kwargs)
        return a

    def _take(self, frame: Frame, attribute: str | None, name: str, z: Any, a: Any, function: Any, kwargs: Any) -> None:
        if type(frame.layer).__name__ == "PReLU" and name != "prelu":
            return  # a user's own: both halves let gradients through; the two rectifiers inside are none of their own
        trace = self.trace
        site = self._site(frame, attribute, name)
        outside_loop = is_cell(frame.layer) and trace.step is None and _runs_cell(trace.frames)
        if outside_loop:
            return
        if trace.muted is None and trace.step is None and self.backend.scope() is not trace.scope:
            trace.hidden[frame.path] = "inside a function that the model compiles itself"
            return
        if trace.muted is not None:
            trace.hidden[frame.path] = trace.muted
        elif name in SOFTMAX:
            self._take_softmax(frame, site, name, z, a, kwargs.get("axis"))
        elif len(z.shape) != len(a.shape):
            return
        elif trace.step is not None:
            trace.step.append(Taken(frame, site, name, find(name), partial(function, **kwargs), z, a))
        else:
            self._take_elementwise(frame, site, name, z, a)

    def _site(self, frame: Frame, attribute: str | None, name: str) -> str:
        operation = f"ops.{name.partition('(')[0]}"
        kind = attribute or ("activation" if _is_activation_layer(frame.layer) else operation)
        kind = "softmax" if name in SOFTMAX and kind == "activation" else kind
        which = gate(frame, attribute) if attribute is not None else None
        frame.taps[kind] += 1
        if which is not None:
            return f"gate:{which}"
        return kind if frame.taps[kind] == 1 else f"{kind}#{frame.taps[kind]}"

    def _take_elementwise(self, frame: Frame, site: str, name: str, z: Any, a: Any) -> None:
        judged = find(name)
        output = reference(a)
        made = self._front(frame, site, z)
        z, a, mask = self._channels_last(frame, z), self._channels_last(frame, a), frame.mask
        sampled = reductions.is_sampled(z, self.every_position)
        parcel = reductions.elementwise(z, a, judged, mask, self.ops, self.backend, self.every_position)
        record = Record(frame.path, frame.layer, site, name, judged, parcel, sampled=sampled, output=output)
        self._describe_front(record, frame, made)
        self.trace.records.append(record)

    def _front(self, frame: Frame, site: str, z: Any) -> Made | None:
        """Return the layer whose weights make z: the same one for a fused activation, else the one that made z."""
        if site in ("activation", "softmax") and kernel_variable(frame.layer) is not None:
            return Made(frame.layer, frame.path, reference(frame.inputs), frame.mask, reference(z))
        made = self.trace.made.get(id(z))
        return made if made is not None and made.output() is z else None

    def _describe_front(self, record: Record, frame: Frame, made: Made | None) -> None:
        if made is None:
            return
        if type(made.layer).__name__ in NORMALISATIONS:
            record.normalised = True
            return
        inputs = made.inputs()
        if hasattr(inputs, "shape"):
            record.fused = made.layer is frame.layer
            record.kernel_layer, record.kernel_path = made.layer, made.path
            record.input_parcel = reductions.squares(inputs, made.mask, self.ops, self.backend, self.every_position)

    def _channels_last(self, frame: Frame, tensor: Any) -> Any:
        if len(tensor.shape) == 1:
            return self.ops.expand_dims(tensor, -1)
        if getattr(frame.layer, "data_format", None) == "channels_first" and len(tensor.shape) > 2:
            return self.ops.moveaxis(tensor, 1, -1)
        if tensor.shape[-1] is None:
            return self.ops.expand_dims(tensor, -1)
        return tensor

    def _take_softmax(self, frame: Frame, site: str, name: str, z: Any, a: Any, axis: Any) -> None:
        if axis not in (None, -1, len(z.shape) - 1) or self.trace.step is not None:
            self.trace.hidden[frame.path] = "a softmax over another axis than the last, or in a loop"
            return
        ops = self.ops
        p = ops.exp(a) if name == "log_softmax" else a
        mask = frame.mask
        if mask is not None and len(mask.shape) == len(z.shape):
            kept = ops.logical_and(ops.cast(mask, "bool"), ops.ones_like(z, dtype="bool"))
        else:
            kept = ops.logical_or(z > reductions.MASKED_LOGIT, ops.logical_or(p > 0, ops.isnan(z)))
            weights = reductions.weights_of(mask, z, ops)
            kept = kept if weights is None else ops.logical_and(kept, weights > 0)
        self.record_rows(frame, site, name, z, p, kept, reference(a))

    def record_rows(self, frame: Frame, site: str, name: str, z: Any, p: Any, kept: Any, output: Any) -> None:
        """Record a softmax of logits z with probabilities p, where ``kept`` says which logits count."""
        sampled = not self.every_position and len(z.shape) > 2
        made = self._front(frame, site, z)
        z, p, kept = (reductions.sampled(each, self.ops, self.backend, self.every_position) for each in (z, p, kept))
        parcel = reductions.rows(z, p, kept, self.ops, self.backend)
        around = [each for each in self.trace.frames if "Attention" in type(each.layer).__name__]
        if around:  # Keras numbers the softmax layer inside by all that the process has made
            frame = around[-1]
            frame.taps["attention"] += 1
            site = "softmax" if frame.taps["attention"] == 1 else f"softmax#{frame.taps['attention']}"
        record = Record(frame.path, frame.layer, site, name, None, parcel, softmax=True, attention=bool(around))
        record.sampled, record.output = sampled, output
        self._describe_front(record, frame, made)
        self.trace.records.append(record)

    def _mark_outputs(self, outputs: Any, trace: Trace) -> None:
        from keras import tree

        final = {id(tensor): index for index, tensor in enumerate(tree.flatten(outputs))}
        for record in trace.records:
            made = record.output() if record.output is not None else None
            record.output_index = final.get(id(made))


def _activation_attributes(layer: Any, library: Library) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the attributes of a layer that hold an activation function; a layer as activation is tapped as a layer."""
    for name, value in list(vars(layer).items()):
        if not callable(value) or isinstance(value, (library.layer, type)) or name.startswith("__"):
            continue
        if name.endswith("activation") or library.knows(value):
            yield name, value


def _is_activation_layer(layer: Any) -> bool:
    """Say whether a layer is one of Keras's that are an activation and nothing else: ReLU, LeakyReLU, Softmax, …"""
    module = type(layer).__module__
    return module.partition(".")[0] in ("keras", "tf_keras") and ".layers.activation" in module


def _is_of_keras(frame: FrameType) -> bool:
    """Say whether Keras's own code runs in a frame of Python."""
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("keras", "tf_keras")


def _runs_cell(frames: list[Frame]) -> bool:
    """Say whether the call of a cell stands below the RNN that owns it (and not in a custom layer's own loop)."""
    return any(hasattr(frame.layer, "cell") for frame in frames[:-1])


def _is_numeric(value: Any) -> bool:
    """Say whether a value is a tensor of floats with at least one axis (and not a symbolic one)."""
    from keras import KerasTensor

    if not hasattr(value, "shape") or not hasattr(value, "dtype") or isinstance(value, KerasTensor):
        return False
    return len(value.shape) > 0 and "float" in str(value.dtype)
