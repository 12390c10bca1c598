"""Small archives in the layouts of the real ones."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping

from stoker.datasets.entries import Address, Dataset, Download, Kept, Split


def tar_of(files: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> bytes:
    """An archive of files, or of members as they are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def zhang_csv(classes: int, rows: int) -> bytes:
    """Rows as Zhang et al. write them, every class as often."""
    return "".join(
        f'"{row % classes + 1}","Title, {row}","He said ""no"" to row {row};\\nthen he left."\n'
        for row in range(rows)
    ).encode()


def zhang_files(stem: str, classes: int, train: int, test: int, names: bool = True) -> dict[str, bytes]:
    files = {
        f"{stem}/": b"",
        f"{stem}/train.csv": zhang_csv(classes, train),
        f"{stem}/readme.txt": b"Made up.\n",
        f"{stem}/test.csv": zhang_csv(classes, test),
        f"{stem}/._train.csv": b"what a Mac leaves",
    }
    del files[f"{stem}/"]
    if names:
        files[f"{stem}/classes.txt"] = "".join(f"class {place}\n" for place in range(classes)).encode()
    return files


def imdb_files(a_class: int) -> dict[str, bytes]:
    files = {"aclImdb/README": b"Reviews.\n", "aclImdb/imdb.vocab": b"the\n"}
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            for place in range(a_class):
                files[f"aclImdb/{split}/{label}/{place}_{place % 10}.txt"] = f"A {label} film. ".encode() * 3
    files["aclImdb/train/unsup/0_0.txt"] = b"Nobody knows."
    return files


def idx_of(shape: tuple[int, ...], values: bytes) -> bytes:
    return gzip.compress(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values)


def made_up(
    url: str, *, name: str = "tiny", classes: int = 2, train: int = 40, test: int = 10, **address
) -> Dataset:
    """An entry for a small archive in the format of Zhang et al."""
    stated = {"stated_by": "the test"} if address else {}
    return Dataset(
        name=name,
        title="Tiny",
        about="made up",
        format="zhang",
        label="#0",
        text=("#1", "#2"),
        classes=tuple(f"class {place}" for place in range(classes)),
        train=Split(paths=("train.csv",), num_rows=train),
        test=Split(paths=("test.csv",), num_rows=test),
        routes=(
            (Download(name="tiny.tgz", packing="tar", addresses=(Address(url=url, **stated, **address),)),),
        ),
        kept=(
            Kept(pattern="train.csv"),
            Kept(pattern="test.csv"),
            Kept(pattern="classes.txt", required=False),
            Kept(pattern="readme.txt", required=False),
        ),
        unpacked_bytes=20_000,
        licence="none",
        homepage="http://localhost/",
        citation="nobody",
    )
