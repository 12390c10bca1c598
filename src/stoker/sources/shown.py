"""A source in one line, for people: its files, columns, and which of the rows."""

from __future__ import annotations

from collections.abc import Sequence

from stoker.sources.bits import BitSpec
from stoker.sources.table import Table
from stoker.sources.views import FoldSpec, HeadSpec, ShardSpec, Spec, SplitSpec, View

__all__ = ["shown"]

_FEW = 6
"""Names that are listed; of more, the first ones and the last."""


def shown(table: Table, view: View) -> str:
    r"""What `Source` prints as.

    Examples
    --------
    >>> import pathlib, stoker, tempfile
    >>> temporary = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(temporary.name, "t.csv")
    >>> _ = path.write_text("x,z,y\n1,2,0\n3,4,1\n")
    >>> rows = stoker.open(path, label="y")
    >>> repr(rows).replace(str(path), "t.csv")
    "<Source t.csv: 2 features 'x', 'z', label 'y'>"
    >>> repr(rows.split(0.5, seed=7)[1]).replace(str(path), "t.csv")
    "<Source t.csv: 2 features 'x', 'z', label 'y', rows of split(0.5, seed=7)[1]>"
    >>> temporary.cleanup()
    """
    schema, paths = table.schema, table.paths
    files = f"{paths[0]} and {len(paths) - 1:,} more" if len(paths) > 1 else str(paths[0])
    names = schema.feature_names
    parts = [f"{len(names):,} feature{'s' * (len(names) != 1)}{' ' * bool(names)}{_listed(names)}"]
    labels = [column.name for column in schema.labels]
    if labels:
        parts.append(f"label{'s' * (len(labels) > 1)} {_listed(labels)}")
    if schema.weight is not None:
        parts.append(f"weighed by {schema.weight.name!r}")
    chosen = getattr(table, "chosen", None)
    if chosen is not None:
        parts.append(f"rows where {chosen.condition}")
    if view.steps:
        parts.append(f"rows of {', '.join(map(_step, view.steps))}")
    return f"<Source {files}: {', '.join(parts)}>"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _FEW:
        return ", ".join(map(repr, names))
    return f"{', '.join(map(repr, names[: _FEW - 1]))}, …, {names[-1]!r}"


def _step(step: Spec) -> str:
    if isinstance(step, SplitSpec):
        return f"split({step.fraction:g}, seed={step.seed})[{step.part}]"
    if isinstance(step, FoldSpec):
        fold = f"fold {step.index} of {step.count} (seed={step.seed})"
        return f"all but {fold}" if step.part else fold
    if isinstance(step, ShardSpec):
        return f"shard({step.index}, {step.count})"
    if isinstance(step, HeadSpec):
        return f"the first {step.count:,}"
    if isinstance(step, BitSpec):
        return f"where({step.condition!r})"
    return f"{step.count:,} chosen ones"
