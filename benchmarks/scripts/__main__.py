"""Run a script where neither TensorFlow nor PyTorch is installed: ``python -m benchmarks.scripts SCRIPT …``.

Keras imports them where it finds them, whatever its backend, which takes seconds and half a gigabyte. The
peers need them in this environment; somebody who trains on JAX has neither.
"""

import runpy
import sys

from benchmarks.scripts import hide_other_backends

hide_other_backends()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
