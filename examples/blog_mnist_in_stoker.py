"""The blog's job in stoker's words: ``python blog_mnist_in_stoker.py``, in the folder of the two files."""

import stoker  # before keras, which is then told of JAX

# isort: split
import keras

feed = stoker.Feed(stoker.open("train.csv", label="label"), batch_size=256, seed=7)
model = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Dense(50, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
stoker.fit(model, feed, validation=stoker.open("test.csv", label="label"), epochs=10, run="runs/mnist")
