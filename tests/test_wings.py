"""Who may call whom: each wing only what stands below it and only through its face, and few doors for each library."""
import ast
import importlib
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "presence_receiver"
NAME = PACKAGE.name

ROWS = [
    ["extras.probe", "extras.simulation", "extras.replay", "extras.report", "extras.bucket",
     "extras.privacy"],
    ["server"],
    ["app"],
    ["cli"],
    ["webhook", "monitoring"],
    ["validation", "storage"],
    ["subscriptions"],
    ["http_client"],
    ["ground"],
]
"""Top first; those in one row do not see each other. What is no folder and not `app` is ground."""

GROUND = {"config"}
"""The folders of the ground: rooms of it, with a face, and no wings."""

SEES_EXTRAS = {"app", "cli.main"}
"""The two that choose: which storage, and which command."""

DOORS = {
    "click": {"cli", "extras.*"},
    "dotenv": {"cli"},
    "duckdb": {"extras.report"},
    "fcntl": {"storage"},
    "flask": {"app", "webhook", "monitoring"},
    "gevent": {"server", "storage"},
    "greenlet": {"server"},
    "gunicorn": {"server", "webhook"},
    "httptools": {"server"},
    "marshmallow": {"validation", "ground"},
    "msgspec": {"validation", "ground", "extras.replay", "extras.privacy"},
    "obstore": {"extras.bucket"},
    "prometheus_client": {"monitoring"},
    "pythonjsonlogger": {"server"},
    "requests": {"http_client", "subscriptions", "extras.probe"},
    "rich": {"cli", "extras.*"},
    "urllib3": {"http_client"},
    "werkzeug": {"app", "webhook"},
}
"""The wings that may import each library; of the standard library, what is to have one door."""


def wing(parts):
    """The wing of a dotted name below the package, given as its parts."""
    if parts[:1] == ["extras"] and len(parts) > 1 and parts[1] != "__init__":
        return ".".join(parts[:2])
    if parts[:1] == ["app"]:
        return "app"
    is_wing = parts and parts != ["extras", "__init__"] and parts[0] not in GROUND and (PACKAGE / parts[0]).is_dir()
    return parts[0] if is_wing else "ground"


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = [*path.relative_to(PACKAGE).with_suffix("").parts]
        yield ".".join(parts).removesuffix(".__init__"), parts, ast.parse(path.read_text())


def imported(tree):
    """(module, name) of all that a file imports, wherever in it; name is None for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def ours():
    """(module, its wing, the wing that it calls, what it imports there) for every import of this package's."""
    for module, parts, tree in modules():
        for source, name in imported(tree):
            if source.split(".")[0] == NAME:
                below = source.split(".")[1:]
                target = wing(below) if below else wing([name])
                yield module, wing(parts), target, ".".join([*below, name or ""])


def height(name):
    return next(index for index, row in enumerate(ROWS) if name in row)


def test_every_folder_has_its_row():
    folders = {wing(parts) for _, parts, _ in modules()}
    assert folders == {name for row in ROWS for name in row}


def test_a_wing_calls_only_what_stands_below_it():
    upward = [
        (module, what) for module, caller, called, what in ours()
        if caller != called and module not in ("__init__", "__main__", "gunicorn_config") and module not in SEES_EXTRAS
        and height(called) <= height(caller)
    ]
    assert upward == []


def test_only_the_two_that_choose_see_an_extra():
    assert {module for module, caller, called, _ in ours() if called.startswith("extras.") and caller != called} \
        <= SEES_EXTRAS


def test_a_wing_is_entered_by_its_face():
    past = [
        (module, what) for module, caller, called, what in ours()
        if caller != called and called != "app" and not called.startswith("extras.")
        and what.count(".") > 1
    ]
    assert past == [("__main__", "cli.main.main"), ("gunicorn_config", "server.config.*")]


@pytest.mark.parametrize("path", [*PACKAGE.glob("__init__.py"), *sorted(PACKAGE.glob("*/__init__.py"))],
                         ids=lambda path: path.parent.name)
def test_all_that_a_face_names_is_there_and_nothing_else(path):
    package = ".".join(path.relative_to(PACKAGE.parent).parent.parts)
    face = importlib.import_module(package)
    for source, name in imported(ast.parse(path.read_text())):
        if source.startswith(f"{package}."):
            assert getattr(face, name) is getattr(importlib.import_module(source), name)
    with pytest.raises(AttributeError, match=f"^module '?{package}'? has no attribute '?absent'?$"):
        face.absent


def test_each_library_has_its_doors():
    found = {}
    for _, parts, tree in modules():
        for library in {source.split(".")[0] for source, _ in imported(tree)} - {NAME}:
            if library not in sys.stdlib_module_names or library in DOORS:
                found.setdefault(library, set()).add(wing(parts))
    strange = {library: doors - set().union(*map(every, DOORS.get(library, ()))) for library, doors in found.items()}
    assert not any(strange.values()), strange
    assert found.keys() == DOORS.keys()


def every(door):
    """The wings of a row of DOORS; `extras.*` is any extra."""
    return {name for row in ROWS for name in row if name == door or door == "extras.*" and name.startswith("extras.")}
