"""The film reviews with fastText as in its tutorial: ``fasttext_imdb.py train.csv.gz test.csv.gz work``."""

import csv
import gzip
import json
import re
import resource
import sys
from pathlib import Path

import fasttext

csv.field_size_limit(1 << 30)


def cleaned(text: str) -> str:
    """Lower case, no line breaks of HTML, blanks around punctuation."""
    text = re.sub(r"([.!?,'/()\"])", r" \1 ", text.lower().replace("<br />", " "))
    return " ".join(text.split())


paths = []
for number, source in enumerate(sys.argv[1:3]):
    paths.append(Path(sys.argv[3], f"{'train' if number == 0 else 'test'}.txt"))
    with (
        gzip.open(source, "rt", newline="", encoding="utf-8") as file,
        open(paths[-1], "w", encoding="utf-8") as out,
    ):
        for row in csv.DictReader(file):
            out.write(f"__label__{row['label']} {cleaned(row['text'])}\n")
model = fasttext.train_supervised(str(paths[0]), wordNgrams=2, epoch=5, thread=2, verbose=0)
accuracy = model.test(str(paths[1]))[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"accuracy": accuracy, "peak_rss_bytes": peak}))
