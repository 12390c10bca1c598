"""The data sets that stoker knows by name.

Checksums are those of public sources, cited beside them; where no source states one, there is none here, and
the first download's is recorded. The addresses of Google Drive are left out: they answer with a page that
asks for confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stoker.datasets.cited import HUGGING_FACE, TENSORFLOW_DATASETS, TORCHTEXT, TORCHVISION
from stoker.datasets.entries import Address, Dataset, Download, Kept, Split
from stoker.datasets.zhang_sets import ZHANG_SETS

__all__ = ["CATALOGUE"]


def _mnist_file(name: str, num_bytes: int, sha256: str, md5: str) -> Download:
    return Download(
        name=f"{name}.gz",
        packing="gzip",
        addresses=(
            Address(
                url=f"https://storage.googleapis.com/cvdf-datasets/mnist/{name}.gz",
                num_bytes=num_bytes,
                sha256=sha256,
                stated_by=TENSORFLOW_DATASETS.format("url_checksums/mnist.txt"),
            ),
            Address(
                url=f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}.gz",
                md5=md5,
                stated_by=TORCHVISION,
            ),
        ),
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
                        stated_by=f"{TENSORFLOW_DATASETS.format('datasets/imdb_reviews/checksums.tsv')}; "
                        f"{TORCHTEXT.format('imdb')}",
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
                        stated_by=HUGGING_FACE.format("rotten_tomatoes"),
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
    *ZHANG_SETS,
    _IMDB,
    _ROTTEN_TOMATOES,
    _MNIST,
)

CATALOGUE: Mapping[str, Dataset] = MappingProxyType({entry.name: entry for entry in _ALL})
"""The data sets by name."""
