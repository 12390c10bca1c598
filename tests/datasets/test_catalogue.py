"""The catalogue says what public sources say, and cites them."""

from __future__ import annotations

import hashlib
import re

import pytest

from stoker.datasets import CATALOGUE

ADDRESSES = [
    address
    for entry in CATALOGUE.values()
    for route in entry.routes
    for download in route
    for address in download.addresses
]

# ../shared/data/README.md and the papers.
SHAPES = {
    "ag_news": (120_000, 7_600, 4),
    "dbpedia": (560_000, 70_000, 14),
    "yelp_full": (650_000, 50_000, 5),
    "yelp_polarity": (560_000, 38_000, 2),
    "amazon_full": (3_000_000, 650_000, 5),
    "amazon_polarity": (3_600_000, 400_000, 2),
    "imdb": (25_000, 25_000, 2),
    "rotten_tomatoes": (10_662, 0, 2),
    "mnist": (60_000, 10_000, 10),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_rows_and_classes_are_those_of_the_papers(name):
    entry = CATALOGUE[name]
    test = entry.test.num_rows if entry.test else 0
    assert (entry.train.num_rows, test, len(entry.classes)) == SHAPES[name]
    assert len(set(entry.classes)) == len(entry.classes)
    assert not entry.balanced or all(split.num_rows % len(entry.classes) == 0 for _, split in entry.splits)


def test_rows_classes_and_splits_are_those_that_stand_beside_the_data(shared_data):
    text = " ".join((shared_data / "README.md").read_text("utf-8").split())
    names = {
        "DBPedia": "dbpedia",
        "Yelp full": "yelp_full",
        "Yelp polarity": "yelp_polarity",
        "Amazon full": "amazon_full",
        "Amazon polarity": "amazon_polarity",
    }
    told = {}
    stated = re.findall(
        rf"({'|'.join(names)}) ([\d,]+) \+ ([\d,]+)(?: rows)?(?:, (\d+) classes)?(?=[;)])", text
    )
    for name, train, test, count in stated:
        told[names[name]] = (int(train.replace(",", "")), int(test.replace(",", "")), int(count or 2))
    assert told == {name: SHAPES[name] for name in names.values()}
    assert f"| {SHAPES['ag_news'][1]:,} |" in text
    assert "| 25,000 + 25,000 |" in text


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.url.rpartition("/")[2])
def test_a_checksum_is_well_formed_and_its_source_is_cited(address):
    assert address.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", address.sha256)
    assert address.md5 is None or re.fullmatch(r"[0-9a-f]{32}", address.md5)
    assert bool(address.stated_by) == (address.digest is not None or address.num_bytes is not None)
    assert all(re.match(r"[\w-]+/[\w-]+, [\w/.-]+$", source) for source in address.stated_by.split("; "))


def test_addresses_are_encrypted_and_differ():
    assert all(address.url.startswith("https://") for address in ADDRESSES)
    assert len({address.url for address in ADDRESSES}) == len(ADDRESSES)


@pytest.mark.parametrize("name", CATALOGUE)
def test_terms_home_and_citation_are_said(name):
    entry = CATALOGUE[name]
    assert entry.name == name
    assert entry.licence
    assert entry.citation
    assert entry.homepage.startswith("http")


def test_the_test_split_of_ag_news_is_the_file_that_the_catalogue_means(shared_data):
    content = (shared_data / "ag_news" / "test.csv").read_bytes()
    (address,) = CATALOGUE["ag_news"].routes[0][1].addresses
    assert len(content) == address.num_bytes
    assert hashlib.sha256(content).hexdigest() == address.sha256
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == address.md5
