"""The table of Keras 2's modules: where each one's names are now."""

from __future__ import annotations

__all__ = ["HOMES", "NAMES"]

HOMES: dict[str, tuple[str, ...]] = {
    "keras.layers.advanced_activations": ("keras.layers",),
    "keras.layers.convolutional": ("keras.layers",),
    "keras.layers.convolutional_recurrent": ("keras.layers",),
    "keras.layers.core": ("keras.layers",),
    "keras.layers.cudnn_recurrent": ("keras.layers",),
    "keras.layers.embeddings": ("keras.layers",),
    "keras.layers.local": ("keras.layers",),
    "keras.layers.merge": ("keras.layers",),
    "keras.layers.noise": ("keras.layers",),
    "keras.layers.normalization": ("keras.layers",),
    "keras.layers.pooling": ("keras.layers",),
    "keras.layers.recurrent": ("keras.layers",),
    "keras.layers.wrappers": ("keras.layers",),
    "keras.engine": ("keras.layers", "keras.models"),
    "keras.engine.base_layer": ("keras.layers",),
    "keras.engine.input_layer": ("keras.layers",),
    "keras.engine.network": ("keras.models",),
    "keras.engine.sequential": ("keras.models",),
    "keras.engine.topology": ("keras.layers", "keras.models"),
    "keras.engine.training": ("keras.models",),
    "keras.initializations": ("keras.initializers",),
    "keras.objectives": ("keras.losses",),
    "keras.backend.common": ("keras.backend",),
    "keras.backend.tensorflow_backend": ("keras.backend",),
    "keras.applications.mobilenetv2": ("keras.applications.mobilenet_v2",),
    "keras.preprocessing.text": ("stoker.legacy.texts",),
    "keras.utils.data_utils": ("keras.utils",),
    "keras.utils.generic_utils": ("keras.utils",),
    "keras.utils.io_utils": ("keras.utils",),
    "keras.utils.layer_utils": ("keras.utils",),
    "keras.utils.np_utils": ("stoker.legacy.np_utils",),
    "keras.utils.training_utils": ("keras.utils",),
    "keras.utils.vis_utils": ("keras.utils",),
}
"""Old module path -> the modules that have its names now, asked in this order."""

NAMES: dict[str, dict[str, str]] = {
    "keras.layers": {
        "CuDNNGRU": "keras.layers:GRU",
        "CuDNNLSTM": "keras.layers:LSTM",
        "Deconvolution2D": "keras.layers:Conv2DTranspose",
        "Deconvolution3D": "keras.layers:Conv3DTranspose",
        "ThresholdedReLU": "stoker.legacy.layers:ThresholdedReLU",
    },
    "keras.models": {"Input": "keras.layers:Input"},
    "keras.utils": {
        "print_summary": "stoker.legacy.models:print_summary",
        "to_categorical": "stoker.legacy.np_utils:to_categorical",
    },
    "keras.losses": {
        "KLD": "keras.losses:kl_divergence",
        "MAE": "keras.losses:mean_absolute_error",
        "MAPE": "keras.losses:mean_absolute_percentage_error",
        "MSE": "keras.losses:mean_squared_error",
        "MSLE": "keras.losses:mean_squared_logarithmic_error",
        "cosine": "stoker.legacy.losses:cosine_proximity",
        "cosine_proximity": "stoker.legacy.losses:cosine_proximity",
        "kld": "keras.losses:kl_divergence",
        "kullback_leibler_divergence": "keras.losses:kl_divergence",
        "logcosh": "stoker.legacy.losses:logcosh",
        "mae": "keras.losses:mean_absolute_error",
        "mape": "keras.losses:mean_absolute_percentage_error",
        "mse": "keras.losses:mean_squared_error",
        "msle": "keras.losses:mean_squared_logarithmic_error",
    },
    "keras.metrics": {
        "cosine_proximity": "stoker.legacy.losses:cosine_proximity",
        "mae": "keras.losses:mean_absolute_error",
        "mse": "keras.losses:mean_squared_error",
    },
    "keras.constraints": {
        "maxnorm": "keras.constraints:max_norm",
        "nonneg": "keras.constraints:non_neg",
        "unitnorm": "keras.constraints:unit_norm",
    },
    "keras.regularizers": {"l1l2": "keras.regularizers:l1_l2"},
    "keras.preprocessing.image": {
        "DirectoryIterator": "stoker.legacy.keras_private:DirectoryIterator",
        "ImageDataGenerator": "stoker.legacy.images:ImageDataGenerator",
        "Iterator": "stoker.legacy.keras_private:Iterator",
        "NumpyArrayIterator": "stoker.legacy.keras_private:NumpyArrayIterator",
        "apply_affine_transform": "stoker.legacy.keras_private:apply_affine_transform",
        "random_rotation": "stoker.legacy.keras_private:random_rotation",
        "random_shear": "stoker.legacy.keras_private:random_shear",
        "random_shift": "stoker.legacy.keras_private:random_shift",
        "random_zoom": "stoker.legacy.keras_private:random_zoom",
    },
    "keras.preprocessing.sequence": {
        "TimeseriesGenerator": "stoker.legacy.keras_private:TimeseriesGenerator",
        "make_sampling_table": "stoker.legacy.keras_private:make_sampling_table",
        "skipgrams": "stoker.legacy.keras_private:skipgrams",
    },
}
"""Module of Keras 3 -> Keras 2's names in it -> what they are now, as ``module:name``."""
