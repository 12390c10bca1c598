"""The table that commands are tried on."""

from __future__ import annotations

import json


def write_table(path, rows=600, *, bad=""):
    """Two clouds of points, one a class: learned within an epoch or two."""
    lines = ["id,a,b,kind"]
    for row in range(rows):
        side = row * 7919 % 2
        lines.append(f"{row},{side * 4 + row * 31 % 17 / 10},{row * 13 % 11},{'yes' if side else 'no'}")
    path.write_text("\n".join(lines) + "\n" + bad)
    return str(path)


def last_json(capsys):
    """What a command printed as JSON, last of all."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])
