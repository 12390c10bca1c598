"""The data sets that stoker knows by name.

Checksums are those of public sources, cited beside them; where no source states one, there is none here, and
the first download's is recorded. The addresses of Google Drive are left out: they answer with a page that
asks for confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stoker.datasets.entries import Address, Dataset, Download, Kept, Route, Split

__all__ = ["CATALOGUE"]

_FAST_AI = "https://s3.amazonaws.com/fast-ai-nlp"
_AG_FILES = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv"
_HF = "huggingface/datasets, datasets/{}/dataset_infos.json"
_TFDS = "tensorflow/datasets, tensorflow_datasets/{}"
_TORCHTEXT = "pytorch/text, torchtext/datasets/{}.py"
_TORCHVISION = "pytorch/vision, torchvision/datasets/mnist.py"
_PARSER = "vaseline555/Federated-Learning-in-PyTorch, src/datasets/torchtextparser.py"

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


def _mnist_file(name: str, num_bytes: int, sha256: str, md5: str) -> Download:
    return Download(
        name=f"{name}.gz",
        packing="gzip",
        addresses=(
            Address(
                url=f"https://storage.googleapis.com/cvdf-datasets/mnist/{name}.gz",
                num_bytes=num_bytes,
                sha256=sha256,
                stated_by=_TFDS.format("url_checksums/mnist.txt"),
            ),
            Address(
                url=f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}.gz",
                md5=md5,
                stated_by=_TORCHVISION,
            ),
        ),
    )


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
                        stated_by=f"{_HF.format('ag_news')}; {_TORCHTEXT.format('ag_news')}",
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
                        stated_by=f"{_HF.format('ag_news')}; {_TORCHTEXT.format('ag_news')}",
                    ),
                ),
            ),
        ),
        _archive("ag_news_csv", _PARSER, md5="2c2d85915f1ca34b29e754ce3b403c81"),
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
            _HF.format("dbpedia_14"),
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
            _HF.format("yelp_review_full"),
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
            _TFDS.format("url_checksums/yelp_polarity_reviews.txt"),
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
    routes=(_archive("amazon_review_full_csv", _PARSER, md5="289723722b64d337a40f809edd29d0f0"),),
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
            _HF.format("amazon_polarity"),
            num_bytes=688_339_454,
            sha256="d2a3ee7a214497a5d1b8eaed7c8d7ba2737de00ada3b0ec46243983efa100361",
        ),
    ),
    unpacked_bytes=1_800_000_000,
    licence=_AMAZON_TERMS,
    homepage="https://snap.stanford.edu/data/web-Amazon.html",
    citation=f"Julian McAuley, Jure Leskovec. Hidden Factors and Hidden Topics. RecSys 2013. {_ZHANG}",
)

_IMDB = Dataset(
    name="imdb",
    title="Large Movie Review Dataset (IMDb)",
    about="long movie reviews, positive or negative; the 50,000 unlabelled ones are left in the archive",
    format="folder",
    label="label",
    text=("text",),
    classes=("neg", "pos"),
    train=Split(paths=("train",), num_rows=25_000),
    test=Split(paths=("test",), num_rows=25_000),
    routes=(
        (
            Download(
                name="aclImdb_v1.tar.gz",
                packing="tar",
                addresses=(
                    Address(
                        url="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
                        num_bytes=84_125_825,
                        sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
                        md5="7c2ac02c03563afcf9b574c7e56c153a",
                        stated_by=f"{_TFDS.format('datasets/imdb_reviews/checksums.tsv')}; "
                        f"{_TORCHTEXT.format('imdb')}",
                    ),
                ),
            ),
        ),
    ),
    kept=(
        *(Kept(pattern=f"{split}/{label}/*.txt") for split in ("train", "test") for label in ("neg", "pos")),
        Kept(pattern="README", required=False),
    ),
    unpacked_bytes=220_000_000,
    licence="No licence is stated; cite the paper when using it",
    homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
    citation="Andrew L. Maas, Raymond E. Daly, Peter T. Pham, Dan Huang, Andrew Y. Ng, Christopher Potts. "
    "Learning Word Vectors for Sentiment Analysis. ACL 2011.",
)

_ROTTEN_TOMATOES = Dataset(
    name="rotten_tomatoes",
    title="Rotten Tomatoes, sentence polarity 1.0",
    about="sentences of movie reviews, positive or negative; has no test split of its own",
    format="lines",
    label="label",
    text=("text",),
    classes=("neg", "pos"),
    train=Split(paths=("sentences/neg.txt", "sentences/pos.txt"), num_rows=10_662),
    test=None,
    routes=(
        (
            Download(
                name="rt-polaritydata.tar.gz",
                packing="tar",
                addresses=(
                    Address(
                        url="https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/"
                        "rt-polaritydata.tar.gz",
                        num_bytes=487_770,
                        sha256="a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
                        stated_by=_HF.format("rotten_tomatoes"),
                    ),
                    Address(
                        url="https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",
                        md5="50c1c2c047b4225e148e97aa7708c34e",
                        stated_by="DAI-Lab/fibber, fibber/datasets/downloadable_datasets.py",
                    ),
                ),
            ),
        ),
    ),
    kept=(
        Kept(pattern="rt-polarity.neg", name="sentences/neg.txt"),
        Kept(pattern="rt-polarity.pos", name="sentences/pos.txt"),
        Kept(pattern="rt-polaritydata.README.1.0.txt", name="README", required=False),
    ),
    unpacked_bytes=1_300_000,
    encoding="latin-1",
    licence="No licence is stated; cite the paper when using it",
    homepage="https://www.cs.cornell.edu/people/pabo/movie-review-data/",
    citation="Bo Pang, Lillian Lee. Seeing Stars: Exploiting Class Relationships for Sentiment "
    "Categorization with Respect to Rating Scales. ACL 2005.",
)

_MNIST = Dataset(
    name="mnist",
    title="MNIST handwritten digits",
    about="28 × 28 grey images, as CSV: label, pixel0 to pixel783",
    format="csv",
    label="label",
    classes=tuple(str(digit) for digit in range(10)),
    balanced=False,
    train=Split(paths=("train.csv",), num_rows=60_000),
    test=Split(paths=("test.csv",), num_rows=10_000),
    routes=(
        (
            _mnist_file(
                "train-images-idx3-ubyte",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            ),
            _mnist_file(
                "train-labels-idx1-ubyte",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "d53e105ee54ea40749a09fcbcd1e9432",
            ),
            _mnist_file(
                "t10k-images-idx3-ubyte",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "9fb629c4189551a2d022fa330f9573f3",
            ),
            _mnist_file(
                "t10k-labels-idx1-ubyte",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ),
    ),
    unpacked_bytes=185_000_000,
    licence="CC BY-SA 3.0",
    homepage="https://keras.io/api/datasets/mnist/",
    citation="Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner. Gradient-based Learning Applied to "
    "Document Recognition. Proceedings of the IEEE 86 (1998).",
)

_ALL = (
    _AG_NEWS,
    _DBPEDIA,
    _YELP_FULL,
    _YELP_POLARITY,
    _AMAZON_FULL,
    _AMAZON_POLARITY,
    _IMDB,
    _ROTTEN_TOMATOES,
    _MNIST,
)

CATALOGUE: Mapping[str, Dataset] = MappingProxyType({entry.name: entry for entry in _ALL})
"""The data sets by name."""
