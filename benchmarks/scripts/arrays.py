"""The job on arrays that are already in memory: ``arrays.py x.npy y.npy epochs``.

The seconds of loading are printed, so that the benchmark can take them off: the arrays count as loaded.
"""

import json
import sys
import time

import keras
import numpy as np

start = time.perf_counter()
x = np.load(sys.argv[1]).astype(np.float32)
y = np.load(sys.argv[2])
loading = time.perf_counter() - start

keras.utils.set_random_seed(7)
model = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Dense(50, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=256, epochs=int(sys.argv[3]))
print(json.dumps({"loading": loading, "accuracy": history.history["accuracy"][-1]}))
