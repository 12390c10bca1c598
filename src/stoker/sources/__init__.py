"""Files as rows that can be addressed by row id, one file a format.

`open` makes a `Source`: files, columns and a `View` of rows. `Source.chunks` scans every record once, in
pieces that `Source.parse` turns into rows and issues and that an `IndexBuilder` turns into a `RowIndex`;
with that, `Source.reader` reads any rows by id, straight from the files.
"""

from stoker.sources.base import Source
from stoker.sources.bound import BoundView
from stoker.sources.chunks import Chunk, ParsedChunk
from stoker.sources.files import FileIdentity, FileReader, identify, line_of
from stoker.sources.index import SEGMENT_BYTES, RowIndex
from stoker.sources.index_builder import IndexBuilder
from stoker.sources.issues import IssueKind, RowIssues
from stoker.sources.opening import open
from stoker.sources.table import Table
from stoker.sources.text_batches import TextBatch
from stoker.sources.views import View

__all__ = [
    "SEGMENT_BYTES",
    "BoundView",
    "Chunk",
    "FileIdentity",
    "FileReader",
    "IndexBuilder",
    "IssueKind",
    "ParsedChunk",
    "RowIndex",
    "RowIssues",
    "Source",
    "Table",
    "TextBatch",
    "View",
    "identify",
    "line_of",
    "open",
]
