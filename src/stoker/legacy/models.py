"""Methods of Keras 2's models, and the keywords of Keras 1 in them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from stoker.legacy import generators
from stoker.legacy.keywords import renamed
from stoker.legacy.losses import in_keras_3
from stoker.legacy.metric_names import metrics_names, of_outputs, remember_metrics
from stoker.legacy.patches import Patches

__all__ = ["patch_models", "print_summary"]

_KERAS_1_MODEL = {"input": "inputs", "output": "outputs"}
_COMPILE = ("metrics", "loss_weights", "sample_weight_mode", "weighted_metrics", "target_tensors")
_GONE_FROM_COMPILE = {
    "sample_weight_mode": "sample weights of shape (rows, steps) need no mode, leave it out",
    "target_tensors": "give the targets to fit",
}
_QUEUE = ("workers", "max_queue_size", "use_multiprocessing")


def patch_models(patches: Patches, functional: Any) -> None:
    """Put the old methods on ``keras.Model``, and let its others take their old arguments.

    Parameters
    ----------
    patches
        What undoes it.
    functional
        Keras's class of models made of inputs and outputs.
    """
    model = keras.Model
    for method in (
        generators.fit_generator,
        generators.evaluate_generator,
        generators.predict_generator,
        predict_classes,
        predict_proba,
        to_yaml,
        _make_predict_function,
    ):
        patches.set(model, method.__name__, method)
    patches.set_where_defined(model, "compile", _compiling(model.compile))
    patches.set(model, "fit", _fitting(model.fit))
    patches.set(model, "evaluate", _computing(model.evaluate, generators.evaluate_generator, "evaluate"))
    patches.set(model, "predict", _computing(model.predict, generators.predict_generator, "predict"))
    patches.set(model, "metrics_names", property(metrics_names))
    patches.set(keras.Sequential, "input", property(lambda self: _one_or_all(self.inputs)))
    patches.set(keras.Sequential, "output", property(lambda self: _one_or_all(self.outputs)))
    patches.set(model, "__new__", staticmethod(_making(model.__new__)))
    patches.set(functional, "__init__", _with_plural_names(functional.__init__))
    # Those of Keras 2 never call super().__init__, which Keras 3 warns about.
    for name, value in {"_workers": 1, "_use_multiprocessing": False, "_max_queue_size": 10}.items():
        patches.set(keras.utils.PyDataset, name, value)


def predict_classes(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """The number of the class with the largest output; of a single output, 1 where it is above one half."""
    outputs = self.predict(x, batch_size=batch_size, verbose=verbose)
    return outputs.argmax(axis=-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype("int32")


def predict_proba(self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
    """The outputs, which are probabilities where the model ends in a softmax or sigmoid."""
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def to_yaml(self: Any, **options: Any) -> str:
    """Refused: Keras 3 writes JSON alone."""
    raise AttributeError("model.to_yaml is gone from Keras 3: use model.to_json()")


def _make_predict_function(self: Any) -> None:
    """Compile the prediction before threads ask for it, as servers did."""
    self.make_predict_function()


def print_summary(
    model: Any, line_length: int | None = None, positions: Any = None, print_fn: Any = None
) -> None:
    """Print a model's layers."""
    model.summary(line_length=line_length, positions=positions, print_fn=print_fn)


def _compiling(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def compile(self: Any, optimizer: Any = "rmsprop", loss: Any = None, *rest: Any, **options: Any) -> None:
        options |= dict(zip(_COMPILE, rest, strict=False))
        for gone, way_out in _GONE_FROM_COMPILE.items():
            if options.pop(gone, None) is not None:
                raise TypeError(f"model.compile({gone}=…) is gone from Keras 3: {way_out}")
        if "metrics" in options:
            options["metrics"] = of_outputs(self, in_keras_3(options["metrics"]))
        original(self, optimizer, loss=in_keras_3(loss), **options)
        remember_metrics(self, options.get("metrics"))

    return compile


def _fitting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(self: Any, x: Any = None, y: Any = None, *rest: Any, **options: Any) -> Any:
        options = renamed("model.fit", {"nb_epoch": "epochs"}, options)
        if y is None and generators.yields_batches(x):
            names = ("batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data")
            options |= dict(zip(names, rest, strict=False))
            return generators.fit_generator(self, x, **generators.for_generators("fit", x, options))
        for name in _QUEUE:
            options.pop(name, None)
        return original(self, x, y, *rest, **options)

    return fit


def _computing(
    original: Callable[..., Any], of_generator: Callable[..., Any], name: str
) -> Callable[..., Any]:
    """``evaluate`` and ``predict``, which since Keras 2.3 take generators, too."""

    @functools.wraps(original)
    def compute(self: Any, x: Any = None, *rest: Any, **options: Any) -> Any:
        if not rest and generators.yields_batches(x) and not options.get("return_dict"):
            options.pop("return_dict", None)
            return of_generator(self, x, **generators.for_generators(name, x, options))
        for each in _QUEUE:
            options.pop(each, None)
        return original(self, x, *rest, **options)

    compute.__name__ = name
    return compute


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _making(original: Callable[..., Any]) -> Callable[..., Any]:
    def make(cls: Any, *arguments: Any, **options: Any) -> Any:
        return original(cls, *arguments, **_plural(options))

    return make


def _with_plural_names(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def construct(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **renamed("keras.Model", _KERAS_1_MODEL, options))

    return construct


def _plural(options: dict[str, Any]) -> dict[str, Any]:
    """``input=`` and ``output=`` as Keras names them; the warning is left to ``__init__``, which follows."""
    return {_KERAS_1_MODEL.get(name, name): value for name, value in options.items()}
