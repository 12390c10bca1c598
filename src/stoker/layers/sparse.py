"""A Dense layer for rows of which only the entries that are not zero are given."""

from __future__ import annotations

from typing import Any

import keras

from stoker.layers.backend import on_jax_cpu

__all__ = ["SparseDense"]


@keras.saving.register_keras_serializable(package="stoker")
class SparseDense(keras.layers.Layer):  # type: ignore[misc]  # Keras has no type information
    """``activation(x @ kernel + bias)`` for an x of which only the entries that are not zero are given.

    The product gathers rows of the kernel, so time and memory follow the entries and not `input_dim`; the
    rows x are never built. Weights have the names, the shapes and the order of ``keras.layers.Dense``, so
    ``get_weights`` of one goes into ``set_weights`` of the other; outputs and gradients are the same.

    Dropout on x is dropout on the values: what is not given is zero and stays zero, dropped or not.

    Parameters
    ----------
    units
        Outputs.
    input_dim
        Columns of x: indices lie in [0, input_dim).
    activation
        Name or function, as of ``keras.layers.Dense``.
    use_bias
        Whether a bias is added.
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer
        As of ``keras.layers.Dense``.
    **kwargs
        ``name``, ``dtype``, ``trainable``, as of every layer.

    Notes
    -----
    Called with ``{"indices": int32 (B, P), "values": float32 (B, P)}``; rows shorter than P are padded with
    index 0 and value 0.0. Gives float32 (B, units). An index that a row holds twice counts with both values.

    Examples
    --------
    >>> import numpy as np
    >>> layer = SparseDense(1, input_dim=4, kernel_initializer="ones")
    >>> x = {"indices": np.array([[1, 3], [2, 0]], "int32"), "values": np.array([[2, 5], [4, 0]], "float32")}
    >>> np.asarray(keras.ops.convert_to_numpy(layer(x))).tolist()
    [[7.0], [4.0]]
    """

    def __init__(
        self,
        units: int,
        input_dim: int,
        *,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("units", units), ("input_dim", input_dim)):
            if value < 1:
                raise ValueError(f"SparseDense: {name} must be at least 1, got {value}")
        self.units = units
        self.input_dim = input_dim
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the weights, whose shapes `input_dim` gives."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.input_dim, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        self.built = True

    def call(self, inputs: dict[str, Any]) -> Any:
        """The outputs for a batch of pairs."""
        outputs = _product()(inputs["indices"], inputs["values"], keras.ops.convert_to_tensor(self.kernel))
        if self.bias is not None:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: dict[str, Any]) -> tuple[int | None, int]:
        """(B, units)."""
        return (input_shape["values"][0], self.units)

    def get_config(self) -> dict[str, Any]:
        """What makes the same layer again."""
        return {
            **super().get_config(),
            "units": self.units,
            "input_dim": self.input_dim,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }


def _product() -> Any:
    """The fastest way to gather and add up that the backend has."""
    if on_jax_cpu():
        from stoker.layers.jax_sparse import product

        return product
    backend = keras.backend.backend()
    return {"tensorflow": _tensorflow, "torch": _torch}.get(backend, _gathered)


def _gathered(indices: Any, values: Any, kernel: Any) -> Any:
    return keras.ops.einsum("bp,bpu->bu", values, keras.ops.take(kernel, indices, axis=0))


def _tensorflow(indices: Any, values: Any, kernel: Any) -> Any:
    import tensorflow

    used = tensorflow.where(tensorflow.not_equal(values, 0))
    columns = tensorflow.cast(tensorflow.gather_nd(indices, used), tensorflow.int64)
    shape = tensorflow.stack([tensorflow.shape(values, tensorflow.int64)[0], kernel.shape[0]])
    places = tensorflow.stack([used[:, 0], columns], axis=1)
    rows = tensorflow.SparseTensor(places, tensorflow.gather_nd(values, used), shape)
    return tensorflow.sparse.sparse_dense_matmul(rows, kernel)


def _torch(indices: Any, values: Any, kernel: Any) -> Any:
    import torch

    used = values != 0
    if values.is_meta:  # shapes alone are asked for, and a mask has none without values
        return torch.nn.functional.embedding_bag(indices, kernel, mode="sum", per_sample_weights=values)
    ends = torch.cumsum(used.sum(dim=1), dim=0)
    return torch.nn.functional.embedding_bag(
        indices[used].long(),
        kernel,
        torch.nn.functional.pad(ends, (1, 0)),
        mode="sum",
        per_sample_weights=values[used],
        include_last_offset=True,
    )
