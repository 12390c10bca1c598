"""The data sets of Zhang et al., in the format that they published them in."""

from __future__ import annotations

from stoker.datasets.cited import HUGGING_FACE, TENSORFLOW_DATASETS, TORCHTEXT, TORCHTEXT_PARSER
from stoker.datasets.entries import Address, Dataset, Download, Kept, Route, Split

__all__ = ["ZHANG_SETS"]

_FAST_AI = "https://s3.amazonaws.com/fast-ai-nlp"
_AG_FILES = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv"

_ZHANG = (
    "Xiang Zhang, Junbo Zhao, Yann LeCun. Character-level Convolutional Networks for Text Classification. "
    "Advances in Neural Information Processing Systems 28 (NIPS 2015)."
)
_STARS = ("1", "2", "3", "4", "5")
_POLARITY = ("negative", "positive")
_YELP_TERMS = "The Yelp dataset agreement: academic and non-commercial use only, no redistribution"
_AMAZON_TERMS = "No licence is stated; collected by McAuley and Leskovec for research"


def _zhang(
    name: str,
    title: str,
    about: str,
    *,
    rows: tuple[int, int],
    classes: tuple[str, ...],
    routes: tuple[Route, ...],
    unpacked_bytes: int,
    licence: str,
    homepage: str,
    columns: int = 3,
    citation: str = _ZHANG,
) -> Dataset:
    """A data set in the format of Zhang et al."""
    return Dataset(
        name=name,
        title=title,
        about=about,
        format="zhang",
        label="#0",
        text=tuple(f"#{column}" for column in range(1, columns)),
        classes=classes,
        train=Split(paths=("train.csv",), num_rows=rows[0]),
        test=Split(paths=("test.csv",), num_rows=rows[1]),
        routes=routes,
        kept=(
            Kept(pattern="train.csv"),
            Kept(pattern="test.csv"),
            Kept(pattern="classes.txt", required=False),
            Kept(pattern="readme.txt", required=False),
        ),
        unpacked_bytes=unpacked_bytes,
        licence=licence,
        homepage=homepage,
        citation=citation,
    )


def _archive(
    stem: str,
    stated_by: str,
    *,
    num_bytes: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
) -> Route:
    """An archive of fast.ai's collection."""
    address = Address(
        url=f"{_FAST_AI}/{stem}.tgz", num_bytes=num_bytes, sha256=sha256, md5=md5, stated_by=stated_by
    )
    return (Download(name=f"{stem}.tgz", addresses=(address,), packing="tar"),)


_AG_NEWS = _zhang(
    "ag_news",
    "AG's News",
    "news articles by topic: title and description",
    rows=(120_000, 7_600),
    classes=("World", "Sports", "Business", "Sci/Tech"),
    routes=(
        (
            Download(
                name="train.csv",
                addresses=(
                    Address(
                        url=f"{_AG_FILES}/train.csv",
                        num_bytes=29_470_338,
                        sha256="76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
                        md5="b1a00f826fdfbd249f79597b59e1dc12",
                        stated_by=f"{HUGGING_FACE.format('ag_news')}; {TORCHTEXT.format('ag_news')}",
                    ),
                ),
            ),
            Download(
                name="test.csv",
                addresses=(
                    Address(
                        url=f"{_AG_FILES}/test.csv",
                        num_bytes=1_857_427,
                        sha256="521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
                        md5="d52ea96a97a2d943681189a97654912d",
                        stated_by=f"{HUGGING_FACE.format('ag_news')}; {TORCHTEXT.format('ag_news')}",
                    ),
                ),
            ),
        ),
        _archive("ag_news_csv", TORCHTEXT_PARSER, md5="2c2d85915f1ca34b29e754ce3b403c81"),
    ),
    unpacked_bytes=31_400_000,
    licence="Research and any other non-commercial use, says the corpus's own page",
    homepage="http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html",
)

