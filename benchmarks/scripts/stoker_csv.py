"""The job straight from the CSV with stoker: ``stoker_csv.py train.csv epochs``."""

import json
import sys

import keras

import stoker
from stoker.transforms.numeric import Cast

keras.utils.set_random_seed(7)
rows = stoker.open(sys.argv[1], label="label")
feed = stoker.Feed(rows, transform=Cast(), batch_size=256, shuffle=True, seed=7)
model = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Dense(50, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = stoker.fit(model, feed, epochs=int(sys.argv[2]))
print(json.dumps({"accuracy": history.history["accuracy"][-1]}))
