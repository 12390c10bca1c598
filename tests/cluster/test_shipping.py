"""What travels between processes of a cluster, as bytes."""

import sys
from types import ModuleType

from stoker.cluster.shipping import packed, unpacked


def test_things_are_packed_while_another_thread_imports_arrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", ModuleType("pyarrow"))  # of which nothing is there yet

    assert unpacked(packed({"step": 3})) == {"step": 3}
