"""The film reviews as the guide's n-gram example does it: ``guide_imdb.py train.csv.gz test.csv.gz``.

scikit-learn's tf-idf and selection, then a Keras MLP. The matrices stay sparse but for a batch at a time,
since 25,000 × 20,000 float32 would take 2 GB, which is kinder to its memory than the guide is.
"""

import csv
import gzip
import json
import resource
import sys

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif

csv.field_size_limit(1 << 30)


def read(path: str) -> tuple[list[str], np.ndarray]:
    """Texts and labels."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["label"] == "pos") for row in csv.DictReader(file)]
    return [text for text, _ in rows], np.array([label for _, label in rows], np.float32)


class Dense(keras.utils.PyDataset):
    """Batches of 128 rows, made dense."""

    def __init__(self, x, y, shuffle):
        super().__init__()
        self.x, self.y, self.shuffle = x, y, shuffle
        self.order = np.arange(len(y))
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.y) // 128)

    def __getitem__(self, place):
        rows = self.order[place * 128 : place * 128 + 128]
        return self.x[rows].toarray(), self.y[rows]

    def on_epoch_end(self):
        """Another order."""
        if self.shuffle:
            np.random.default_rng(len(self.order)).shuffle(self.order)


keras.utils.set_random_seed(7)
(train_texts, y), (test_texts, test_y) = read(sys.argv[1]), read(sys.argv[2])
vectorizer = TfidfVectorizer(
    ngram_range=(1, 2), dtype=np.float32, strip_accents="unicode", decode_error="replace", min_df=2
)
x, test_x = vectorizer.fit_transform(train_texts), vectorizer.transform(test_texts)
selector = SelectKBest(f_classif, k=20_000).fit(x, y)
x, test_x = selector.transform(x).astype("float32"), selector.transform(test_x).astype("float32")
model = keras.Sequential(
    [
        keras.Input((20_000,)),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
history = model.fit(
    Dense(x, y, True),
    validation_data=Dense(test_x, test_y, False),
    epochs=1000,
    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=2)],
    verbose=0,
)
best = int(np.argmin(history.history["val_loss"]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"accuracy": history.history["val_accuracy"][best], "peak_rss_bytes": peak}))
