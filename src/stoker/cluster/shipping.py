"""Items and results on their way between processes of a cluster, as bytes."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["packed", "unpacked"]


def packed(thing: Any) -> bytes:
    """A thing as bytes; of a slice of Arrow's arrays its own rows alone, and not all that it was cut from.

    Functions and classes of a script's ``__main__`` travel by value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> column = pa.record_batch({"x": list(range(100_000))}).slice(7, 2)
    >>> len(packed(column)) < 1_000, unpacked(packed(column)).to_pydict()
    (True, {'x': [7, 8]})
    """
    stream = io.BytesIO()
    _Pickler(stream, protocol=5).dump(thing)
    return stream.getvalue()


def unpacked(data: bytes | memoryview) -> Any:
    """What `packed` took."""
    return cloudpickle.loads(data)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, _class_of_arrow("RecordBatch")):
            return _batch, (_written(thing.schema, [thing]),)
        if isinstance(thing, _class_of_arrow("Table")):
            return _table, (_written(thing.schema, thing.to_batches()),)
        return super().reducer_override(thing)


def _class_of_arrow(name: str) -> Any:
    """The class, or none: where a thing of it is, it is there, and another thread may be importing Arrow."""
    return getattr(sys.modules.get("pyarrow"), name, ())


def _written(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return bytes(sink.getvalue())


def _batch(data: bytes) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.ipc.open_stream(data).read_next_batch()


def _table(data: bytes) -> pa.Table:
    import pyarrow as pa

    return pa.ipc.open_stream(data).read_all()
