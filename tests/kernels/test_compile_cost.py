"""What the first texts wait for: kernels, each compiled for one kind of arguments."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

_RUN = """
import sys, time
import numba.core.typed_passes, scipy.sparse
import stoker
from numba.core.dispatcher import Dispatcher

texts = ["good film indeed", "good fun, the film", "bad film é", "bad bad luck", "luck good Σ bad film"]
start = time.process_time()
if sys.argv[1] == "n-grams":
    vectorizer = stoker.NgramVectorizer(min_df=1, max_features=3)
    vectorizer.fit_transform(texts, [1, 1, 0, 0, 1], workers=1)
else:
    vectorizer = stoker.SequenceVectorizer().fit(texts, workers=1)
vectorizer.transform(texts[:2], workers=1)
vectorizer.transform(texts, workers=1)
print("seconds", time.process_time() - start)
for name, module in list(sys.modules.items()):
    if name.startswith("stoker.kernels."):
        for key, value in vars(module).items():
            if isinstance(value, Dispatcher) and len(value.signatures) > 1:
                print("twice", name, key, *value.signatures, sep="  ")
            if isinstance(value, Dispatcher) and value.stats.cache_misses:
                print("compiled", name, key, sep="  ")
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ["n-grams", "sequences"])
def test_kernels_of_texts_are_compiled_once_and_kept(what, tmp_path):
    def run() -> str:
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", _RUN, what]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    cold, warm = run(), run()
    seconds = [float(re.search(r"seconds ([\d.]+)", output)[1]) for output in (cold, warm)]

    print(f"{what}: compiling takes {seconds[0] - seconds[1]:.1f} s of the processor")
    assert "twice" not in cold
    assert "compiled" in cold
    assert "compiled" not in warm
