"""The blog's script, moved to Keras 3 and no further: ``blog.py train.csv epochs``.

``fit_generator`` became ``fit`` and ``np_utils.to_categorical`` is told the number of classes, without which
it fails now and then; validation is left out, since the other scripts have none.
"""

import json
import sys
import time

import keras
import numpy as np
import pandas as pd


def load_data(path, idx, batch_size):
    df = pd.read_csv(path, skiprows=idx * batch_size, nrows=batch_size)
    x = df.iloc[:, 1:]
    y = df.iloc[:, 0]
    return np.array(x), keras.utils.to_categorical(y, 10)


def batch_generator(path, batch_size, steps):
    idx = 1
    while True:
        yield load_data(path, idx - 1, batch_size)
        if idx < steps:
            idx += 1
        else:
            idx = 1


class Clock(keras.callbacks.Callback):
    """Notes when epochs begin and end."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stop the clock."""
        self.seconds = time.perf_counter() - self.start


batch_size = 256
steps_per_epoch = int(np.ceil(42000 / batch_size))
model = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Dense(50, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
clock = Clock()
history = model.fit(
    batch_generator(sys.argv[1], batch_size, steps_per_epoch),
    epochs=int(sys.argv[2]),
    steps_per_epoch=steps_per_epoch,
    callbacks=[clock],
)
print(json.dumps({"epoch_seconds": clock.seconds, "accuracy": history.history["accuracy"][-1]}))
