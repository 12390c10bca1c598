"""The guide's job in stoker's words: ``python appendix_text_in_stoker.py KIND [FOLDER]``.

KIND and FOLDER are those of ``appendix_text.py``, and so are features and models. What is new is how rows
reach the model: a Sequence that shuffles them, under `stoker.fit`, which restores the best weights and keeps
a run directory.
"""

import sys

import stoker  # before keras, which is then told of JAX

# isort: split
import keras
import numpy as np
from keras.layers import Dense, Dropout, Embedding, GlobalAveragePooling1D, MaxPooling1D, SeparableConv1D
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from texts import load, made_up

TOP_K = 20000
MAX_LENGTH = 500


class Texts(keras.utils.PyDataset):
    """Batches of 128 rows, in a new order every epoch if there is a seed; stoker makes sparse rows dense."""

    def __init__(self, x, y, *, seed=None):
        super().__init__()
        self.x, self.y = x, y
        self.chance = None if seed is None else np.random.default_rng(seed)
        self.order = np.arange(len(y))
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.y) // 128)

    def __getitem__(self, batch):
        rows = self.order[128 * batch : 128 * (batch + 1)]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        """Shuffle the rows."""
        if self.chance is not None:
            self.chance.shuffle(self.order)


def ngrams(texts, labels, valid_texts):
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), dtype=np.float32, strip_accents="unicode", min_df=2)
    x = vectorizer.fit_transform(texts)
    selector = SelectKBest(f_classif, k=min(TOP_K, x.shape[1])).fit(x, labels)
    return [selector.transform(each).astype("float32") for each in (x, vectorizer.transform(valid_texts))]


def numbers(texts, valid_texts):
    vectorizer = CountVectorizer(max_features=TOP_K - 1).fit(texts)
    words, number = vectorizer.build_analyzer(), vectorizer.vocabulary_
    parts = [
        [[number[w] + 1 for w in words(text) if w in number] for text in part]
        for part in (texts, valid_texts)
    ]
    length = min(max(map(len, parts[0])), MAX_LENGTH)
    return [keras.utils.pad_sequences(part, maxlen=length) for part in parts]


def mlp():
    return [Dropout(0.2), Dense(64, activation="relu"), Dropout(0.2)]


def sepcnn():
    options = {"activation": "relu", "padding": "same"}
    options |= dict.fromkeys(("bias_initializer", "depthwise_initializer"), "random_uniform")
    layers = [Embedding(TOP_K, 32), Dropout(0.2)]
    for filters in (32, 64):
        layers += [SeparableConv1D(filters, 3, **options), MaxPooling1D(3)]
    return [*layers, GlobalAveragePooling1D(), Dropout(0.2)]


kind, *folder = sys.argv[1:]
(texts, labels), (valid_texts, valid_labels) = load(*folder) if folder else made_up(4000, 1000)
if kind == "ngram":
    (x, x_valid), layers = ngrams(texts, labels, valid_texts), mlp()
else:
    (x, x_valid), layers = numbers(texts, valid_texts), sepcnn()
model = keras.Sequential([keras.Input(x.shape[1:]), *layers, Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
stoker.fit(
    model,
    Texts(x, labels, seed=7),
    validation=Texts(x_valid, valid_labels),
    epochs=20,
    early_stopping=2,
    run=f"runs/{kind}",
)
