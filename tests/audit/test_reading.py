"""What changed of files is told alike by their survey and by reading them anew, all or the one alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stoker.audit.contents import FileContents, contents_of, read_contents
from stoker.audit.difference import Difference, Differs
from stoker.audit.reading import check_files, check_surveyed
from stoker.ledger import Ledger
from stoker.runrecords import FileRecord
from stoker.sources.alike import file_alone
from stoker.survey import Survey, survey
from written_sources import FILES

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=FILES)
def found(request: pytest.FixtureRequest, tmp_path: Any) -> Survey:
    return survey(FILES[request.param](tmp_path), role="predict", na="zero", texts="given", stored=False)


def recorded(found: Survey) -> tuple[list[FileRecord], list[FileContents]]:
    contents = read_contents(contents_of(found), [file.digest for file in found.files])
    assert contents is not None
    paths = found.source.paths
    files = [
        FileRecord(path=path, num_bytes=file.size, num_rows=0, digest=file.digest)
        for path, file in zip(paths, found.files, strict=True)
    ]
    return files, contents


def difference(check: Callable[[], None]) -> Difference | None:
    try:
        check()
    except Differs as differs:
        return differs.difference
    return None


def test_files_that_are_as_they_were_differ_nowhere(found):
    files, contents = recorded(found)
    check_surveyed(found, files, contents)
    check_surveyed(found, files, None)
    check_files(found.source, files, contents)


def test_the_first_chunk_that_is_another_is_the_same_however_it_is_found(found):
    files, contents = recorded(found)
    last = len(files) - 1
    middle = len(contents[last].checksums) // 2
    spoilt = [*contents[last].checksums]
    spoilt[middle] = "0" * 16
    contents[last] = msgspec.structs.replace(contents[last], checksums=spoilt)
    files[last] = msgspec.structs.replace(files[last], digest="0" * 32)
    told = difference(lambda: check_files(found.source, files, contents))
    assert told is not None
    assert told.file == found.source.paths[last]
    assert told.first_row is not None
    assert difference(lambda: check_surveyed(found, files, contents)) == told
    alone = replace(found.source.whole, table=file_alone(found.source.table, last))
    ledger = Ledger(64 << 20)
    assert difference(lambda: check_files(alone, files[last:], contents[last:], ledger=ledger)) == told
    assert 0 < ledger.peak <= ledger.limit


def test_without_chunks_a_file_is_told_by_its_digest(found):
    files, _ = recorded(found)
    files[0] = msgspec.structs.replace(files[0], digest="0" * 32, num_bytes=files[0].num_bytes + 1)
    told = difference(lambda: check_surveyed(found, files, None))
    assert told is not None
    assert told == difference(lambda: check_files(found.source, files, None))
    assert f"is not what was trained on: {files[0].num_bytes:,} bytes then and" in told.text
