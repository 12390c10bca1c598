"""A function in child processes: the same results and exceptions as here, in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import cloudpickle
import numpy as np
import pytest

from stoker.errors import OptionError, WorkerError
from stoker.prefetch import Processes, prefetch

pytestmark = pytest.mark.timeout(60)

# A child cannot import the tests' modules.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def call(task):
    return task()


@pytest.fixture(scope="module")
def remote():
    with Processes(call, workers=2, name="calls") as processes:
        yield processes


def run_script(folder, code, *arguments, expect=0):
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=50, cwd=folder
    )
    assert done.returncode == expect, done.stderr
    return done.stdout


def test_results_come_in_the_order_of_their_tasks(remote):
    tasks = [lambda n=n: (time.sleep(0.02 * (n % 3)), n)[1] for n in range(20)]
    with prefetch(remote, tasks, workers=2, in_flight=5, name="ordered") as results:
        assert list(results) == list(range(20))


def test_several_processes_compute_and_none_of_them_is_this_one(remote, tmp_path):
    def pid_when_both_are_there():
        (tmp_path / str(os.getpid())).touch()
        end = time.monotonic() + 30
        while len(os.listdir(tmp_path)) < 2 and time.monotonic() < end:
            time.sleep(0.005)
        return os.getpid()

    with prefetch(remote, [pid_when_both_are_there] * 2, workers=2, in_flight=2, name="pids") as results:
        assert set(results) == set(remote.pids)
    assert os.getpid() not in remote.pids


def test_a_single_process_keeps_its_state_from_task_to_task():
    class Counter:
        def __init__(self):
            self.count = 0

        def __call__(self, _):
            self.count += 1
            return self.count

    counter = Counter()
    with Processes(counter, workers=1, name="count") as processes:
        assert [processes(None) for _ in range(3)] == [1, 2, 3]
    assert counter.count == 0


def test_a_replaced_function_is_used_from_the_next_task_on():
    with Processes(lambda n: n + 1, workers=2, name="replaced") as processes:
        assert processes(1) == 2
        processes.replace(lambda n: n * 10)
        assert [processes(n) for n in range(4)] == [0, 10, 20, 30]


def test_a_function_may_hold_large_arrays_and_every_child_may_write_into_its_own():
    data = np.zeros((1000, 1000))

    class Adder:
        def __init__(self):
            self.data = data

        def __call__(self, task):
            self.data += 1
            time.sleep(0.05)
            return os.getpid(), float(self.data.sum() / self.data.size)

    with (
        Processes(Adder(), workers=2, name="adder") as processes,
        prefetch(processes, range(6), workers=2, in_flight=2, name="adder") as results,
    ):
        counts = {}
        for pid, value in results:
            counts[pid] = counts.get(pid, 0) + 1
            assert value == counts[pid]
    assert not data.any()


def test_a_child_imports_neither_keras_nor_jax_nor_numba(remote):
    loaded = remote(lambda: set(sys.modules))
    heavy = {"keras", "jax", "tensorflow", "torch", "numba", "pyarrow", "pandas", "scipy", "multiprocessing"}
    assert not loaded & heavy
    rooms = {name.split(".")[1] for name in loaded if name.startswith("stoker.")}
    assert rooms <= {"prefetch", "errors", "backends", "signals", "waits"}


def test_a_class_can_have_a_light_one_stand_in_for_it():
    class Base:
        pass

    class Child(Base):
        def __call__(self, kinds):
            return [base.__name__ for base in type(self).__mro__]

    with Processes(Child(), workers=1, name="light", stand_ins={Base: threading.Event}) as processes:
        assert processes(None) == ["Child", "Event", "object"]


def test_arguments_paths_and_folder_are_those_of_the_parent(remote):
    here = (sys.argv, [path for path in sys.path if isinstance(path, str)], os.getcwd())
    assert remote(lambda: (sys.argv, sys.path, os.getcwd())) == here


def test_what_a_child_prints_appears_at_once(capfd):
    with Processes(call, workers=1, name="print") as processes:
        processes(lambda: print("from the child", end=""))
        assert capfd.readouterr().out == "from the child"


def test_an_exception_arrives_in_its_place_with_its_own_type_and_attributes():
    class OutOfStockError(LookupError):
        def __init__(self, part, *, shelf):
            super().__init__(f"no {part}")
            self.shelf = shelf

    def fail():
        raise OutOfStockError("bolt", shelf=np.arange(3))

    tasks = [lambda: 1, lambda: 2, fail, lambda: 4]
    # Processes of its own: whoever is closed ends what computes a task that nobody asks for any more.
    with Processes(call, workers=1, name="calls") as own:
        results = prefetch(own, tasks, workers=1, in_flight=3, name="fault")
        assert [next(results), next(results)] == [1, 2]
        with pytest.raises(OutOfStockError, match="no bolt") as caught:
            next(results)
        assert list(caught.value.shelf) == [0, 1, 2]
        assert list(results) == []


def test_an_exception_brings_the_traceback_of_its_process(remote):
    def deep_inside():
        return 1 // 0

    with pytest.raises(ZeroDivisionError) as caught:
        remote(lambda: deep_inside())
    told = "".join(traceback.format_exception(caught.value))
    assert "of 'calls':" in told
    assert "in deep_inside" in told


@pytest.mark.parametrize(
    "error",
    [
        OSError(2, "No such file", "rows.csv"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        KeyError("label"),
        StopIteration(3),
        TimeoutError("late"),
        KeyboardInterrupt(),
        ExceptionGroup("both", [ValueError(1), TypeError(2)]),
        OptionError("an error of stoker's own"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_of_every_kind_come_back_as_they_were_raised(remote, error):
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        remote(fail)
    assert type(caught.value) is type(error)
    assert repr(caught.value) == repr(error)
    assert str(caught.value) == str(error)


def test_what_an_exception_says_is_shown_once(remote):
    def fail():
        raise ValueError("its own\nwords")

    with pytest.raises(ValueError, match="its own") as caught:
        remote(fail)
    told = "".join(traceback.format_exception(caught.value))
    # The line of the source, and the sentence itself.
    assert (told.count("its own\nwords"), told.count("in fail")) == (1, 1)


def test_an_exception_keeps_its_type_without_the_attributes_that_cannot_be_pickled(remote):
    def fail():
        error = ValueError("with a lock")
        error.lock, error.row = threading.Lock(), 3
        raise error

    with pytest.raises(ValueError, match="with a lock") as caught:
        remote(fail)
    assert caught.value.row == 3
    assert not hasattr(caught.value, "lock")


def test_an_exception_that_cannot_be_pickled_is_told_in_words(remote):
    def fail():
        raise ValueError("with a lock", threading.Lock())

    with pytest.raises(WorkerError, match="cannot be pickled") as caught:
        remote(fail)
    assert "ValueError: ('with a lock'" in str(caught.value)
    assert remote(lambda: "goes on") == "goes on"


def test_a_result_that_cannot_be_pickled_is_an_error_that_says_which_part(remote):
    with pytest.raises(WorkerError, match=r"result\['x'\]\[0\], a generator, cannot be pickled"):
        remote(lambda: {"x": [(n for n in [])]})
    assert remote(lambda: "goes on") == "goes on"


class Reader:
    def __init__(self):
        self.files = {"train": [threading.Lock()]}

    def __call__(self, task):
        return task


def test_a_function_that_cannot_be_pickled_is_refused_at_once_naming_the_culprit(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("stoker.prefetch.processes.Spawned", None)  # so that no process is started
        with pytest.raises(OptionError, match=r"function\.files\['train'\]\[0\], a lock, .*use threads"):
            Processes(Reader(), workers=2, name="batches")
    with Processes(call, workers=1, name="batches") as processes:
        with pytest.raises(OptionError, match=r"function\.__self__\.files"):
            processes.replace(Reader().__call__)
        reader = Reader()
        with pytest.raises(OptionError, match=r"function → reader\.files"):
            processes.replace(lambda task: reader(task))
        assert processes(lambda: "goes on") == "goes on"


def test_a_task_that_cannot_be_pickled_is_refused_in_its_place(remote):
    tasks = [lambda: 1, threading.Lock(), lambda: 3]
    results = prefetch(remote, tasks, workers=1, in_flight=2, name="tasks")
    assert next(results) == 1
    with pytest.raises(OptionError, match=r"a task of 'calls' cannot be sent .*a lock"):
        next(results)


def test_a_function_that_a_child_cannot_load_is_an_error_that_says_why(tmp_path, monkeypatch):
    (tmp_path / "vanishing_module.py").write_text("def function(task):\n    return task\n")
    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path)
        import vanishing_module
    with (
        Processes(vanishing_module.function, workers=1, name="vanished") as processes,
        pytest.raises(WorkerError, match=r"could not load .*No module named 'vanishing_module'") as caught,
    ):
        processes(1)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_more_threads_than_processes_wait_their_turn(remote):
    with prefetch(remote, [lambda: 1] * 40, workers=8, in_flight=16, name="crowd") as results:
        assert sum(results) == 40


@pytest.mark.parametrize("workers", [0, -1])
def test_at_least_one_process_is_needed(workers):
    with pytest.raises(OptionError, match="workers"):
        Processes(call, workers=workers, name="none")


def test_functions_and_classes_of_a_script_need_no_guard_and_keep_their_identity(tmp_path):
    out = run_script(
        tmp_path,
        """
        import collections, sys
        import numpy as np
        from stoker.prefetch import Processes, prefetch

        print("the script runs")
        Batch = collections.namedtuple("Batch", "x y")
        SCALE = 10

        class ScriptError(Exception):
            def tell(self):
                return "told by the script"

        def scaled(n):
            return SCALE * n

        class Sequence:
            def __len__(self):
                return 3

            def __getitem__(self, index):
                if index == 2:
                    raise ScriptError(index)
                return Batch(np.full(3, scaled(index)), __name__)

        sequence, method = Sequence(), ScriptError.tell
        remote = Processes(sequence.__getitem__, workers=2, name="batches")
        results = prefetch(remote, range(3), workers=2, in_flight=3, name="batches")
        for expected in (0, 10):
            batch = next(results)
            assert type(batch) is Batch and batch.x.tolist() == [expected] * 3, batch
        try:
            next(results)
        except ScriptError as error:
            assert ScriptError.tell is method
            print(error.tell(), sys.argv[1:])
        remote.close()
        """,
        "--flag",
    )
    assert out.splitlines() == ["the script runs", "told by the script ['--flag']"]


def test_a_script_that_closes_nothing_ends_and_its_children_with_it(tmp_path):
    out = run_script(
        tmp_path,
        """
        import time
        from stoker.prefetch import Processes, prefetch

        remote = Processes(time.sleep, workers=2, name="sleep")
        results = prefetch(remote, [3600] * 4, workers=2, in_flight=4, name="sleep")
        results.start()
        time.sleep(0.5)
        print(*remote.pids)
        """,
    )
    assert not [pid for pid in map(int, out.split()) if alive(pid)]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_modules_beside_the_script_are_found(tmp_path):
    (tmp_path / "beside.py").write_text("def double(n):\n    return 2 * n\n")
    out = run_script(
        tmp_path,
        """
        from beside import double
        from stoker.prefetch import Processes

        with Processes(double, workers=1, name="double") as remote:
            print(remote(4))
        """,
    )
    assert out == "8\n"
