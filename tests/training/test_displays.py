from __future__ import annotations

import io
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import keras
import pytest
from memory_feed import make_feed
from rich.console import Console

from stoker.errors import OptionError
from stoker.training import displays, lines
from stoker.training.fit import fit
from stoker.training.progress import Display, choose_display
from stoker.training.report import FitReport, Snapshot, Validation

SNAPSHOT = Snapshot(
    epoch=0,
    epochs=3,
    batches=52,
    num_batches=100,
    num_rows=25_600,
    rows_per_second=311_234.0,
    eta_seconds=2760.0,
    logs={"auc": 0.7711, "loss": 0.0981},
    waiting=0.004,
    memory_bytes=1_900_000_000,
    memory_limit=4_000_000_000,
    process_bytes=2_600_000_000,
    saved_seconds=120.0,
)
BEST = Validation(step=200_000, epoch=0, logs={"val_loss": 0.0991, "val_auc": 0.768}, best=True)
REPORT = FitReport(
    ended="finished",
    steps=2_000_000,
    rows=3 * 25_600,
    num_rows=25_600,
    epochs=3,
    seconds=17_880.0,
    train_seconds=17_000.0,
    wait_seconds=60.0,
    validation_wait_seconds=1.0,
    monitor="val_auc",
    direction="max",
    best=0.792,
    best_step=1_160_000,
    best_epoch=1,
    metrics={},
)
EPOCH = "epoch 1/3 ━━━━━─────  52 %  311k rows/s  loss 0.098  auc 0.771  ETA 46 min".replace("─  52", "─ 52")
STATUS = (
    "          computing 99.6 % · waiting for data 0.4 % · 1.9 of 4 GB · process 2.6 GB · saved 2 min ago"
)
VALID = "valid     step 200 000  loss 0.099  auc 0.768  ← best"
DONE = "done      4 h 58 · best step 1 160 000 · val_auc 0.792 · every row used 3 times"


def play(display: Display) -> None:
    display.advanced(SNAPSHOT)
    display.epoch_ended(replace(SNAPSHOT, batches=100))
    display.validated(BEST)
    display.finished(REPORT)
    display.close()
    display.close()


def test_that_kernels_were_compiled_is_told_and_no_wait_for_data():
    snapshot = replace(SNAPSHOT, compile_seconds=22.4)
    assert lines.waiting_line(snapshot) == "waiting for data 0.4 % · compiled kernels for 22 s, once"
    assert "waiting for data 0.4 % · compiled kernels for 22 s, once · 1.9 of" in lines.status_line(snapshot)


def test_plain_lines_tell_the_whole_story():
    stream = io.StringIO()
    play(displays.PlainDisplay(stream))
    assert stream.getvalue().splitlines() == [
        "epoch 1/3 52 %  311k rows/s  loss 0.098  auc 0.771  ETA 46 min  waiting for data 0.4 %",
        "epoch 1/3 100 %  311k rows/s  loss 0.098  auc 0.771  waiting for data 0.4 %",
        VALID,
        DONE,
    ]


def test_the_bar_shows_two_lines_that_change_and_keeps_the_others():
    stream = io.StringIO()
    play(displays.BarDisplay(Console(file=stream, force_terminal=True, color_system=None, width=120)))
    shown = stream.getvalue()
    for line in (EPOCH, STATUS, VALID, DONE):
        assert line in shown
    assert shown.rstrip().endswith(DONE)


def test_the_bar_gives_the_cursor_back_when_closed_in_mid_epoch():
    stream = io.StringIO()
    display = displays.BarDisplay(Console(file=stream, force_terminal=True, color_system=None, width=120))
    display.advanced(SNAPSHOT)
    display.close()
    assert stream.getvalue().rfind("\x1b[?25h") > stream.getvalue().rfind("\x1b[?25l") >= 0


def test_a_narrow_terminal_cuts_lines_instead_of_breaking_them():
    stream = io.StringIO()
    display = displays.BarDisplay(Console(file=stream, force_terminal=True, color_system=None, width=40))
    display.note("next", "a word " * 20)
    assert all(len(line) <= 40 for line in stream.getvalue().splitlines())


