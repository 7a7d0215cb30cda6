"""The edit is surgical: the stub's body is replaced, and every other byte of the file stays."""

import ast
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.functions import after_docstring, find_function
from engine.splice import SpliceError, splice

ADD = "def f(a, b):\n    return a + b\n"


def text(indented: str) -> str:
    return dedent(indented).lstrip("\n")


def body_of(module: str, qualname: str) -> list[str]:
    node = find_function(ast.parse(module), qualname)
    assert node is not None
    return [ast.unparse(statement) for statement in after_docstring(node)]


STUBS = {
    "a docstring and pass": (
        'def f(a, b):\n    """Add."""\n    pass\n',
        'def f(a, b):\n    """Add."""\n    return a + b\n',
    ),
    "an ellipsis": ("def f(a, b):\n    ...\n", "def f(a, b):\n    return a + b\n"),
    "a raise": (
        'def f(a, b):\n    raise NotImplementedError("later")\n',
        "def f(a, b):\n    return a + b\n",
    ),
    "nothing but a docstring": (
        'def f(a, b):\n    """Add."""\n\nx = 1\n',
        'def f(a, b):\n    """Add."""\n    return a + b\n\nx = 1\n',
    ),
    "a docstring of several lines": (
        'def f(a, b):\n    """Add.\n\n      Deeper.\n    """\n    ...\n',
        'def f(a, b):\n    """Add.\n\n      Deeper.\n    """\n    return a + b\n',
    ),
    "one line": ("def f(a, b): ...\n", "def f(a, b):\n    return a + b\n"),
    "one line with blanks": ("def f(a, b) :  pass  \n", "def f(a, b) :\n    return a + b\n"),
    "one line with a docstring": (
        'def f(a, b): "Add."\n',
        'def f(a, b):\n    "Add."\n    return a + b\n',
    ),
    "one line with a docstring and pass": (
        'def f(a, b): "Add."; pass\n',
        'def f(a, b):\n    "Add."\n    return a + b\n',
    ),
    "one line with a docstring that goes on": (
        'def f(a, b): """Add.\n    More."""\nx = 1\n',
        'def f(a, b):\n    """Add.\n    More."""\n    return a + b\nx = 1\n',
    ),
    "one line with a person's comment": (
        "def f(a, b): ...  # in metres\n",
        "def f(a, b):  # in metres\n    return a + b\n",
    ),
    "one line with a TODO": ("def f(a, b): ...  # TODO\n", "def f(a, b):\n    return a + b\n"),
    "a colon in the annotations": (
        "def f(a: dict[str, 'x:y'], b=lambda: {1: 2}): ...\n",
        "def f(a: dict[str, 'x:y'], b=lambda: {1: 2}):\n    return a + b\n",
    ),
    "a body after a continued line": (
        "def f(a, b): \\\n    pass\n",
        "def f(a, b):\n    return a + b\n",
    ),
    "pass on the docstring's line": (
        'def f(a, b):\n    """Add."""; pass\n',
        'def f(a, b):\n    """Add."""\n    return a + b\n',
    ),
    "a semicolon after the docstring": (
        'def f(a, b):\n    """Add.""";\n    pass\n',
        'def f(a, b):\n    """Add.""";\n    return a + b\n',
    ),
    "a comment after the docstring": (
        'def f(a, b):\n    """Add."""  # noqa: D401\n    pass\n',
        'def f(a, b):\n    """Add."""  # noqa: D401\n    return a + b\n',
    ),
    "a comment after the header": (
        "def f(a, b):  # of numbers\n    pass  # for now\n",
        "def f(a, b):  # of numbers\n    return a + b\n",
    ),
    "a TODO above pass": (
        'def f(a, b):\n    """Add."""\n    # TODO: implement\n    # this soon\n    pass\n',
        'def f(a, b):\n    """Add."""\n    return a + b\n',
    ),
    "a TODO below a docstring": (
        'def f(a, b):\n    """Add."""\n\n    # TODO: write\n\n\nx = 1\n',
        'def f(a, b):\n    """Add."""\n\n    return a + b\n\n\nx = 1\n',
    ),
    "a TODO below pass": (
        "def f(a, b):\n    pass\n\n    # your code here\n# not here: TODO\n",
        "def f(a, b):\n    return a + b\n# not here: TODO\n",
    ),
    "a hint for whoever writes it": (
        'def f(a, b):\n    """Add."""\n\n    # Mind the sign.\n    pass\n    # The end.\n',
        'def f(a, b):\n    """Add."""\n\n    # Mind the sign.\n    return a + b\n    # The end.\n',
    ),
    "a hint below a TODO": (
        "def f(a, b):\n    # TODO\n\n    # Mind the sign.\n    pass\n",
        "def f(a, b):\n    # Mind the sign.\n    return a + b\n",
    ),
    "blank lines above pass": (
        'def f(a, b):\n    """Add."""\n\n    pass\n',
        'def f(a, b):\n    """Add."""\n\n    return a + b\n',
    ),
    "several placeholders": (
        "def f(a, b):\n    pass; ...\n    raise NotImplementedError\n",
        "def f(a, b):\n    return a + b\n",
    ),
    "no newline at the end": ("def f(a, b):\n    pass", "def f(a, b):\n    return a + b"),
    "a docstring without a newline at the end": (
        'def f(a, b):\n    """Add."""',
        'def f(a, b):\n    """Add."""\n    return a + b',
    ),
    "tabs": (
        'class A:\n\tpass\n\ndef f(a, b):\n\t"""Add."""\n\tpass\n',
        'class A:\n\tpass\n\ndef f(a, b):\n\t"""Add."""\n\treturn a + b\n',
    ),
    "two spaces": ("def f(a, b):\n  pass\n", "def f(a, b):\n  return a + b\n"),
    "Windows' line ends": (
        'def f(a, b):\r\n    """Add.\r\n    """\r\n    pass\r\n\r\nx = 1\r\n',
        'def f(a, b):\r\n    """Add.\r\n    """\r\n    return a + b\r\n\r\nx = 1\r\n',
    ),
    "mixed line ends": (
        'y = 1\ndef f(a, b):\r\n    """Add."""\n    # Hint.\r\n    pass\nx = 1\r\n',
        'y = 1\ndef f(a, b):\r\n    """Add."""\n    # Hint.\r\n    return a + b\nx = 1\r\n',
    ),
    "an old Mac's line ends": (
        "y = 1\rdef f(a, b):\r    pass\rx = 1\r",
        "y = 1\rdef f(a, b):\r    return a + b\rx = 1\r",
    ),
    "form feeds and separators that end no line": (
        "\fs = '\u2028\x0b\x1c\x85'\n\f\ndef f(a, b):\n\f    pass\n\f\nx = 1\n",
        "\fs = '\u2028\x0b\x1c\x85'\n\f\ndef f(a, b):\n    return a + b\n\f\nx = 1\n",
    ),
    "letters that take several bytes": (
        'def f(a, b): "Füge 数 hinzu 🎉"; pass\ns = "ü"\n',
        'def f(a, b):\n    "Füge 数 hinzu 🎉"\n    return a + b\ns = "ü"\n',
    ),
    "a header of several lines": (
        "def f(\n    a,  # one\n    b,\n) -> int:\n    ...\n",
        "def f(\n    a,  # one\n    b,\n) -> int:\n    return a + b\n",
    ),
    "decorators": (
        "@cache\n@retry(\n    times=3,\n)\ndef f(a, b):\n    ...\n",
        "@cache\n@retry(\n    times=3,\n)\ndef f(a, b):\n    return a + b\n",
    ),
    "a docstring in brackets": (
        'def f(a, b):\n    ("Add."\n     " Numbers.")\n    pass\n',
        'def f(a, b):\n    ("Add."\n     " Numbers.")\n    return a + b\n',
    ),
    "a condition around it": (
        "if sys.version_info > (3, 8):\n    def f(a, b):\n        pass\nelse:\n    x = 1\n",
        "if sys.version_info > (3, 8):\n    def f(a, b):\n        return a + b\nelse:\n    x = 1\n",
    ),
    "a try around it": (
        "try:\n    import q\nexcept ImportError:\n    def f(a, b): ...\n",
        "try:\n    import q\nexcept ImportError:\n    def f(a, b):\n        return a + b\n",
    ),
    "a case around it": (
        "match x:\n    case 1:\n        def f(a, b): ...\n",
        "match x:\n    case 1:\n        def f(a, b):\n            return a + b\n",
    ),
    "a body that is there already": (
        "def f(a, b):\n    # Old words.\n    x = a\n    # More.\n    return x\n",
        "def f(a, b):\n    return a + b\n",
    ),
    "an older function of the same name": (
        "def f(a, b):\n    pass\n\ndef f(a, b):\n    pass\n",
        "def f(a, b):\n    pass\n\ndef f(a, b):\n    return a + b\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), STUBS.values(), ids=STUBS)
def test_given_a_stub_when_its_body_is_written_then_all_else_is_as_it_was(before, after):
    assert splice(before, "f", ADD) == after


@pytest.mark.parametrize(
    ("before", "qualname", "source", "after"),
    [
        (
            "class A:\n    def f(self):\n        ...\n\n    x = 1\n",
            "A.f",
            "def f(self):\n    return self.x\n",
            "class A:\n    def f(self):\n        return self.x\n\n    x = 1\n",
        ),
        (
            "class A:\n    class B:\n        @property\n        def f(self): ...\n"
            "        @f.setter\n        def f(self, value): ...\n",
            "A.B.f",
            "def f(self):\n    return 1\n",
            "class A:\n    class B:\n        @property\n        def f(self):\n            return 1\n"
            "        @f.setter\n        def f(self, value): ...\n",
        ),
        (
            "def outer():\n    def f(x):\n        pass\n    return f\n",
            "outer.f",
            "def f(x):\n    return x\n",
            "def outer():\n    def f(x):\n        return x\n    return f\n",
        ),
        (
            "async def f(x):\n    pass\n",
            "f",
            "async def f(x):\n    return await x\n",
            "async def f(x):\n    return await x\n",
        ),
        (
            "class A:\n    def f(self): ...\n",
            "A.f",
            "class A:\n    def f(self):\n        return 2\n",
            "class A:\n    def f(self):\n        return 2\n",
        ),
    ],
    ids=["a method", "a property", "a nested function", "a coroutine", "a source with its class"],
)
def test_given_a_dotted_name_then_its_own_function_is_filled(before, qualname, source, after):
    assert splice(before, qualname, source) == after


BODIES = {
    "one line": ("def f(a, b): return a\n", ["return a"]),
    "one line of two statements": ("def f(a, b): c = a; return c\n", ["c = a; return c"]),
    "its own docstring": ('def f(a, b):\n    """Other."""\n    return a\n', ["return a"]),
    "statements on its docstring's line": (
        'def f(a, b):\n    "Other."; c = a\n    return c\n',
        ["c = a", "return c"],
    ),
    "only a docstring": ('def f(a, b):\n    """Other."""\n', ["pass"]),
    "comments": (
        "def f(a, b):\n\n    # First.\n    c = a  # Then.\n\n    # Last.\n    return c\n",
        ["# First.", "c = a  # Then.", "", "# Last.", "return c"],
    ),
    "blocks": (
        "def f(a, b):\n  if a:\n    while b:\n      b -= 1\n    # Done.\n  return a\n",
        ["if a:", "    while b:", "        b -= 1", "    # Done.", "return a"],
    ),
    "tabs": (
        "def f(a, b):\n\tif a:\n\t\treturn b\n\treturn a\n",
        ["if a:", "    return b", "return a"],
    ),
    "brackets over several lines": (
        "def f(a, b):\n    return max(a,\n               # or\n               b)\n",
        ["return max(a,", "           # or", "           b)"],
    ),
    "a continued line": (
        "def f(a, b):\n    return a + \\\n        b\n",
        ["return a + \\", "    b"],
    ),
    "form feeds": (
        "\fx = 1\ndef f(a, b):\n    c = 1\n\f\n    return a\n",
        ["c = 1", "", "return a"],
    ),
    "Windows' line ends": (
        "def f(a, b):\r\n    c = a\r\n    return c\r\n",
        ["c = a", "return c"],
    ),
    "decorators that are not the stub's": ("@g\ndef f(a, b):\n    return a\n", ["return a"]),
}


@pytest.mark.parametrize(("source", "lines"), BODIES.values(), ids=BODIES)
def test_given_a_source_of_any_form_then_its_body_takes_the_files_indentation(source, lines):
    module = "class A:\n    def f(a, b):\n        pass\n"
    body = "".join(f"        {line}".rstrip() + "\n" for line in lines)

    assert splice(module, "A.f", source) == f"class A:\n    def f(a, b):\n{body}"


def test_given_a_file_of_tabs_then_blocks_and_hanging_indents_become_tabs():
    source = "def f(a):\n    if a:\n        g(\n            a)\n    return 1\n"

    filled = splice("def f(a):\n\tpass\n", "f", source)

    assert filled == "def f(a):\n\tif a:\n\t\tg(\n\t\t\ta)\n\treturn 1\n"


def test_given_a_file_of_two_spaces_then_a_one_line_stub_is_opened_with_two():
    module = "class A:\n  x = 1\n  def f(self): ...\n"

    filled = splice(module, "A.f", "def f(self):\n    if self:\n        return 1\n")

    assert filled == "class A:\n  x = 1\n  def f(self):\n    if self:\n      return 1\n"


STRINGS = {
    "a plain string": 'def f():\n    return """one\n  two\n        three\n"""\n',
    "an f-string": 'def f():\n    x = 1\n    return f"""one {x}\n  two {x + 1}\n\n    """\n',
    "bytes in a block": "def f():\n    if 1:\n        return b'''one\n\ttwo'''\n",
    "strings in brackets": 'def f():\n    return ("a"\n            """b\n c""")\n',
    "a string in an f-string": "def f():\n    return f'''{\"a\"} b\n{1!r:>{2}}\n  c'''\n",
    "a continued string": 'def f():\n    return "a \\\n  b"\n',
}


@pytest.mark.parametrize("source", STRINGS.values(), ids=STRINGS)
@pytest.mark.parametrize(
    "module", ["class A:\n  def f(): ...\n", "class A:\n\tdef f():\n\t\tpass\n"]
)
def test_given_a_string_over_several_lines_then_its_value_stays(module, source):
    names: dict[str, object] = {}
    exec(source, names)  # noqa: S102
    there: dict[str, object] = {}
    exec(splice(module, "A.f", source), there)  # noqa: S102

    assert there["A"].f() == names["f"]()


IMPORTS = {
    "below the last import of a block": (
        "import os\nfrom re import (\n    sub,\n    match,\n)\n\nX = 1\n\n",
        "import os\nfrom re import (\n    sub,\n    match,\n)\nimport math\n\nX = 1\n\n",
    ),
    "below an import that follows other statements": (
        '"""Doc."""\n__all__ = []\nimport os\n\n\n',
        '"""Doc."""\n__all__ = []\nimport os\nimport math\n\n\n',
    ),
    "below a docstring": ('"""Doc."""\n\n\n', '"""Doc."""\n\nimport math\n\n\n'),
    "below a docstring that touches the function": (
        '"""Doc."""\n',
        '"""Doc."""\n\nimport math\n\n\n',
    ),
    "below a docstring that touches a statement": (
        '"""Doc."""\nX = 1\n',
        '"""Doc."""\n\nimport math\n\nX = 1\n',
    ),
    "at the top of a bare file": ("", "import math\n\n\n"),
    "above the comment of the function": ("# Rounds.\n", "import math\n\n\n# Rounds.\n"),
    "below shebang and coding": (
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# Rounds.\n",
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n\nimport math\n\n\n# Rounds.\n",
    ),
    "below a licence": (
        "# Copyright 2020 somebody\n# All rights reserved.\n",
        "# Copyright 2020 somebody\n# All rights reserved.\n\nimport math\n\n\n",
    ),
    "below comments that stand apart": (
        "# Helpers for rounding.\n\n\n",
        "# Helpers for rounding.\n\nimport math\n\n\n",
    ),
    "apart from the future": (
        "from __future__ import annotations\n\n\n",
        "from __future__ import annotations\n\nimport math\n\n\n",
    ),
    "below all that is on the last import's line": (
        "import os; x = [\n    1,\n]\n\n",
        "import os; x = [\n    1,\n]\nimport math\n\n",
    ),
    "below a last import whose line goes on": (
        "import os \\\n\n\n",
        "import os \\\n\nimport math\n\n",
    ),
    "above a function that comes first": (
        "import os\ndef g():\n    import re\nimport sys\n",
        "import os\nimport math\ndef g():\n    import re\nimport sys\n",
    ),
    "with Windows' line ends": ("import os\r\n\r\n", "import os\r\nimport math\r\n\r\n"),
    "although only the type checker has it": (
        "import os\nif TYPE_CHECKING:\n    import math\n",
        "import os\nimport math\nif TYPE_CHECKING:\n    import math\n",
    ),
    "although another function has it": (
        "import os\ndef g():\n    import math\n",
        "import os\nimport math\ndef g():\n    import math\n",
    ),
    "although another function calls something so": (
        "if 1:\n    def g(): math = 1\n",
        "import math\n\nif 1:\n    def g(): math = 1\n",
    ),
    "not twice": ("import math\n\n", "import math\n\n"),
    "not where a try has it": (
        "try:\n    import math\nexcept ImportError:\n    math = None\n",
        "try:\n    import math\nexcept ImportError:\n    math = None\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), IMPORTS.values(), ids=IMPORTS)
def test_given_a_body_that_needs_an_import_then_it_goes(before, after):
    newline = "\r\n" if "\r\n" in before else "\n"
    source = "import math\n\n\ndef f(x):\n    return math.floor(x)\n"
    stub, filled = f"def f(x):{newline}    ", "return math.floor(x)"

    assert splice(f"{before}{stub}...", "f", source) == f"{after}{stub}{filled}"


@pytest.mark.parametrize(
    ("imports", "added"),
    [
        ("from math import floor, ceil", "from math import floor, ceil"),
        ("from math import floor, tau, ceil as up", "from math import floor"),
        ("import a.b, math as ceil", "import math as ceil"),
        ("from . import ceil", "from . import ceil"),
        ("from ..x.y import ceil", "from ..x.y import ceil"),
        ("from math import *", "from math import *"),
        ("from __future__ import annotations\nimport ceil.floor", "import ceil.floor"),
        ("import os", ""),
        ("from m import floor\nfrom n import floor\nimport ceil", "from m import floor\nimport ceil"),
    ],
)  # fmt: skip
def test_given_several_imports_then_those_that_the_body_names_come_along(imports, added):
    source = f"{imports}\ndef f(x: os.PathLike):\n    return ceil(floor(x))\n"

    filled = splice("import re\n\ndef f(x): ...\n", "f", source)

    wanted = f"{added}\n" if added else ""
    assert filled == f"import re\n{wanted}\ndef f(x):\n    return ceil(floor(x))\n"


def test_given_a_submodule_then_its_parents_import_is_not_enough():
    source = "import os.path\ndef f(x):\n    return os.path.basename(x)\n"

    once = splice("import os\n\ndef f(x): ...\n", "f", source)
    twice = splice(once, "f", source)

    assert once.startswith("import os\nimport os.path\n\ndef")
    assert twice == once


def test_given_helpers_then_they_go_above_the_class_and_its_comments_and_take_the_files_style():
    module = "import os\n\nY = 1\n\n\n# About A.\n@final\nclass A:\n\tdef f(self): ...\n"
    source = text('''
        import re

        LIMIT = 3
        TEXT = """
            kept"""

        def unused():
            return 0

        @cache
        def double(x):
            if x:
                return x * LIMIT
            return half(x)

        def half(x):
            return len(TEXT)

        def f(self):
            return double(1)

        if __name__ == "__main__":
            double = f(1)
        ''')

    assert splice(module, "A.f", source) == text('''
        import os

        Y = 1


        LIMIT = 3
        TEXT = """
            kept"""


        @cache
        def double(x):
        \tif x:
        \t\treturn x * LIMIT
        \treturn half(x)


        def half(x):
        \treturn len(TEXT)


        # About A.
        @final
        class A:
        \tdef f(self):
        \t\treturn double(1)
        ''')


def test_given_a_helper_that_the_module_has_then_the_modules_own_is_used():
    module = "def helper(x):\n    return 1\n\n\ndef f(x): ...\n"
    source = "def helper(x):\n    return 2\n\n\ndef f(x):\n    return helper(x)\n"

    filled = splice(module, "f", source)

    assert filled == "def helper(x):\n    return 1\n\n\ndef f(x):\n    return helper(x)\n"


def test_given_a_script_then_imports_and_helpers_go_between_shebang_and_function():
    source = "import math\ndef g(x):\n    return math.floor(x)\ndef f(x):\n    return g(x)\n"

    filled = splice("#!/usr/bin/python\ndef f(x): ...\n", "f", source)

    assert filled == (
        "#!/usr/bin/python\n\nimport math\n\n\n"
        "def g(x):\n    return math.floor(x)\n\n\ndef f(x):\n    return g(x)\n"
    )


@pytest.mark.parametrize(
    ("module", "qualname", "source"),
    [
        ("def f(:\n", "f", ADD),
        ("def f(a, b): ...\n", "f", "def f(a, b)\n"),
        ("def g(): ...\n", "f", ADD),
        ("def f(a, b): ...\n", "f", "def g(a, b): ...\n"),
        ("class f: ...\n", "f", ADD),
        ("def f(a, b): ...\n", "", ADD),
        ("def f(a, b): ...\n", "f.", ADD),
        ("def f(a): ...\n", "f", ADD),
        ("def f(a, c): ...\n", "f", ADD),
        ("def f(a, *, b): ...\n", "f", ADD),
        ("def f(a, b, /): ...\n", "f", ADD),
        ("def f(a, b, *c): ...\n", "f", ADD),
        ("def f(a, b, **c): ...\n", "f", ADD),
        ("async def f(a, b): ...\n", "f", ADD),
        ("def f(a, b): ...\n\0", "f", ADD),
        ("def f(a, b): ...\n", "f", "\udc80" + ADD),
        ("\ufeffdef f(a, b): ...\n", "f", ADD),
        ("def f(a, b): ...\n", "f", f"{'(' * 500}{ADD}"),
    ],
)
def test_given_what_does_not_fit_then_there_is_a_splice_error(module, qualname, source):
    with pytest.raises(SpliceError):
        splice(module, qualname, source)


def test_given_a_module_that_nests_deeply_then_it_is_walked_all_the_same():
    module = "x = " + " + ".join("1" * 900) + "\ndef f(a, b): ...\n"

    assert splice(module, "f", ADD).endswith("def f(a, b):\n    return a + b\n")


# -- for any module ----------------------------------------------------------------------------

NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
UNITS = st.sampled_from(["    ", "  ", "\t", "   "])
AROUND = st.lists(
    st.sampled_from([
        "", "# A comment.", "x = 'ü\u2028'", "\f", "def other(a):\n\tpass", 'y = """\n  a\n"""',
        "if x:\n    z = [\n 1,\n  2]", "class B:\n   def f(self): ...", "x = 1 ;", "t = 1 + \\\n  2",
    ]),
    max_size=4,
)  # fmt: skip
DOCSTRINGS = st.sampled_from(
    [None, '"""Füge."""', '"""A.\n\n  B # c: d\n"""', "r'x\\d'", '"a" "b"']
)
PLACEHOLDERS = st.sampled_from(["pass", "...", "raise NotImplementedError", "pass; pass", None])
COMMENTS = st.sampled_from([None, "# Keep: me"])
HEADERS = st.sampled_from(
    ["def f(a, b):", "def f(a: 'x:y', b={1: 2}) -> int:", "def f(a,\n  b\n):", "def f(a, b):  # ä"]
)
NEW_BODIES = st.sampled_from([
    "return a + b", "if a:\n    return b\n# done\nreturn a", "s = '''\n x\n'''\nreturn s",
    "return [\n    a,\n    b,\n]", "for i in a:\n    for j in b:\n        yield f'''{i}\n{j}'''",
    "a; b",
])  # fmt: skip


@given(
    above=AROUND, below=AROUND, header=HEADERS, doc=DOCSTRINGS, comment=COMMENTS,
    placeholder=PLACEHOLDERS, body=NEW_BODIES, newline=NEWLINES, unit=UNITS, end=st.booleans(),
)  # fmt: skip
def test_given_any_module_then_only_the_placeholder_gives_way(
    above, below, header, doc, comment, placeholder, body, newline, unit, end
):
    if doc is None and placeholder is None:
        placeholder = "pass"
    head = [*above, header]
    if doc is not None:
        head.append(unit + doc)
    if comment is not None:
        head.append(unit + comment)
    kept_above = "\n".join(head) + "\n"
    middle = f"{unit}{placeholder}\n" if placeholder else ""
    kept_below = "".join(f"{part}\n" for part in below)
    module = kept_above + middle + kept_below
    kept_above, kept_below, module = (
        part.replace("\n", newline) for part in (kept_above, kept_below, module)
    )
    has_newline = end or bool(kept_below)
    if not end:
        module, kept_below = module.removesuffix(newline), kept_below.removesuffix(newline)
    source = "def f(a, b):\n" + "".join(
        f"{line}\n" if line.startswith((" x", "'''", "{j}")) else f"    {line}\n"
        for line in body.split("\n")
    )

    filled = splice(module, "f", source)

    assert filled.startswith(kept_above)
    assert filled.endswith(kept_below)
    wanted = [ast.unparse(s) for s in ast.parse(source).body[0].body]
    assert body_of(filled, "f") == wanted
    between = filled[len(kept_above) : len(filled) - len(kept_below)]
    assert between.replace(newline, "").count("\n") == 0
    assert between.count(newline) == body.count("\n") + has_newline


PIECES = [
    "def f(a, b)", ":", "pass", "...", "\n", "\r\n", "\r", "    ", "\t", "\f", '"""', "'", "#", "\\\n",
    "class A:", "f", "(", ")", "[", "]", "{", "}", "return a", "import x", "from x import (y)", ";",
    "ü", "\u2028", "\ufeff", "\0", "\udc80", "if 1:", "@d", "async ", "lambda: 0", "x = 1", "f'{a}'",
    ",",
]  # fmt: skip
FUZZ = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(before=FUZZ, inside=FUZZ, after=FUZZ, source=FUZZ | st.just("\n    return a\n"))
def test_given_any_text_then_the_result_is_right_or_there_is_a_splice_error(
    before, inside, after, source
):
    module = f"{before}\ndef f(a, b):{inside}\n{after}"
    source = f"def f(a, b):{source}"
    try:
        filled = splice(module, "f", source)
    except SpliceError:
        return
    wanted = body_of(source, "f") or ["pass"]
    assert body_of(filled, "f")[-len(wanted) :] == wanted


@pytest.mark.parametrize(
    "line",
    ["    pass", "    pass  # x", "    pass \\\n", "    pass; \\\n    pass", "    (\n...\n)"],
)
def test_given_a_statement_whose_line_goes_on_then_it_is_replaced_whole(line):
    filled = splice(f"def f(a, b):\n{line}\nx = 1\n", "f", ADD)

    assert filled == "def f(a, b):\n    return a + b\nx = 1\n"
