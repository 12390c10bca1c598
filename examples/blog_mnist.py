"""The blog's script, as for Keras 2: ``stoker legacy examples/blog_mnist.py [ROWS VALID_ROWS]``.

Reads ``train.csv`` and ``test.csv`` of the current folder: a header, the label first, then 784 pixels. ROWS
and VALID_ROWS are the 42,000 and 28,000 that the blog has written into its code.
"""

import sys

import numpy as np
import pandas as pd
from keras.layers import Activation, Dense  # noqa: F401
from keras.models import Sequential
from keras.utils import np_utils


def batch_generator(Train_df, batch_size, steps):
    idx = 1
    while True:
        yield load_data(Train_df, idx - 1, batch_size)  ## Yields data
        if idx < steps:
            idx += 1
        else:
            idx = 1


def load_data(Train_df, idx, batch_size):
    df = pd.read_csv(Train_df, skiprows=idx * batch_size, nrows=batch_size)
    x = df.iloc[:, 1:]
    y = df.iloc[:, 0]
    return (np.array(x), np_utils.to_categorical(y))


rows, valid_rows = map(int, sys.argv[1:] or (42000, 28000))

# some model parameters
output_dim = 10
input_dim = 784
batch_size = 256
nb_epoch = 10
steps_per_epoch = np.ceil(rows / batch_size)
validation_steps = np.ceil(valid_rows / batch_size)

### Generator objects for train and validation
my_training_batch_generator = batch_generator("train.csv", 256, steps_per_epoch)
my_validation_batch_generator = batch_generator("test.csv", 256, validation_steps)

## Layer 1
model = Sequential()
model.add(Dense(50, input_dim=input_dim, activation="relu"))

## Layer 2
model.add(Dense(output_dim, input_dim=50, activation="softmax"))

##Compile model
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])

model.fit_generator(
    my_training_batch_generator,
    epochs=nb_epoch,
    steps_per_epoch=steps_per_epoch,
    verbose=1,
    validation_data=my_validation_batch_generator,
    validation_steps=validation_steps,
)
