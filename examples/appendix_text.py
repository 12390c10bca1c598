"""The guide's batch training, as for Keras 2: ``stoker legacy appendix_text.py KIND [FOLDER]``.

KIND is ``ngram`` (tf-idf of words and pairs, a sparse matrix, a multi-layer perceptron) or ``sequence``
(numbers of words, a separable convolution). FOLDER holds ``train.csv.gz`` and ``test.csv.gz``, columns label
(neg or pos) and text; without it the script makes some short texts up.
"""

import sys

import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from tensorflow.python.keras import models
from tensorflow.python.keras.layers import (
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    MaxPooling1D,
    SeparableConv1D,
)
from tensorflow.python.keras.preprocessing import sequence, text
from texts import load, made_up

TOP_K = 20000
MAX_SEQUENCE_LENGTH = 500


def ngram_vectorize(train_texts, train_labels, val_texts):
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), dtype=np.float32, strip_accents="unicode", decode_error="replace", min_df=2
    )
    x_train = vectorizer.fit_transform(train_texts)
    x_val = vectorizer.transform(val_texts)
    selector = SelectKBest(f_classif, k=min(TOP_K, x_train.shape[1]))
    selector.fit(x_train, train_labels)
    return selector.transform(x_train).astype("float32"), selector.transform(x_val).astype("float32")


def sequence_vectorize(train_texts, val_texts):
    tokenizer = text.Tokenizer(num_words=TOP_K)
    tokenizer.fit_on_texts(train_texts)
    x_train = tokenizer.texts_to_sequences(train_texts)
    x_val = tokenizer.texts_to_sequences(val_texts)
    max_length = min(len(max(x_train, key=len)), MAX_SEQUENCE_LENGTH)
    x_train = sequence.pad_sequences(x_train, maxlen=max_length)
    x_val = sequence.pad_sequences(x_val, maxlen=max_length)
    return x_train, x_val, min(len(tokenizer.word_index) + 1, TOP_K)


def mlp_model(input_shape):
    model = models.Sequential()
    model.add(Dropout(rate=0.2, input_shape=input_shape))
    model.add(Dense(units=64, activation="relu"))
    model.add(Dropout(rate=0.2))
    model.add(Dense(1, activation="sigmoid"))
    return model


def sepcnn_model(input_shape, num_features):
    model = models.Sequential()
    model.add(Embedding(input_dim=num_features, output_dim=32, input_length=input_shape[0]))
    model.add(Dropout(rate=0.2))
    for filters in (32, 64):
        model.add(
            SeparableConv1D(
                filters=filters,
                kernel_size=3,
                activation="relu",
                bias_initializer="random_uniform",
                depthwise_initializer="random_uniform",
                padding="same",
            )
        )
        model.add(MaxPooling1D(pool_size=3))
    model.add(GlobalAveragePooling1D())
    model.add(Dropout(rate=0.2))
    model.add(Dense(1, activation="sigmoid"))
    return model


def _data_generator(x, y, num_features, batch_size):
    """Generates batches of vectorized texts for training/validation.

    # Arguments
        x: np.matrix, feature matrix.
        y: np.ndarray, labels.
        num_features: int, number of features.
        batch_size: int, number of samples per batch.

    # Returns
        Yields feature and label data in batches.
    """
    num_samples = x.shape[0]
    num_batches = num_samples // batch_size
    if num_samples % batch_size:
        num_batches += 1

    while 1:
        for i in range(num_batches):
            start_idx = i * batch_size
            end_idx = (i + 1) * batch_size
            if end_idx > num_samples:
                end_idx = num_samples
            x_batch = x[start_idx:end_idx]
            y_batch = y[start_idx:end_idx]
            yield x_batch, y_batch


def batch_train(
    model,
    x_train,
    train_labels,
    x_val,
    val_labels,
    num_features,
    learning_rate=1e-3,
    epochs=1000,
    batch_size=128,
):
    optimizer = tf.keras.optimizers.Adam(lr=learning_rate)
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["acc"])
    callbacks = [tf.keras.callbacks.EarlyStopping(monitor="val_loss", patience=2)]

    # Create training and validation generators.
    training_generator = _data_generator(x_train, train_labels, num_features, batch_size)
    validation_generator = _data_generator(x_val, val_labels, num_features, batch_size)

    # Get number of training steps. This indicated the number of steps it takes
    # to cover all samples in one epoch.
    steps_per_epoch = x_train.shape[0] // batch_size
    if x_train.shape[0] % batch_size:
        steps_per_epoch += 1

    # Get number of validation steps.
    validation_steps = x_val.shape[0] // batch_size
    if x_val.shape[0] % batch_size:
        validation_steps += 1

    # Train and validate model.
    history = model.fit_generator(
        generator=training_generator,
        steps_per_epoch=steps_per_epoch,
        validation_data=validation_generator,
        validation_steps=validation_steps,
        callbacks=callbacks,
        epochs=epochs,
        verbose=2,
    )  # Logs once per epoch.

    # Print results.
    history = history.history
    print(f"Validation accuracy: {history['val_acc'][-1]}, loss: {history['val_loss'][-1]}")

    # Save model.
    model.save("text_model.h5")


kind, *folder = sys.argv[1:]
parts = load(folder[0]) if folder else made_up(4000, 1000)
(train_texts, train_labels), (val_texts, val_labels) = parts

if kind == "ngram":
    x_train, x_val = ngram_vectorize(train_texts, train_labels, val_texts)
    num_features = x_train.shape[1]
    model = mlp_model(x_train.shape[1:])
else:
    x_train, x_val, num_features = sequence_vectorize(train_texts, val_texts)
    model = sepcnn_model(x_train.shape[1:], num_features)
batch_train(model, x_train, train_labels, x_val, val_labels, num_features)
