"""``stoker fetch NAME && stoker train @NAME``, from an archive on a server to a model, in every format."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from made_archives import imdb_files, made_up, tar_of, zhang_files

import stoker
from stoker.cli import main
from stoker.datasets import CATALOGUE
from stoker.datasets.entries import Address, Download, Split

pytestmark = pytest.mark.timeout(300)

TRAIN = ("--model", "mlp", "--epochs", "2", "--batch-size", "16", "--run", "run", "--quiet", "--json")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    return folder


def _served(name, url, train, test=None, **stated):
    """The catalogue's entry of this name, for a small archive with fewer rows."""
    entry = CATALOGUE[name]
    address = Address(url=url, stated_by="the test" if stated else "", **stated)
    wanted = Download(name=url.rpartition("/")[2], packing="tar", addresses=(address,))
    return msgspec.structs.replace(
        entry,
        routes=((wanted,),),
        train=Split(paths=entry.train.paths, num_rows=train),
        test=None if test is None else Split(paths=entry.test.paths, num_rows=test),
    )


def _zhang(server):
    archive = tar_of(zhang_files("ag_news_csv", 4, 160, 40, names=False))
    digest = hashlib.sha256(archive).hexdigest()
    return _served("ag_news", server.put("ag_news.tgz", archive), 160, 40, sha256=digest)


def _folder(server):
    return _served("imdb", server.put("aclImdb_v1.tar.gz", tar_of(imdb_files(30))), 60, 60)


def _lines(server):
    files = {
        f"rt-polaritydata/rt-polarity.{label}": f"a caf\xe9 {label} film \n".encode("latin-1") * 40
        for label in ("pos", "neg")
    }
    return _served("rotten_tomatoes", server.put("rt.tar.gz", tar_of(files)), 80)


ZHANG = [name for name, entry in CATALOGUE.items() if entry.format == "zhang"]


def _rows_of_zhang(entry, rows):
    """Rows as this data set has them: a class from 1, and a text or a title and a text."""
    columns, classes = range(len(entry.text)), len(entry.classes)
    lines = []
    for row in range(rows):
        texts = (f'"a w{row % classes} \\n text {place}, ""said"" "' for place in columns)
        lines.append(",".join([f'"{row % classes + 1}"', *texts]) + "\n")
    return "".join(lines)


@pytest.mark.parametrize("name", ZHANG)
def test_each_data_set_of_zhang_is_fetched_and_planned_with_its_own_columns_and_classes(
    server, root, known, capsys, name
):
    entry = CATALOGUE[name]
    train, test = 12 * len(entry.classes), 2 * len(entry.classes)
    files = {f"{name}_csv/{split}.csv": _rows_of_zhang(entry, rows).encode()
             for split, rows in (("train", train), ("test", test))}  # fmt: skip
    known(_served(name, server.put(f"{name}.tgz", tar_of(files)), train, test))
    assert main(["fetch", name]) == 0
    capsys.readouterr()
    assert main(["plan", f"@{name}", "--json"]) == 0
    planned = _last_json(capsys)
    assert (planned["rows"], planned["validation_rows"]) == (train, test)
    assert planned["spec"]["features"] == list(entry.text)
    assert planned["spec"]["classes"] == list(range(1, len(entry.classes) + 1))
    assert planned["spec"]["class_names"] == list(entry.classes)


@pytest.mark.slow
def test_files_of_zhang_by_a_pattern_train_the_model_of_sequences_that_was_asked_for(here, capsys):
    (here / "yelp").mkdir()
    entry = CATALOGUE["amazon_polarity"]
    for part in range(3):
        (here / "yelp" / f"train-{part}.csv").write_text(_rows_of_zhang(entry, 40))
    flags = ("--format", "zhang", "--text", "#1,#2", "--label", "#0", "--model", "sepcnn")
    few = ("--memory", "1GB", "--epochs", "1", "--run", "run", "--quiet", "--json")
    assert main(["train", "yelp/train-*.csv", *flags, *few]) == 0
    assert _last_json(capsys)["rows"] == 108
    record = json.loads(Path("run/run.json").read_text())
    assert record["spec"]["input_kind"] == "tokens"
    assert stoker.load("run").model.name == "sepcnn"


FORMATS = {"zhang": (_zhang, 160, 40), "folder": (_folder, 60, 60), "lines": (_lines, 72, 8)}


def _last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


SLOW_FORMATS = [pytest.param(name, marks=pytest.mark.slow) for name in FORMATS if name != "zhang"]


