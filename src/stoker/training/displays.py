"""The displays: a bar on a terminal, plain lines elsewhere, a cell's output in a notebook."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from stoker.signals import Held
from stoker.training import lines
from stoker.training.progress import Display
from stoker.training.report import FitReport, Snapshot, Validation

if TYPE_CHECKING:
    from rich.live import Live

    from stoker.types import Progress

__all__ = ["BarDisplay", "NotebookDisplay", "PlainDisplay", "in_notebook"]


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class _LineDisplay(Display):
    """Lines that stay, and for some displays a text below them that changes."""

    def _keep(self, line: str) -> None:
        raise NotImplementedError

    def _change(self, text: str) -> None:
        """Show a text until the next one; the empty text shows none."""

    @contextmanager
    def stage(self, name: str, unit: str = "") -> Iterator[Progress]:
        """Show a stage that is no training; yields a function of (done, total)."""
        shown = time.perf_counter()

        def advance(done: int, total: int) -> None:
            nonlocal shown
            if time.perf_counter() - shown < min(self.interval, 10.0):
                return
            shown = time.perf_counter()
            share = done / total if total else 1.0
            amounts = f"  {lines.amount(done)} of {lines.amount(total)}{unit}"
            self._advance_stage(lines.labelled(name, f"{lines.bar(share)} {100 * share:.0f} %{amounts}"))

        try:
            yield advance
        finally:
            self._change("")

    def _advance_stage(self, line: str) -> None:
        self._change(line)

    def advanced(self, snapshot: Snapshot) -> None:
        self._change(f"{lines.epoch_line(snapshot)}\n{lines.status_line(snapshot)}")

    def epoch_ended(self, snapshot: Snapshot) -> None:
        self._change("")
        self._keep(lines.epoch_line(snapshot))

    def validated(self, validation: Validation) -> None:
        self._keep(lines.validation_line(validation))

    def finished(self, report: FitReport) -> None:
        self._change("")
        self._keep(lines.done_line(report))

    def note(self, name: str, text: str) -> None:
        self._keep(lines.labelled(name, text))

    def close(self) -> None:
        self._change("")


class PlainDisplay(_LineDisplay):
    """Whole lines, for logs and pipes: one every ten seconds and one an epoch.

    Parameters
    ----------
    stream
        Where to write, by default standard error as it is at that moment.
    interval
        Seconds between two lines within an epoch.
    """

    def __init__(self, stream: TextIO | None = None, *, interval: float = 10.0) -> None:
        self._stream = stream
        self.interval = interval

    def _keep(self, line: str) -> None:
        # A reader that went away must not end a training run. One call writes text and end of a line: `print`
        # writes them one after the other, and Ctrl-C may come between.
        with suppress(OSError, ValueError):
            stream = self._stream or sys.stderr
            stream.write(f"{line}\n")
            stream.flush()

    def _advance_stage(self, line: str) -> None:
        self._keep(line)

    def advanced(self, snapshot: Snapshot) -> None:
        """One line within an epoch."""
        self._keep(f"{lines.epoch_line(snapshot, width=0)}  {lines.waiting_line(snapshot)}")

    def epoch_ended(self, snapshot: Snapshot) -> None:
        """One line at an epoch's end."""
        self.advanced(snapshot)


class BarDisplay(_LineDisplay):
    """Two lines at the bottom of the terminal that change, and those above that stay.

    Parameters
    ----------
    console
        A ``rich.console.Console``, by default one on standard error.
    """

    interval = 0.25

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True, highlight=False)
        self._live: Live | None = None

    def _keep(self, line: str) -> None:
        from rich.text import Text

        text = Text(line, no_wrap=True, overflow="ellipsis")
        text.highlight_regex(r"^\S+( \d+/\d+)?", "bold")
        text.highlight_regex(r"━+╸?", "cyan")
        text.highlight_regex(r"← best$", "green")
        with suppress(OSError, ValueError):
            self._console.print(text)

    def _change(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal may be closed
            self._change_live(text)

    def _change_live(self, text: str) -> None:
        if not text:
            live, self._live = self._live, None
            if live is not None:
                with Held():  # it shows the cursor again
                    live.stop()
            return
        from rich.live import Live
        from rich.text import Text

        shown = Text(text, no_wrap=True, overflow="ellipsis")
        shown.highlight_regex(r"^epoch \d+/\d+|^\w+", "bold")
        shown.highlight_regex(r"━+╸?", "cyan")
        if self._live is None:
            self._live = Live(shown, console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(shown, refresh=True)


class NotebookDisplay(_LineDisplay):
    """One output of a notebook cell, rewritten in place.

    Parameters
    ----------
    show
        Called with HTML and whether to rewrite what was shown before; by default IPython's display.
    """

    interval = 0.5

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self._show = show or _ipython_output()
        self._kept: list[str] = []
        self._changing = ""

    def _keep(self, line: str) -> None:
        self._kept.append(line)
        self._render()

    def _change(self, text: str) -> None:
        if text != self._changing:
            self._changing = text
            self._render()

    def _render(self) -> None:
        text = "\n".join([*self._kept, self._changing] if self._changing else self._kept)
        self._show(f'<pre style="line-height: 1.3">{html.escape(text)}</pre>')


def _ipython_output() -> Callable[[str], None]:
    from IPython.display import HTML, display

    handle: list[Any] = []

    def show(text: str) -> None:
        if handle:
            handle[0].update(HTML(text))
        else:
            handle.append(display(HTML(text), display_id=True))

    return show
