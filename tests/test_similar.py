"""A name that may have been meant is near, or none is told."""

from __future__ import annotations

import pytest

from stoker.similar import most_like


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("lable", ["image", "label"], "label"),
        ("prise", ["area", "price"], "price"),
        (" Sold ", ["area", "SOLD"], "SOLD"),
        ("unit price", ["unit_price", "price"], "unit_price"),
        ("text", ["review_text", "stars"], "review_text"),
        ("newsgroups", ["ag_news", "20_newsgroups"], "20_newsgroups"),
        ("clicked", ["area", "rooms", "price", "sold"], None),
        ("income", ["outcome", "area"], None),
        ("a", ["b", "c"], None),
        ("1", ["2", "feature_1"], None),
        ("x", [], None),
        ("", ["a"], None),
    ],
)
def test_the_nearest_name_is_told_where_one_is_near(name, names, meant):
    assert most_like(name, names) == meant


def test_of_two_that_are_written_alike_but_for_case_the_first_is_meant():
    assert most_like("Label", ["LABEL", "label"]) == "LABEL"
