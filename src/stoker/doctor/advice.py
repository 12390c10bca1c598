"""What each finding does to training and what helps; docs/doctor.md says the same at length."""

from __future__ import annotations

from stoker.doctor.findings import Finding, Place, Severity, Stream

__all__ = ["ADVICE", "finding"]

_STOPS = "Training stops there with an error."
_SHUFFLE = (
    "draw a new order before each pass: `order = rng.permutation(n)` and `x[order[start:stop]]`; or "
    "train from the file: `stoker.Feed(stoker.open(PATH, label=…), shuffle=True)`"
)
_STEPS = "take steps = ceil(rows / batch_size)"

ADVICE: dict[str, tuple[str, str]] = {
    "not-shuffled": (
        "Every epoch takes the same steps in the same order; what is sorted in the data (classes, "
        "times, files) pulls the weights one way and then the other, and the last batches weigh most.",
        _SHUFFLE,
    ),
    "same-batches": (
        "Rows of a batch always meet: less noise than shuffled rows give, and sorted data stay "
        "sorted within a batch.",
        f"shuffle the rows' indices in on_epoch_end, or {_SHUFFLE}",
    ),
    "rows-differ": (
        "Rows are used unequally often, some perhaps never; of validation, the figures of two epochs "
        "are not of the same rows, and early stopping compares them.",
        "go through one permutation of all rows an epoch instead of drawing rows for each batch "
        "(`rng.permutation(n)`, not `rng.choice(n, batch_size)`); `stoker.Feed` uses each row once "
        "an epoch. If rows are changed at random on purpose, look again with that switched off",
    ),
    "fresh-rows": (
        "Either rows are changed at random (augmentation), or an epoch is a small part of the data; "
        "what repeats, and whether the steps cover the data, cannot be told.",
        "look again with augmentation switched off, or with more steps",
    ),
    "rows-repeat": (
        "They count more than the others, and others may be left out for them.",
        "look at the place named: a batch must begin where the one before ended, and only one thread "
        "may advance a generator; `stoker.open(PATH, …)` reads each row once. If the data themselves "
        "hold such rows, all is well",
    ),
    "batches-overlap": (
        "These rows count twice, and as many at the end of the data may never come.",
        "blank lines do this to `pd.read_csv(skiprows=…, nrows=…)`, which skips lines and counts "
        "rows: read on with one `pd.read_csv(PATH, chunksize=batch_size)`, or use "
        "`stoker.Feed(stoker.open(PATH, label=…))`",
    ),
    "steps-too-few": (
        "Each epoch uses another part of the rows; figures of two epochs are not of the same data, "
        "and with one epoch some rows are never used.",
        _STEPS,
    ),
    "steps-too-many": (
        "Some rows count more than others, and each epoch begins at another place of the data.",
        _STEPS,
    ),
    "length-too-short": (
        "These rows are never used.",
        "let __len__ return ceil(rows / batch_size), not rows // batch_size",
    ),
    "targets-moved": (
        "The model learns targets that are not the rows' own.",
        "shuffle x and y by the same permutation: `order = rng.permutation(n); x[order], y[order]`",
    ),
    "target-shapes": (
        "Training stops with an error at such a batch, or learns from another encoding of the "
        "classes; JAX compiles anew for each shape and dtype.",
        "name the number of classes, `to_categorical(y, num_classes=10)`, and the dtype, "
        "`y.astype('float32')`: a batch does not know the classes that it lacks",
    ),
    "input-shapes": (
        "JAX compiles the step anew for each shape and dtype, which takes longer than the step; a "
        "layer that needs a fixed width stops with an error.",
        "pad all batches to one length, or to a few (`pad_sequences(x, maxlen=…)`), and name the "
        "dtype, `x.astype('float32')`: pandas makes floats of integers where a value is missing",
    ),
    "validation-shapes": (
        "Validation stops with an error, or measures other columns than were trained on; another "
        "dtype alone costs a second compilation.",
        "read both files by the same names, `df[features]` and `df[label]`, not by position; "
        "`feed.derive(source)` takes over columns and classes",
    ),
    "constant-targets": (
        "Nothing can be learned or measured: accuracy on such rows says how often one class is guessed.",
        "a file without labels gives another column as the label: compare its header with that of "
        "the training file, or hold labelled rows out: "
        "`train, valid = stoker.open(PATH, label=…).split(0.9, seed=7)`",
    ),
    "leak": (
        "Validation measures what the model has seen: its figures are too good, and early stopping "
        "comes too late.",
        "split before anything else: `train, valid = stoker.open(PATH, label=…).split(0.9, seed=7)`",
    ),
    "model-waits": ("Training takes longer than the model needs.", ""),
    "model-refuses": (
        "Training stops at once with this error.",
        "compare the shapes of the batch with the model's input and its last layer",
    ),
    "not-sendable": (
        "Training is refused before its first batch: worker processes need a copy of it.",
        "leave what cannot be pickled (a lock, an open file, a connection) out in `__getstate__` and make it "
        "anew in `__setstate__`; pass a generator that nobody advanced; or use threads, "
        "use_multiprocessing=False",
    ),
    "ends-early": (
        _STOPS,
        "let it go on for ever, `while True:` around its loop, or ask for fewer steps",
    ),
    "raises": (_STOPS, "mend what that batch is made of; the generator alone shows the traceback"),
    "no-batch": (_STOPS, "yield (x, y) or (x, y, sample_weight), arrays of as many rows"),
}


def finding(
    name: str,
    severity: Severity,
    seen: str,
    place: Place | None = None,
    *,
    stream: Stream = "training",
    remedy: str | None = None,
) -> Finding:
    """A finding with the advice that belongs to its name.

    Examples
    --------
    >>> finding("ends-early", "problem", "It ended after 3 batches.").effect
    'Training stops there with an error.'
    """
    effect, usual = ADVICE[name]
    return Finding(
        name=name,
        severity=severity,
        stream=stream,
        seen=seen,
        place=place,
        effect=effect,
        remedy=usual if remedy is None else remedy,
    )
