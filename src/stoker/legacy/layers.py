"""Layers that take the arguments of Keras 1 and 2."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

from stoker.legacy.keywords import KERAS_1_LAYERS, renamed, warn_of
from stoker.legacy.patches import Patches

__all__ = ["ThresholdedReLU", "patch_layers"]

_RECURRENT = ("SimpleRNN", "GRU", "LSTM")
_CONVOLUTIONS = {"Conv2D": 2, "Conv2DTranspose": 2, "SeparableConv2D": 2, "Conv3D": 3}
_OLD_SIZES = {2: ("nb_row", "nb_col"), 3: ("kernel_dim1", "kernel_dim2", "kernel_dim3")}
_SHAPE = "_keras_2_input_shape"


def ThresholdedReLU(theta: float = 1.0, **options: Any) -> Any:  # noqa: N802 - Keras 2's name
    """A rectifier that is zero up to ``theta``."""
    return keras.layers.ReLU(threshold=theta, **options)


def patch_layers(patches: Patches) -> None:
    """Let layers take their old arguments, and ``Sequential.add`` the shape that a first layer was given."""
    names = {*KERAS_1_LAYERS, "LeakyReLU", "Embedding", *_CONVOLUTIONS, *_RECURRENT}
    for name in sorted(names):
        cls = getattr(keras.layers, name)
        patches.set(cls, "__init__", _translating(name, cls.__init__))
    patches.set(keras.layers.Layer, "__init__", _keeping_shape(keras.layers.Layer.__init__))
    patches.set(keras.Sequential, "add", _adding(keras.Sequential.add))
    patches.set(keras.layers.Layer, "input_shape", _ShapeOf("input"))
    patches.set(keras.layers.Layer, "output_shape", _ShapeOf("output"))


def _translating(name: str, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any, *arguments: Any, **options: Any) -> None:
        if name in _CONVOLUTIONS:
            arguments, options = _joined_size(name, arguments, options)
        options = renamed(name, KERAS_1_LAYERS.get(name, {}), options)
        original(self, *arguments, **_SPECIAL.get(name, dict)(options))

    # Keras reads the signature of a layer's __init__ by a function that does not follow __wrapped__.
    construct.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return construct


def _joined_size(
    name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Kernel sizes that are given one by one: ``Conv2D(32, 3, 3)``, ``Conv2D(32, nb_row=3, nb_col=3)``."""
    rank = _CONVOLUTIONS[name]
    sizes = arguments[1 : 1 + rank]
    if len(sizes) == rank and all(isinstance(size, int) for size in sizes):
        warn_of(
            f"{name}({', '.join(map(str, arguments))}) is Keras 1: the kernel's size is {sizes} since Keras 2"
        )
        return (arguments[0], tuple(sizes), *arguments[1 + rank :]), options
    old = _OLD_SIZES[rank]
    if all(each in options for each in old):
        size = tuple(options[each] for each in old)
        said = ", ".join(f"{each}=" for each in old)
        warn_of(f"{name}({said}) is Keras 1: it is kernel_size={size} since Keras 2")
        options = {each: value for each, value in options.items() if each not in old}
        return arguments, {**options, "kernel_size": size}
    return arguments, options


def _embedding(options: dict[str, Any]) -> dict[str, Any]:
    length = options.pop("input_length", None)
    return options if length is None else {"input_shape": _as_tuple(length), **options}


def _recurrent(options: dict[str, Any]) -> dict[str, Any]:
    consume_less = options.pop("consume_less", None)
    if consume_less is not None:
        warn_of("consume_less= is Keras 1 and chose among ways of computing the same: it has no effect")
    return _with_steps(options)


def _with_steps(options: dict[str, Any]) -> dict[str, Any]:
    """``input_dim=`` and ``input_length=`` of layers over sequences, as the shape they stand for."""
    if "input_dim" not in options:
        return options
    length, width = options.pop("input_length", None), options.pop("input_dim")
    return {"input_shape": (length, width), **options}


def _normalization(options: dict[str, Any]) -> dict[str, Any]:
    mode = options.pop("mode", 0)
    if mode != 0:
        raise TypeError(
            f"BatchNormalization(mode={mode!r}) is gone since Keras 2: use keras.layers.LayerNormalization "
            "for mode=1, and BatchNormalization() alone for mode=2"
        )
    return options


def _leaky(options: dict[str, Any]) -> dict[str, Any]:
    return renamed_quietly(options, "alpha", "negative_slope")


def renamed_quietly(options: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The keywords with one of Keras 2's replaced."""
    if old in options:
        options = {**options, new: options[old]}
        del options[old]
    return options


_SPECIAL: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "BatchNormalization": _normalization,
    "Conv1D": _with_steps,
    "Embedding": _embedding,
    "LeakyReLU": _leaky,
    **dict.fromkeys(_RECURRENT, _recurrent),
}


def _keeping_shape(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any, **options: Any) -> None:
        shape = _input_shape(options)
        if "weights" in options:
            raise TypeError(
                f"{type(self).__name__}(weights=…) is gone from Keras 3: call layer.set_weights(weights) "
                "when the model is built"
            )
        original(self, **options)
        if shape is not None:
            setattr(self, _SHAPE, shape)

    construct.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return construct


def _input_shape(options: dict[str, Any]) -> tuple[int | None, ...] | None:
    """Take what says the input's shape out of the keywords; with the batch's size, or None, in front."""
    whole = options.pop("batch_input_shape", None)
    size = options.pop("batch_size", None)
    width = options.pop("input_dim", None)
    shape = options.pop("input_shape", None)
    options.pop("input_dtype", None)
    if whole is not None:
        return tuple(whole)
    if width is not None:
        shape = (width,)
    return None if shape is None else (size, *_as_tuple(shape))


def _as_tuple(shape: Any) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, list | tuple) else (shape,)


def _adding(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def add(self: Any, layer: Any, *arguments: Any, **options: Any) -> None:
        shape = getattr(layer, _SHAPE, None)
        if shape is not None and not self._layers:
            original(self, keras.layers.InputLayer(batch_shape=shape), *arguments, **options)
        original(self, layer, *arguments, **options)

    return add


class _ShapeOf:
    """``layer.input_shape`` and ``output_shape``; no data descriptor, so that layers may set their own."""

    def __init__(self, side: str) -> None:
        self._side = side

    def __get__(self, layer: Any, owner: Any = None) -> Any:
        if layer is None:
            return self
        try:
            tensors = getattr(layer, self._side)
        except ValueError as error:
            # Of a layer in several places; hasattr must not pass a ValueError on.
            raise AttributeError(str(error)) from error
        shapes = keras.tree.map_structure(lambda tensor: tuple(tensor.shape), tensors)
        return shapes[0] if isinstance(shapes, list) and len(shapes) == 1 else shapes
