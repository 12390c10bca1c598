"""Everything that the old names need of Keras beyond its public interface, in one file.

The version range is held by ``stoker.training.adapter``; ``tests/legacy/test_private.py`` holds what is used.
"""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import h5py
from keras.src.legacy.preprocessing import image as image_module
from keras.src.legacy.preprocessing.image import DirectoryIterator as DirectoryIterator
from keras.src.legacy.preprocessing.image import ImageDataGenerator as ImageDataGenerator
from keras.src.legacy.preprocessing.image import Iterator as Iterator
from keras.src.legacy.preprocessing.image import NumpyArrayIterator as NumpyArrayIterator
from keras.src.legacy.preprocessing.image import apply_affine_transform as apply_affine_transform
from keras.src.legacy.preprocessing.image import random_rotation as random_rotation
from keras.src.legacy.preprocessing.image import random_shear as random_shear
from keras.src.legacy.preprocessing.image import random_shift as random_shift
from keras.src.legacy.preprocessing.image import random_zoom as random_zoom
from keras.src.legacy.preprocessing.sequence import TimeseriesGenerator as TimeseriesGenerator
from keras.src.legacy.preprocessing.sequence import make_sampling_table as make_sampling_table
from keras.src.legacy.preprocessing.sequence import skipgrams as skipgrams
from keras.src.legacy.preprocessing.text import Tokenizer as Tokenizer
from keras.src.legacy.preprocessing.text import hashing_trick as hashing_trick
from keras.src.legacy.preprocessing.text import one_hot as one_hot
from keras.src.legacy.preprocessing.text import text_to_word_sequence as text_to_word_sequence
from keras.src.legacy.preprocessing.text import tokenizer_from_json as tokenizer_from_json
from keras.src.legacy.saving import legacy_h5_format
from keras.src.models.functional import Functional as Functional
from keras.src.utils import module_utils

from stoker.legacy.patches import Patches

__all__ = [
    "Functional",
    "hide_tensorflow",
    "is_old_weights",
    "load_old_weights",
    "load_whole_model",
    "save_old_weights",
    "save_whole_model",
    "use_present_scipy",
]


def hide_tensorflow(patches: Patches) -> None:
    """Keep Keras itself from taking the stand-in for TensorFlow."""
    patches.set(module_utils.tensorflow, "_available", False)


def use_present_scipy(patches: Patches) -> None:
    """Let image transforms find SciPy's interpolation where it is, which the old place warns about."""
    patches.set(image_module, "scipy", _PresentSciPy())


class _PresentSciPy:
    @property
    def ndimage(self) -> Any:
        import scipy.ndimage

        return SimpleNamespace(interpolation=scipy.ndimage)


def save_whole_model(model: Any, path: str, *, overwrite: bool, include_optimizer: bool) -> None:
    """Write a model as Keras 2's HDF5 file, under any name."""
    legacy_h5_format.save_model_to_hdf5(model, path, overwrite, include_optimizer)


def load_whole_model(path: str, custom_objects: Any, *, compile: bool, safe_mode: bool) -> Any:
    """Read a model from an HDF5 file of Keras 2's layout, under any name."""
    model = legacy_h5_format.load_model_from_hdf5(
        path, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode
    )
    if compile and model.optimizer is not None and model.trainable_variables:
        _restore_optimizer(model, path)
    return model


def _restore_optimizer(model: Any, path: str) -> None:
    """Give the model its optimizer back: Keras builds it for no variables, and the next step would fail."""
    with h5py.File(path, "r") as file:
        if "optimizer_weights" not in file:
            return
        values = [value[()] for value in legacy_h5_format.load_optimizer_weights_from_hdf5_group(file)]
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    optimizer.build(model.trainable_variables)
    if [tuple(each.shape) for each in optimizer.variables] == [value.shape for value in values]:
        optimizer.set_weights(values)
    else:
        warnings.warn(
            f"{path} holds the optimizer's state in the layout of Keras 2: training goes on with a fresh one",
            UserWarning,
            stacklevel=4,
        )
    model.optimizer = optimizer


def is_old_weights(path: str) -> bool:
    """Whether this is an HDF5 file with the weights, or the whole model, in Keras 2's layout."""
    if not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r") as file:
        return "layer_names" in file.attrs or "model_weights" in file


def save_old_weights(model: Any, path: str) -> None:
    """Write the weights in Keras 2's layout."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def load_old_weights(model: Any, path: str, *, by_name: bool, skip_mismatch: bool) -> None:
    """Read weights of Keras 2's layout, by place in the model or by the layers' names."""
    with h5py.File(path, "r") as file:
        group = file["model_weights"] if "layer_names" not in file.attrs else file
        if by_name:
            legacy_h5_format.load_weights_from_hdf5_group_by_name(group, model, skip_mismatch)
        else:
            legacy_h5_format.load_weights_from_hdf5_group(group, model, skip_mismatch)