_DBPEDIA = _zhang(
    "dbpedia",
    "DBPedia ontology",
    "Wikipedia's articles by kind of subject: title and abstract",
    rows=(560_000, 70_000),
    classes=(
        "Company", "EducationalInstitution", "Artist", "Athlete", "OfficeHolder", "MeanOfTransportation",
        "Building", "NaturalPlace", "Village", "Animal", "Plant", "Album", "Film", "WrittenWork",
    ),
    routes=(
        _archive(
            "dbpedia_csv",
            HUGGING_FACE.format("dbpedia_14"),
            num_bytes=68_341_743,
            sha256="42db5221ddedddb673a4cabcc5f3a7d869714c878bcfe4ba94b29d14aa38e417",
        ),
    ),
    unpacked_bytes=201_000_000,
    licence="CC BY-SA 3.0 and the GNU Free Documentation License",
    homepage="https://wiki.dbpedia.org/develop/datasets",
    citation=f"Jens Lehmann et al. DBpedia: A Large-scale, Multilingual Knowledge Base Extracted from "
    f"Wikipedia. Semantic Web 6 (2015). {_ZHANG}",
)  # fmt: skip

_YELP_FULL = _zhang(
    "yelp_full",
    "Yelp reviews, full",
    "reviews by their stars",
    rows=(650_000, 50_000),
    classes=_STARS,
    columns=2,
    routes=(
        _archive(
            "yelp_review_full_csv",
            HUGGING_FACE.format("yelp_review_full"),
            num_bytes=196_146_755,
            sha256="56006b0a17a370f1e366504b1f2c3e3754e4a3dda17d3e718a885c552869a559",
        ),
    ),
    unpacked_bytes=540_000_000,
    licence=_YELP_TERMS,
    homepage="https://www.yelp.com/dataset",
)

_YELP_POLARITY = _zhang(
    "yelp_polarity",
    "Yelp reviews, polarity",
    "reviews of one or two stars against three or four",
    rows=(560_000, 38_000),
    classes=_POLARITY,
    columns=2,
    routes=(
        _archive(
            "yelp_review_polarity_csv",
            TENSORFLOW_DATASETS.format("url_checksums/yelp_polarity_reviews.txt"),
            num_bytes=166_373_201,
            sha256="528f22e286cad085948acbc3bea7e58188416546b0e364d0ae4ca0ce666abe35",
        ),
    ),
    unpacked_bytes=450_000_000,
    licence=_YELP_TERMS,
    homepage="https://www.yelp.com/dataset",
)

_AMAZON_FULL = _zhang(
    "amazon_full",
    "Amazon reviews, full",
    "product reviews by their stars: title and text",
    rows=(3_000_000, 650_000),
    classes=_STARS,
    routes=(_archive("amazon_review_full_csv", TORCHTEXT_PARSER, md5="289723722b64d337a40f809edd29d0f0"),),
    unpacked_bytes=1_700_000_000,
    licence=_AMAZON_TERMS,
    homepage="https://snap.stanford.edu/data/web-Amazon.html",
    citation=f"Julian McAuley, Jure Leskovec. Hidden Factors and Hidden Topics. RecSys 2013. {_ZHANG}",
)

_AMAZON_POLARITY = _zhang(
    "amazon_polarity",
    "Amazon reviews, polarity",
    "product reviews of one or two stars against four or five: title and text",
    rows=(3_600_000, 400_000),
    classes=_POLARITY,
    routes=(
        _archive(
            "amazon_review_polarity_csv",
            HUGGING_FACE.format("amazon_polarity"),
            num_bytes=688_339_454,
            sha256="d2a3ee7a214497a5d1b8eaed7c8d7ba2737de00ada3b0ec46243983efa100361",
        ),
    ),
    unpacked_bytes=1_800_000_000,
    licence=_AMAZON_TERMS,
    homepage="https://snap.stanford.edu/data/web-Amazon.html",
    citation=f"Julian McAuley, Jure Leskovec. Hidden Factors and Hidden Topics. RecSys 2013. {_ZHANG}",
)

ZHANG_SETS = (_AG_NEWS, _DBPEDIA, _YELP_FULL, _YELP_POLARITY, _AMAZON_FULL, _AMAZON_POLARITY)
