"""The texts of the two text examples: a folder of reviews, or some that are made up."""

import random

import numpy as np
import pandas as pd


def load(folder):
    """``train.csv.gz`` and ``test.csv.gz`` with the columns label (neg or pos) and text."""
    parts = [pd.read_csv(f"{folder}/{part}.csv.gz") for part in ("train", "test")]
    return [(list(part.text), np.array(part.label == "pos", dtype="int32")) for part in parts]


def made_up(*counts):
    """Texts of forty words, eight of which tell the label; one label in ten is wrong, so training ends."""
    chance = random.Random(1)
    telling = (["dull", "awful", "worse"], ["bright", "lovely", "better"])
    words = [f"word{number}" for number in range(100)]
    parts = []
    for count in counts:
        meant = [chance.randrange(2) for _ in range(count)]
        texts = [" ".join(chance.choices(words, k=32) + chance.choices(telling[each], k=8)) for each in meant]
        labels = [1 - each if chance.random() < 0.1 else each for each in meant]
        parts.append((texts, np.array(labels, dtype="int32")))
    return parts
