"""``python -m stoker``."""

import sys

from stoker.cli import main

sys.exit(main())
