"""What a prompt says of a function: the stub poised for its body, and what is around it."""

import ast
from dataclasses import replace
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.context import docstring, first_assert, module_outline, prompt_parts, stub_text
from engine.knobs import Part
from engine.spec import FunctionSpec


def spec(module: str = "def f(x): ...\n", qualname: str = "f", **about: str) -> FunctionSpec:
    about = {"prototype": "def f(x):", "description": "", **about}
    return FunctionSpec(qualname, module=dedent(module).lstrip("\n"), **about)  # type: ignore[arg-type]


def outline(module: str, qualname: str = "f") -> str:
    return module_outline(spec(module, qualname))


def text(indented: str) -> str:
    return dedent(indented).strip("\n")


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("", "def f(x):"),
        ("Do it.", 'def f(x):\n    """Do it."""'),
        ("Do it.\n\nWith care.", 'def f(x):\n    """Do it.\n\n    With care.\n    """'),
        ('Say "so"', 'def f(x):\n    """Say "so" """'),
        ('Say """so""".', 'def f(x):\n    """Say \\"\\"\\"so\\"\\"\\"."""'),
        ("Match \\d.", 'def f(x):\n    """Match \\\\d."""'),
    ],
)
def test_given_a_description_then_the_stub_ends_at_the_colon_or_the_quotes(description, shown):
    assert stub_text(spec(description=description)) == shown


@given(
    st.text()
    | st.lists(st.sampled_from(['"', "\\", "\n", "a", "\r", "\f", "\0", "\ud800"])).map("".join)
)
def test_given_any_text_then_its_docstring_says_it_and_ends_in_quotes(said):
    source = docstring(said, "")

    assert source.endswith('"""')
    value = ast.literal_eval(source)
    lines = said.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    wanted = "\n".join([lines[0], *(line.rstrip() for line in lines[1:])])
    assert value.rstrip(" \n") == wanted.rstrip(" \n")


@pytest.mark.parametrize(
    ("qualname", "prototype", "opening"),
    [
        ("f", "def f(x):", "\n    assert f("),
        ("f", "async def f(x):", "\n    assert asyncio.run(f("),
        ("A.f", "def f(self):", ""),
    ],
)
def test_the_first_assert_begins_as_the_function_is_called(qualname, prototype, opening):
    assert first_assert(spec(qualname=qualname, prototype=prototype)) == opening


def test_given_a_stub_alone_then_there_is_no_outline():
    assert outline("def f(x): ...\n") == ""


def test_given_a_module_then_imports_constants_and_signatures_are_told_without_bodies():
    module = """
        '''Doc.'''
        import os
        from re import (
            sub,
        )

        LIMIT: int = 3
        a = b = "x"
        TABLE = {
            "a": 1,
        }
        LONG = (
            "a constant that is much too long to be told", "and another part of it that is long as well"
        )
        print(LIMIT)

        def helper(x: int, *, y=2) -> int:
            '''Help.

            More.'''
            return x

        async def other(): return 1

        def empty(): ...

        def f(x): ...

        class B(Base, metaclass=M):
            x = 1
            def g(self): return 1
        """

    assert outline(module) == text("""
        import os
        from re import sub
        LIMIT: int = 3
        a = b = 'x'
        TABLE = {'a': 1}
        # def helper(x: int, *, y=2) -> int:  Help.
        # async def other():
        class B(Base, metaclass=M):
            x = 1
            # def g(self):
        """)


def test_given_a_method_then_its_class_comes_last_with_what_the_object_holds():
    module = """
        @dataclass
        class A(B[int]):
            '''Doc.'''
            x: int = 0

            def __init__(self, y):
                self.y = y

            @property
            def g(self): return self.y

            def f(self): ...

        class C: ...
        """

    assert outline(module, "A.f") == text("""
        class C:
            ...
        @dataclass
        class A(B[int]):
            x: int = 0
            def __init__(self, y):
                self.y = y
            # def g(self):
        """)


def test_given_a_stub_in_a_function_then_the_outer_one_is_told():
    assert (
        outline("def outer(a):\n    def f(x): ...\n    return f\n", "outer.f") == "# def outer(a):"
    )


def test_given_a_long_module_then_what_is_far_goes_first_and_the_class_stays():
    names = "".join(f"X{i} = {i}\n" for i in range(100))
    module = f"import os\n{names}class A:\n    y = 1\n    def f(self): ...\n{names}"

    lines = module_outline(spec(module, "A.f")).splitlines()

    assert len(lines) == 60
    assert lines[0] == "import os"
    assert lines[-2:] == ["class A:", "    y = 1"]
    assert lines[1:-2] == [f"X{i} = {i}" for i in range(43, 100)]


def test_given_a_class_that_is_itself_too_long_then_it_is_cut_between_its_lines():
    fields = "".join(f"    x{i} = {i}\n" for i in range(200))

    lines = module_outline(spec(f"class A:\n{fields}    def f(self): ...\n", "A.f")).splitlines()

    assert len(lines) == 60
    assert lines[0] == "class A:"


def test_given_many_imports_then_the_outline_is_bounded_all_the_same():
    imports = "".join(f"import a{i}\n" for i in range(200))

    assert len(module_outline(spec(f"{imports}def f(x): ...\n")).splitlines()) == 60


def test_given_a_constant_that_nests_deeply_then_it_is_left_out():
    deep = "X = " + " + ".join("1" * 900)

    assert outline(f"import os\n{deep}\nY = 1\ndef f(x): ...\n") == "import os\nY = 1"


def test_given_a_function_that_is_not_there_then_there_is_no_outline():
    assert outline("x = 1\n", "g") == ""


def test_given_callers_then_they_are_told_as_comments_after_the_imports():
    module = "import os\n\nRATE = 2\n\n\ndef f(x): ...\n"
    lines = module_outline(replace(spec(module), callers=("total = f(net)",))).splitlines()
    assert lines[:3] == ["import os", "# It is called like this:", "#   total = f(net)"]
    assert "RATE = 2" in lines


def test_outline_and_callers_can_each_be_left_out():
    both = replace(spec("import os\ndef f(x): ...\n"), callers=("y = f(1)",))
    calls = "# It is called like this:\n#   y = f(1)"

    assert module_outline(both) == f"import os\n{calls}"
    assert module_outline(both, callers=False) == "import os"
    assert module_outline(both, outline=False) == calls
    assert module_outline(both, outline=False, callers=False) == ""


def test_the_parts_that_a_prompt_may_do_without_are_those_that_there_are():
    alone = spec("def f(x): ...\n")

    assert prompt_parts(alone) == frozenset()
    assert prompt_parts(spec("import os\ndef f(x): ...\n")) == {Part.OUTLINE}
    assert prompt_parts(replace(alone, callers=("f(1)",))) == {Part.CALLERS}