def test_a_notebook_shows_one_output_that_is_rewritten():
    shown: list[str] = []
    play(displays.NotebookDisplay(shown.append))
    assert EPOCH in shown[0]
    assert STATUS.strip() in shown[0]
    assert shown[-1].endswith(f"{VALID}\n{DONE}</pre>")
    assert EPOCH not in shown[-1]


def test_a_notebook_escapes_what_is_no_markup():
    shown: list[str] = []
    displays.NotebookDisplay(shown.append).note("note", "<b>")
    assert "&lt;b&gt;" in shown[0]


def test_the_notebooks_display_updates_its_cell_through_ipython(monkeypatch):
    calls: list[str] = []
    handle = SimpleNamespace(update=lambda content: calls.append("update"))
    module = ModuleType("IPython.display")
    module.HTML = lambda text: text
    module.display = lambda content, display_id: calls.append("display") or handle
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    display = displays.NotebookDisplay()
    display.note("a", "1")
    display.note("b", "2")
    assert calls == ["display", "update"]


def test_a_stage_that_is_no_training_shows_its_share():
    stream = io.StringIO()
    display = displays.PlainDisplay(stream, interval=0.0)
    with display.stage("survey", "B") as progress:
        progress(50_000_000, 100_000_000)
    assert stream.getvalue() == "survey    ━━━━━───── 50 %  50.0M of 100MB\n"


def test_a_closed_pipe_does_not_end_a_training():
    stream = io.StringIO()
    stream.close()
    displays.PlainDisplay(stream).note("epoch", "1")


@pytest.mark.parametrize("good_writes", [0, 1, 3, 6])
def test_a_terminal_that_is_closed_does_not_end_a_training(good_writes):
    class Closing(io.StringIO):
        left = good_writes

        def write(self, text):
            self.left -= 1
            if self.left < 0:
                raise OSError(5, "Input/output error")
            return super().write(text)

    play(displays.BarDisplay(Console(file=Closing(), force_terminal=True, color_system=None, width=120)))


def test_auto_is_plain_where_standard_error_is_no_terminal(monkeypatch):
    assert isinstance(choose_display("auto"), displays.PlainDisplay)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True, write=len, flush=lambda: None))
    assert isinstance(choose_display("auto"), displays.BarDisplay)


def test_auto_is_a_notebook_in_a_notebook(monkeypatch):
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert displays.in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not displays.in_notebook()


def test_none_shows_nothing_and_is_never_due(capsys):
    display = choose_display("none")
    with display.stage("survey") as progress:
        progress(1, 2)
    play(display)
    assert capsys.readouterr() == ("", "")
    assert display.interval == float("inf")


def test_a_display_of_ones_own_is_taken_as_it_is():
    display = Display()
    assert choose_display(display) is display
    with pytest.raises(OptionError, match="progress must be auto, bar, notebook, plain or none"):
        choose_display("shiny")


def test_an_epochs_line_tells_the_waiting_of_that_epoch_alone(small_model, monkeypatch):
    now, seen = [100.0], []
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    class Seen(Display):
        def epoch_ended(self, snapshot: Snapshot) -> None:
            seen.append(snapshot.waiting)

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            now[0] += 0.5

    def wait(epoch: int, batch: int) -> None:
        now[0] += [0.5, 1.5][epoch]

    feed = make_feed(before=wait, always_ready=False)
    fit(small_model(), feed, epochs=2, progress=Seen(), callbacks=[Slow()])
    assert seen == [0.5, 0.75]


def test_ctrl_c_comes_before_or_behind_a_plain_line_and_not_within():
    written: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if written:
                raise KeyboardInterrupt
            written.append(text)
            return len(text)

    display = displays.PlainDisplay(Stream())
    display.note("rows", "2 700 to train on")
    with pytest.raises(KeyboardInterrupt):
        display.note("disk", "no cache")
    assert written == ["rows      2 700 to train on\n"]