@pytest.mark.parametrize("name", ["zhang", *SLOW_FORMATS])
def test_a_data_set_goes_from_its_server_to_a_trained_model(server, root, known, capsys, name):
    make, rows, held_out = FORMATS[name]
    entry = known(make(server))
    assert main(["fetch", entry.name]) == 0
    assert f"train @{entry.name}" in capsys.readouterr().out
    assert main(["inspect", f"@{entry.name}", "--json"]) == 0
    assert _last_json(capsys)["rows"] == entry.train.num_rows
    assert main(["train", f"@{entry.name}", *TRAIN]) == 0
    trained = _last_json(capsys)
    assert trained["rows"] == 2 * rows
    assert trained["metrics"]["val_accuracy"] >= 0
    record = json.loads(Path("run/run.json").read_text())
    assert record["epochs"][-1]["rows"] == rows
    if entry.test is None:
        return
    assert main(["evaluate", "run", f"@{entry.name}", "--quiet", "--json"]) == 0
    assert _last_json(capsys)["rows"] == held_out


@pytest.mark.slow
def test_phrases_with_sentence_ids_train_and_no_sentence_is_on_both_sides(here, capsys):
    lines = ["PhraseId\tSentenceId\tPhrase\tSentiment"]
    lines += [f"{row}\t{row // 5}\ta {'good' if row % 3 else 'bad'} film\t{row % 3}" for row in range(200)]
    (here / "train.tsv").write_text("\n".join(lines) + "\n")
    flags = ("train.tsv", "--text", "Phrase", "--label", "Sentiment", "--group", "SentenceId")
    assert main(["plan", *flags, "--json"]) == 0
    planned = _last_json(capsys)
    assert planned["rows"] + planned["validation_rows"] == 200
    assert planned["rows"] % 5 == 0 < planned["validation_rows"]
    assert main(["train", *flags, *TRAIN]) == 0
    assert _last_json(capsys)["rows"] == 2 * planned["rows"]
    source = stoker.open(here / "train.tsv", label="Sentiment", text="Phrase")
    parts = source.split(0.9, 0, group="SentenceId")
    sides = [{row // 5 for batch in part.text_batches() for row in batch.ids.tolist()} for part in parts]
    assert [5 * len(side) for side in sides] == [planned["rows"], planned["validation_rows"]]
    assert sides[0] | sides[1] == set(range(40))
    assert not sides[0] & sides[1]


def test_a_download_that_broke_is_resumed_by_the_next_fetch_and_trains(server, root, known, capsys):
    entry = known(_zhang(server))
    served = server.files["ag_news.tgz"]
    served.drop_after, served.drops = 100, 3  # as often as a fetch tries
    assert main(["fetch", entry.name]) == 2
    assert "ag_news cannot be fetched" in capsys.readouterr().err
    part = root / ".fetching" / "ag_news" / "ag_news.tgz.part"
    kept = part.stat().st_size
    assert 0 < kept < len(served.content)
    assert main(["train", "@ag_news", *TRAIN]) == 2
    assert "ag_news was not fetched yet; stoker fetch ag_news fetches it" in capsys.readouterr().err
    asked = len(server.asked)
    assert main(["fetch", entry.name]) == 0
    assert server.asked[asked] == ("ag_news.tgz", f"bytes={kept}-")
    capsys.readouterr()
    assert main(["train", "@ag_news", *TRAIN]) == 0
    assert _last_json(capsys)["rows"] == 2 * 160


FILES = zhang_files("t", 2, 40, 10)


@pytest.mark.parametrize(
    ("files", "address", "said"),
    [
        (FILES, {"sha256": "0" * 64}, "expected " + "0" * 64),
        (FILES | {"../../evil": b"evil"}, {}, "a path out of the folder"),
        (zhang_files("t", 2, 38, 10), {}, "train split has 38 rows, and the catalogue says 40"),
        (zhang_files("t", 4, 40, 10, names=False), {}, "4 classes, and the catalogue says 2"),
    ],
    ids=["wrong checksum", "path escape", "wrong row count", "wrong classes"],
)
def test_what_is_wrong_is_one_sentence_and_nothing_can_be_trained_on(
    server, root, known, capsys, tmp_path, files, address, said
):
    known(made_up(server.put("tiny.tgz", tar_of(files)), **address))
    assert main(["fetch", "tiny"]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert "Traceback" not in told.err
    assert not (root / "tiny").exists()
    assert not list(tmp_path.rglob("evil"))
    assert main(["train", "@tiny", *TRAIN]) == 2
    assert "tiny was not fetched yet" in capsys.readouterr().err


def test_a_broken_archive_is_told_by_fetch(server, root, known, capsys):
    known(made_up(server.put("tiny.tgz", tar_of(FILES)[:-30])))
    assert main(["fetch", "tiny"]) == 2
    assert "tiny.tgz is not unpacked: it is broken" in capsys.readouterr().err
