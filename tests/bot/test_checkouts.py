"""A repository's files on disk: names in full, and what can be imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checkouts import in_sandbox, project_of, with_absolute_imports
from bot.stubs import spec_from_source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .prices import vat\n", "from shop.cart.prices import vat\n"),
        ("from . import prices\n", "from shop.cart import prices\n"),
        ("from ..util import x as y\n", "from shop.util import x as y\n"),
        ("from .. import (\n    a,\n    b,\n)\n", "from shop import (\n    a,\n    b,\n)\n"),
        ("def f():\n    'é'; from .x import y\n", "def f():\n    'é'; from shop.cart.x import y\n"),
        ("from . \\\n    a import b\n", "from shop.cart.a import b\n"),
        ("from ....far import x\n", "from ....far import x\n"),
        ("from other import x\nimport .y\n", "from other import x\nimport .y\n"),
        ("import os\n", "import os\n"),
    ],
)
def test_relative_imports_are_named_in_full_and_nothing_else_changes(source, expected):
    assert with_absolute_imports(source, "shop.cart") == expected


def test_a_module_of_no_package_has_nothing_to_be_relative_to():
    assert with_absolute_imports("from . import x\n", "") == "from . import x\n"


@given(st.text())
def test_any_text_is_read(text):
    assert isinstance(with_absolute_imports(text, "shop"), str)


@pytest.mark.parametrize(
    ("files", "path", "module"),
    [
        (["shop/__init__.py", "shop/cart.py"], "shop/cart.py", "from shop.prices import vat"),
        (["src/shop/__init__.py", "src/shop/cart.py"], "src/shop/cart.py", "from shop.prices"),
        (["lib/cart.py"], "lib/cart.py", "from lib.prices import vat"),
    ],
)
def test_a_spec_for_the_sandbox_knows_its_package(tmp_path: Path, files, path, module):
    source = "from .prices import vat\n\n\ndef gross(net):\n    ...\n"
    (tmp_path / ".git").mkdir()
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(source if file == path else "")
    spec = spec_from_source(source, "gross", path=path)

    assert in_sandbox(spec, tmp_path).module.startswith(module)
    assert spec.module == source


def test_the_folders_that_can_be_imported_from_are_inside_the_checkout(tmp_path: Path):
    root = tmp_path / "checkout"
    (root / "src/shop").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["src", "../.."]\n'
    )
    (root / "src/shop/__init__.py").write_text("")
    (root / "src/shop/cart.py").write_text("")

    assert project_of(root, "src/shop/cart.py").roots == (root / "src", root)
