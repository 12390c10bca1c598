"""The package as a whole: what importing it costs, and what the repository promises of its files."""

import ast
import inspect
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import stoker
from source_trees import trees

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "stoker").rglob("*.py"))
HEAVY = ("keras", "jax", "tensorflow", "torch", "numba", "pyarrow", "pandas")


def _imported_by(statement):
    code = f"{statement}; import sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def _tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _texts():
    for path in _tracked():
        if path.suffix in (".gz", ".npy", ".keras", ".png"):
            continue
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_importing_stoker_imports_nothing_heavy():
    assert not _imported_by("import stoker").intersection(HEAVY)


def test_the_command_line_imports_nothing_heavy_before_a_command_runs():
    assert not _imported_by("from stoker.cli.commands import build_command; build_command()").intersection(
        HEAVY
    )


def _seconds_of_help():
    """Computing time of one process, which depends less than a clock on what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "stoker", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_three_tenths_of_a_second_of_computing():
    assert any(_seconds_of_help() < 0.3 for _ in range(24))


def test_every_public_name_can_be_had():
    for name in stoker.__all__:
        assert getattr(stoker, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        stoker.opne  # noqa: B018


def test_the_version_is_that_of_pyproject_and_has_a_changelog_entry():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == stoker.__version__
    assert f"\n## {stoker.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "src" / "stoker" / "py.typed").exists()


def test_every_source_file_has_a_docstring_and_nine_in_ten_three_hundred_lines_at_most():
    texts = {path: path.read_text("utf-8") for path in SOURCES}
    assert all(map(ast.get_docstring, trees().values()))
    lengths = [text.count("\n") for text in texts.values()]
    assert sum(length <= 300 for length in lengths) >= 0.9 * len(lengths)
    assert max(lengths) <= 400


def test_examples_leave_no_folder_behind():
    shown = re.compile(r"^ *(?:>>>|\.\.\.) .*", re.MULTILINE)
    for path in SOURCES:
        said = "\n".join(shown.findall(path.read_text("utf-8")))
        assert "mkdtemp" not in said, path
        assert said.count("= tempfile.TemporaryDirectory()") == said.count("temporary.cleanup()"), path


def test_every_benchmark_is_run_by_the_same_name():
    tree = ast.parse((ROOT / "benchmarks" / "run_all.py").read_text("utf-8"))
    [named] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BENCHMARKS"
    ]
    for name in map(ast.unparse, named.elts):
        body = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text("utf-8")).body
        assert "run" in [node.name for node in body if isinstance(node, ast.FunctionDef)], name


def test_nine_functions_in_ten_have_fewer_than_forty_lines():
    lengths = [
        node.end_lineno - node.body[0].end_lineno + 1
        if ast.get_docstring(node)
        else node.end_lineno - node.lineno + 1
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    assert sum(length < 40 for length in lengths) >= 0.9 * len(lengths)


def test_nothing_unsafe_or_salted_is_called():
    forbidden, unsafe = {"eval", "exec", "hash"}, {"pickle", "marshal", "shelve"}
    said = re.compile(rf"\b({'|'.join(forbidden | unsafe)})\b")
    for path in SOURCES:
        if not said.search(text := path.read_text("utf-8")):
            continue
        tree = ast.parse(text)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name == "__hash__":
                function.body = []
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        imported = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        # A script that the user names is the one thing that is run as code.
        allowed = {"exec"} if path.parts[-2:] == ("legacy", "script.py") else set()
        assert not called & (forbidden - allowed), path
        assert not imported & unsafe, path


def test_files_name_no_machine_path_registry_or_unfinished_work():
    marks = re.compile(
        "|".join([r"/work/", r"/home/\w", r"/root/", r"pypi\.org", r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b"])
    )
    found = [name for name, text in _texts() if name != "tests/test_package.py" and marks.search(text)]
    assert not found


def test_links_between_documents_lead_somewhere():
    for name, text in _texts():
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            assert "://" in target or (ROOT / name).parent.joinpath(target).exists(), f"{name}: {target}"


def test_every_field_of_run_json_is_documented():
    from stoker import plan, runrecords, types

    page = (ROOT / "docs" / "run-directory.md").read_text("utf-8")
    records = [
        runrecords.RunRecord,
        runrecords.GeneratorRecord,
        runrecords.FileRecord,
        runrecords.EpochRecord,
        runrecords.Outcome,
    ]
    records += [
        plan.Plan,
        plan.MemoryLine,
        types.StreamLimits,
        types.OrderSpec,
        types.FeedSpec,
        types.ColumnSpec,
        types.InputSpec,
    ]
    for record in records:
        for name in inspect.get_annotations(record):
            if not name.startswith("_"):
                assert f"`{name}`" in page or f'"{name}"' in page, f"{record.__name__}.{name}"
