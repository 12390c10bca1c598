"""What lies on a disk is data: nothing in stoker's sources makes code of it.

Worker processes are the one place where pickles are read: they come through a pipe from the parent that
started the process, or from its own child, and never from a file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

from source_trees import SOURCES, trees

FILES = sorted(path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py"))

MAKERS_OF_CODE = {"pickle", "cloudpickle", "marshal", "shelve", "dill", "joblib", "yaml", "runpy", "code"}
"""Modules that make objects, or run programs, of bytes."""

FROM_ONES_OWN_PROCESSES = {
    "cluster/shipping.py": "what processes of a cluster are to do, and what they made, through Ray's memory",
    "prefetch/wire.py": "messages between parent and child, through a pipe",
    "prefetch/pickling.py": "what a parent says of a task that it cannot send",
    "training/generators/shipping.py": "a copy of a generator, made in memory",
}
"""Files that know pickles, and what of."""

OF_THE_USERS_OWN_PROGRAM = {"legacy/script.py": "stoker legacy SCRIPT.py runs the script that it is told"}
"""Files that run code which the user names on the command line."""

MODELS = {
    "training/loading.py": "every model of a run directory",
    "legacy/saving.py": "keras.models.load_model as the user's script calls it",
    "legacy/keras_private.py": "the same of .h5 files",
}
"""Files that load models."""

NAMED = {"stoker", "keras", "fcntl", "msvcrt", "resource"}
"""The modules that may be imported by a name that is worked out, if it is a constant that begins with one."""

NAMED_BY_THE_USER = {
    "__init__.py": "the table of public names",
    "distributed/__init__.py": "the table of its public names",
    "backends.py": "the backend in use",
    "cli/session.py": "--import MODULE",
    "models/building.py": "--model package.module:build",
    "legacy/installing.py": "the table of Keras 2's names",
    "legacy/finder.py": "the table of Keras 2's modules",
}
"""Files that import modules whose names are no constants, and where these come from: never from a file."""


@cache
def nodes(name: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(trees()[name]))


def imports(name: str) -> Iterator[str]:
    for node in nodes(name):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@cache
def calls_of(name: str) -> tuple[tuple[str, ast.Call], ...]:
    """What is called in a file, dots included, and the call."""
    found = (node for node in nodes(name) if isinstance(node, ast.Call))
    return tuple(
        (dotted(node.func), node) for node in found if isinstance(node.func, ast.Name | ast.Attribute)
    )


def dotted(node: ast.expr) -> str:
    """`ast.unparse`, without its cost for names and dots, which most are."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ast.unparse(node)


def calls(names: Iterable[str] = FILES) -> Iterator[tuple[str, str, ast.Call]]:
    """File, what is called in it, and the call."""
    for name in names:
        for called, node in calls_of(name):
            yield name, called, node


def option(call: ast.Call, name: str) -> str | None:
    """How an option is given, as source; None where it is not."""
    return next((ast.unparse(word.value) for word in call.keywords if word.arg == name), None)


def test_no_code_is_made_of_bytes():
    for name in FILES:
        known = set(imports(name)) & MAKERS_OF_CODE
        assert not known or name in FROM_ONES_OWN_PROCESSES, f"{name} imports {known}"
    made = {name for name, called, _ in calls() if called in ("eval", "exec", "__import__")}
    assert made == set(OF_THE_USERS_OWN_PROGRAM)


def test_arrays_are_loaded_without_objects_and_models_in_safe_mode():
    for name, called, call in calls():
        last = called.rsplit(".", 1)[-1]
        if called in ("np.load", "numpy.load"):
            assert option(call, "allow_pickle") == "False", f"{name}: {ast.unparse(call)}"
        if last.startswith("load_model") and called != "load_model":
            assert name in MODELS, f"{name}: {ast.unparse(call)}"
            assert option(call, "safe_mode") in ("True", "safe_mode"), f"{name}: {ast.unparse(call)}"
        assert option(call, "safe_mode") != "False", f"{name}: {ast.unparse(call)}"
        assert last != "enable_unsafe_deserialization", f"{name}: {ast.unparse(call)}"


def test_no_module_is_imported_by_a_name_that_a_file_gives():
    for name, called, call in calls():
        if called.rsplit(".", 1)[-1] == "import_module" and name not in NAMED_BY_THE_USER:
            argument = call.args[0]
            assert isinstance(argument, ast.Constant), f"{name}: {ast.unparse(call)}"
            assert str(argument.value).split(".")[0] in NAMED, f"{name}: {ast.unparse(call)}"


def test_no_shell_is_asked():
    for name, called, call in calls():
        assert called not in ("os.system", "os.popen"), f"{name}: {ast.unparse(call)}"
        assert option(call, "shell") in (None, "False"), f"{name}: {ast.unparse(call)}"


def test_what_reads_pickles_opens_no_file():
    for name, called, call in calls(FROM_ONES_OWN_PROCESSES):
        assert called not in ("open", "io.open", "os.open"), f"{name}: {ast.unparse(call)}"


def test_the_exceptions_are_still_there():
    tables = (FROM_ONES_OWN_PROCESSES, OF_THE_USERS_OWN_PROGRAM, MODELS, NAMED_BY_THE_USER)
    assert {name for table in tables for name in table} <= set(FILES)
