"""Who may import whom, and which door each foreign package comes through."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "webhooks", "bot")

DOORS = {
    "torch": ("engine/llm/transformers",),
    "transformers": ("engine/llm/transformers",),
    "accelerate": ("engine/llm/transformers",),
    "bitsandbytes": ("engine/llm/transformers",),
    "openai": ("engine/llm/openai/client",),
    "httpx2": ("engine/llm/openai/client",),
    "ray": ("engine/cluster", "engine/llm/ray", "engine/sandbox/ray"),
    "docker": ("engine/sandbox/docker", "engine/sandbox/dockerlink"),
    "github": ("bot/forge/github",),
    "flask": ("webhooks",),
    "werkzeug": ("webhooks",),
    "sqlalchemy": ("bot/store", "bot/migrations"),
    "alembic": ("bot/store", "bot/migrations"),
    "apscheduler": ("bot/scheduler",),
    "autoimport": ("engine/cleanup",),
    "yapf": ("engine/cleanup",),
    "pipreqs": ("engine/sandbox",),
    "click": ("bot",),
    "rich": ("bot",),
    "pydantic": ("bot",),
    "llama_cpp": ("bot/bench/llamacpp",),
    "llm": (),
}
"""Each foreign package, and the modules or packages of ours that may import it."""

MAY_IMPORT = {"engine": {"engine"}, "webhooks": {"webhooks"}, "bot": set(PACKAGES)}

HEAVY = {
    "torch", "transformers", "accelerate", "numpy", "docker", "github", "flask", "sqlalchemy", "ray",
    "rich", "pydantic", "yapf", "autoimport", "pipreqs", "apscheduler", "jinja2", "pytest", "requests",
    "openai", "httpx2",
}  # fmt: skip


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports_of(source: str, package: str) -> Iterator[str]:
    """Dotted names that a module of `package` imports anywhere in it, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            yield ".".join([*base, *([node.module] if node.module else [])])
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"importlib.import_module", "import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def is_within(module: str, door: str) -> bool:
    """Whether the file `module`, relative and without its ending, is the door or inside it."""
    return module == door or module.startswith(f"{door}/")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_given_a_module_then_it_imports_only_what_its_place_allows(path):
    module = path.relative_to(ROOT).with_suffix("").as_posix()
    package = ".".join(path.relative_to(ROOT).parent.parts)

    for name in imports_of(path.read_text(encoding="utf-8"), package):
        top = name.partition(".")[0]
        if top in PACKAGES:
            assert top in MAY_IMPORT[package.partition(".")[0]], f"{module} imports {name}"
        if top in DOORS:
            doors = DOORS[top]
            assert any(is_within(module, door) for door in doors), f"{module} imports {name}"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("from a.b import c", ["a.b"]),
        ("def f():\n    import a", ["a"]),
        ("from . import x", ["p.q"]),
        ("from ..r import x", ["p.r"]),
        ("import importlib\nimportlib.import_module('a.b')", ["importlib", "a.b"]),
        ("__import__('a')", ["a"]),
    ],
)
def test_the_reader_of_imports_sees_every_form(source, names):
    assert list(imports_of(source, "p.q")) == names


def loaded_by(statement: str) -> dict[str, str]:
    """The modules that a fresh interpreter has after `statement`, with their files."""
    script = (
        f"import json, sys; {statement}\n"
        "print(json.dumps({k: getattr(v, '__file__', '') or '' for k, v in sys.modules.items()}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(ran.stdout))


def test_when_the_command_line_is_imported_then_nothing_heavy_is():
    loaded = {name.partition(".")[0] for name in loaded_by("import bot.cli")}

    assert loaded & HEAVY == set()
    assert "click" in loaded


def test_when_help_is_asked_for_then_nothing_heavy_is_imported():
    asked = "import bot.cli\ntry: bot.cli.cli(['generate', '--help'])\nexcept SystemExit: print()"
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}

    assert "Usage" in ran.stdout
    assert loaded & HEAVY == set()


def test_the_packages_are_ours_and_not_somebody_elses_of_that_name():
    files = loaded_by("import engine, webhooks, bot")

    assert {name: files[name] for name in PACKAGES} == {
        name: str(ROOT / name / "__init__.py") for name in PACKAGES
    }


def test_the_configuration_is_no_package():
    assert not (ROOT / "config" / "__init__.py").exists()
    assert not list((ROOT / "config").rglob("*.py"))


def test_tests_are_no_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_package_has_its_marker():
    folders = {path.parent for path in sources()}

    # Migrations are an ordered list of files, everything else is imported by its dotted name.
    missing = {f for f in folders if not (f / "__init__.py").exists() and f.name != "migrations"}
    assert missing == set()
