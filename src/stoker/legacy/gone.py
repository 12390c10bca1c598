"""What Keras 3 has no counterpart of: one sentence each, naming what to write instead."""

from __future__ import annotations

__all__ = ["BACKEND_NAMES", "GONE", "sentence_for"]

GONE: dict[str, str] = {
    "keras.Graph": "use keras.Model(inputs, outputs)",
    "keras.layers.AtrousConvolution1D": "use keras.layers.Conv1D(dilation_rate=…)",
    "keras.layers.AtrousConvolution2D": "use keras.layers.Conv2D(dilation_rate=…)",
    "keras.layers.ConvRecurrent2D": "use keras.layers.ConvLSTM2D",
    "keras.layers.Highway": "build it of keras.layers.Dense, Multiply and Add",
    "keras.layers.LocallyConnected1D": "write a keras.layers.Layer that uses keras.ops.einsum",
    "keras.layers.LocallyConnected2D": "write a keras.layers.Layer that uses keras.ops.einsum",
    "keras.layers.MaxoutDense": "use keras.layers.Dense, Reshape and keras.ops.max",
    "keras.layers.Merge": "use keras.layers.concatenate, add, multiply, average or dot and keras.Model",
    "keras.layers.Recurrent": "use keras.layers.RNN with a cell",
    "keras.layers.TimeDistributedDense": "use keras.layers.TimeDistributed(keras.layers.Dense(…))",
    "keras.models.Graph": "use keras.Model(inputs, outputs)",
    "keras.models.model_from_config": "use keras.Sequential.from_config or keras.Model.from_config",
    "keras.models.model_from_yaml": "use keras.models.model_from_json with model.to_json()",
    "keras.optimizers.TFOptimizer": "use one of keras.optimizers",
    "keras.regularizers.ActivityRegularizer": "use keras.regularizers.L1L2",
    "keras.regularizers.WeightRegularizer": "use keras.regularizers.L1L2",
    "keras.metrics.fmeasure": "use keras.metrics.FBetaScore()",
    "keras.metrics.matthews_correlation": "compute it from model.predict with sklearn.metrics",
    "keras.metrics.precision": "use keras.metrics.Precision()",
    "keras.metrics.recall": "use keras.metrics.Recall()",
    "keras.utils.GeneratorEnqueuer": "use stoker.fit_generator(workers=…)",
    "keras.utils.HDF5Matrix": "use h5py.File and a keras.utils.Sequence that slices it",
    "keras.utils.OrderedEnqueuer": "use stoker.fit_generator(workers=…)",
    "keras.utils.convert_all_kernels_in_model": "train or load the weights on the backend that runs them",
    "keras.utils.multi_gpu_model": "use keras.distribution.DataParallel",
    "keras.wrappers.scikit_learn": "use keras.wrappers.SKLearnClassifier, or scikeras.wrappers",
    "keras.applications.music_tagger_crnn": "load the weights with keras.models.load_model",
    "keras.legacy.interfaces": "call layers with Keras 3's keywords",
    "keras.backend.ctc_batch_cost": "use keras.ops.ctc_loss",
    "keras.backend.ctc_decode": "use keras.ops.ctc_decode",
    "keras.backend.get_session": "there are no sessions any more, leave it out",
    "keras.backend.gradients": "use jax.grad, tensorflow.GradientTape or torch.autograd",
    "keras.backend.in_test_phase": "give the layer's call an argument training",
    "keras.backend.in_train_phase": "give the layer's call an argument training",
    "keras.backend.learning_phase": "pass training=True or training=False when calling the model",
    "keras.backend.manual_variable_initialization": "variables have a value once made, leave it out",
    "keras.backend.placeholder": "use keras.Input",
    "keras.backend.rnn": "use keras.layers.RNN with a cell",
    "keras.backend.set_learning_phase": "pass training=True or training=False when calling the model",
    "keras.backend.set_session": "there are no sessions any more, leave it and its tf.Session out",
    "keras.backend.tf": "use keras.ops",
}
"""Full name of Keras 2 -> the way out, which ends the sentence."""

BACKEND_NAMES = frozenset(
    [
        "bias_add",
        "conv1d",
        "conv2d",
        "conv2d_transpose",
        "conv3d",
        "conv3d_transpose",
        "depthwise_conv2d",
        "separable_conv1d",
        "separable_conv2d",
        "pool2d",
        "pool3d",
        "local_conv1d",
        "local_conv2d",
        "resize_images",
        "resize_volumes",
        "temporal_padding",
        "spatial_2d_padding",
        "spatial_3d_padding",
        "normalize_batch_in_training",
        "batch_normalization",
        "foldl",
        "foldr",
        "is_sparse",
        "to_dense",
        "print_tensor",
        "in_top_k",
        "ctc_label_dense_to_sparse",
        "random_normal_variable",
        "random_uniform_variable",
        "is_placeholder",
        "get_variable_shape",
        "eye_like",
        "slice",
    ]
)
"""Functions of Keras 2's backend that do not come back and have a counterpart somewhere in ``keras.ops``."""


def sentence_for(name: str) -> str | None:
    """The whole sentence for a full name, None for one that Keras 2 had not or that still works.

    Examples
    --------
    >>> sentence_for("keras.backend.rnn")
    'keras.backend.rnn is gone from Keras 3: use keras.layers.RNN with a cell'
    """
    way_out = GONE.get(name)
    module, _, last = name.rpartition(".")
    if way_out is None and module == "keras.backend" and last in BACKEND_NAMES:
        way_out = "use keras.ops"
    return None if way_out is None else f"{name} is gone from Keras 3: {way_out}"
