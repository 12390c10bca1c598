from __future__ import annotations

import pytest

from stoker.plurals import plural


@pytest.mark.parametrize(("number", "noun"), [(0, "rows"), (1, "row"), (2, "rows"), (1001, "rows")])
def test_one_thing_alone_is_told_in_the_singular(number, noun):
    assert plural(number, "row") == noun
