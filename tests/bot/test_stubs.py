"""What is a stub, and the spec that is made of one."""

import ast
import inspect
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.stubs import find_stubs, prototype_of, spec_from_prototype, spec_from_source
from engine.errors import BadInput

BODIES = [
    "pass",
    "...",
    "raise NotImplementedError",
    "raise NotImplementedError('later')",
    "pass; ...",
]


def names(source: str, path: str = "module.py") -> list[str]:
    return [stub.qualname for stub in find_stubs(dedent(source), path=path)]


@pytest.mark.parametrize("doc", ["", '    """Doc."""\n'])
@pytest.mark.parametrize("body", [*BODIES, "# TODO: later\n    pass", "pass  # FIXME"])
@pytest.mark.parametrize("start", ["def", "async def"])
def test_given_a_body_that_does_nothing_then_it_is_a_stub(start, doc, body):
    assert names(f"{start} f(a):\n{doc}    {body}\n") == ["f"]


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """Doc."""\n',
        'def f():\n    """Doc."""\n    # TODO\n',
        "def f(): ...\n",
        "@cache\ndef f(): ...\n",
        "if sys.version_info > (3, 12):\n    def f(): ...\n",
        "try:\n    from x import f\nexcept ImportError:\n    def f(): ...\n",
        "with x:\n    def f(): ...\n",
        "def f(): return 1\ndef f(): ...\n",
    ],
)
def test_given_any_place_and_form_then_the_stub_is_found(source):
    assert names(source) == ["f"]


@pytest.mark.parametrize(
    "body",
    [
        "return None", "return", "x = 1", "raise ValueError", "return NotImplemented", "1", "f'doc'",
        "yield", "if 1: pass", "raise NotImplementedError.x", "pass\n    return 1",
        "'''Doc.'''; 'more'",
        "raise NotImplementedError(1).x",
    ],
)  # fmt: skip
def test_given_a_body_that_does_something_then_it_is_no_stub(body):
    assert names(f"def f():\n    {body}\n") == []


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    @abstractmethod\n    def f(self): ...\n",
        "class A:\n    @abc.abstractmethod\n    async def f(self): ...\n",
        "class A:\n    @property\n    @abc.abstractmethod\n    def f(self): ...\n",
        "class A:\n    @abc.abstractproperty\n    def f(self): ...\n",
        "class A:\n    @abc.abstractclassmethod\n    def f(self): ...\n",
        "@overload\ndef f(a: int) -> int: ...\n@overload\ndef f(a: str) -> str: ...\n",
        "@typing.overload\ndef f(a): ...\n",
        "class A(Protocol):\n    def f(self): ...\n",
        "class A(typing.Protocol):\n    def f(self): ...\n",
        "class A(Protocol[T]):\n    def f(self): ...\n",
        "class A(Sized, typing_extensions.Protocol[K, V]):\n    if X:\n        def f(self): ...\n",
        "class A(Reader[int], Protocol):\n    def f(self): ...\n",
    ],
)
def test_given_a_declaration_then_it_never_gets_a_body(source):
    assert names(source) == []
    with pytest.raises(BadInput, match=r"^m\.py::(A\.)?f is a declaration that never gets a body$"):
        spec_from_source(source, "A.f" if "class A" in source else "f", path="m.py")


def test_given_a_class_that_keeps_a_protocol_then_its_methods_are_stubs():
    assert names("class A(Reader[int]):\n    def f(self): ...\n") == ["A.f"]


def test_given_an_implementation_below_its_overloads_then_that_is_the_stub():
    source = "@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): ...\n"

    assert [(s.qualname, s.line) for s in find_stubs(source)] == [("f", 5)]


def test_given_an_interface_file_then_it_has_no_stubs():
    source = "def f(a): ...\n"

    assert names(source, "m.pyi") == []
    with pytest.raises(BadInput, match="declaration"):
        spec_from_source(source, "f", path="m.pyi")


def test_given_a_property_with_a_setter_then_the_getter_is_the_stub():
    source = (
        "class A:\n    @property\n    def x(self): ...\n    @x.setter\n    def x(self, v): ...\n"
    )

    assert [(s.qualname, s.line) for s in find_stubs(source)] == [("A.x", 3)]
    assert spec_from_source(source, "A.x").prototype == "def x(self):"


def test_given_a_definition_that_a_later_one_replaces_then_it_is_no_stub():
    assert names("def f(): ...\ndef f(): return 1\n") == []


def test_given_classes_and_functions_in_each_other_then_paths_are_dotted_in_file_order():
    source = """
        class A:
            class B:
                def one(self): ...
            def two(self):
                def three(): ...
                return three
        def four():
            def five(): ...
        """

    assert names(source) == ["A.B.one", "A.two.three", "four.five"]


def test_a_stub_knows_its_lines():
    [stub] = find_stubs('\n@x\ndef f(\n    a,\n):\n    """Doc."""\n    pass\n')

    assert (stub.line, stub.end_line) == (3, 7)


# -- a spec from a file ------------------------------------------------------------------------


def test_given_a_stub_then_its_spec_says_all_of_it():
    source = (
        'class A:\n    def f(self, x):\n        """Add.\n\n        More: f(1) == 2\n        """\n'
    )

    spec = spec_from_source(source, "A.f", path="a.py")

    assert (spec.qualname, spec.entry_point, spec.import_name) == ("A.f", "f", "A")
    assert (spec.prototype, spec.path, spec.module) == ("def f(self, x):", "a.py", source)
    assert spec.description == "Add.\n\nMore: f(1) == 2"
    assert spec.is_method


@pytest.mark.parametrize(
    ("qualname", "said"),
    [
        ("factoral", "m.py has no function factoral; did you mean factorial?"),
        ("push", "m.py has no function push; did you mean Stack.push?"),
        ("Stack.pusch", "m.py has no function Stack.pusch; did you mean Stack.push?"),
        ("Stack", "m.py has no function Stack; did you mean Stack.push?"),
        ("zzz", "m.py has no function zzz; its stubs are: factorial, Stack.push"),
        ("", "m.py has no function ; its stubs are: factorial, Stack.push"),
        ("done", "m.py::done is not a stub: it has a body already (line 6)"),
    ],
)
def test_given_a_name_that_is_no_stub_then_one_line_says_so_and_offers_the_near_ones(
    qualname, said
):
    source = "def factorial(n): ...\nclass Stack:\n    def push(self): ...\n"
    source += "def done():\n    'x'\n    return 1\n"

    with pytest.raises(BadInput) as raised:
        spec_from_source(source, qualname, path="m.py")

    assert str(raised.value) == said


@pytest.mark.parametrize(
    "source", ["def f(:\n", "x = '\n", "\0", "\udc80", "(" * 5000, "def f():\n\tif 1:\n        x\n"]
)
def test_given_a_file_that_does_not_parse_then_one_line_says_where(source):
    for call in (find_stubs, lambda s, path: spec_from_source(s, "f", path=path)):
        with pytest.raises(BadInput, match=r"^m\.py:\d+: does not parse: .") as raised:
            call(source, path="m.py")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "prototype",
    [
        "def f():",
        "def f(a, /, b: int=1, *args: str, c, d=(1, 2), **kwargs: dict[str, int]) -> 'X':",
        "async def f(x: list[int] | None=None) -> bool:",
        "def f(*, key=lambda x: {x: 1}):",
    ],
)
def test_a_prototype_keeps_annotations_and_defaults(prototype):
    [node] = ast.parse(f"@decorated\n{prototype}\n    return 1\n").body

    assert prototype_of(node) == prototype  # type: ignore[arg-type]


# -- a spec from a prototype -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prototype", "kept"),
    [
        ("def f(a, b)", "def f(a, b):"),
        ("def f(a, b):", "def f(a, b):"),
        ("  def f(a) -> int :  ", "def f(a) -> int:"),
        ("async def f(a)", "async def f(a):"),
        ("def f(\n    a: int,  # one\n    b=2,\n) -> dict[str, int]",
         "def f(a: int, b=2) -> dict[str, int]:"),
        ("def f(a): ...", "def f(a):"),
        ("def f(a):\n    pass", "def f(a):"),
        ("def f(a):\n\traise NotImplementedError\n", "def f(a):"),
    ],
)  # fmt: skip
def test_given_a_prototype_then_its_module_is_a_stub_alone(prototype, kept):
    spec = spec_from_prototype(prototype, "Do it.")

    assert (spec.prototype, spec.description, spec.qualname) == (kept, "Do it.", "f")
    assert spec.module == f'{kept}\n    """Do it."""\n    raise NotImplementedError\n'


@pytest.mark.parametrize(
    ("prototype", "said"),
    [
        ("", "the prototype must be one function: ''"),
        ("f(a)", "the prototype must be one function: 'f(a)'"),
        ("class A", "the prototype must be one function: 'class A'"),
        ("def f(a): ...\ndef g(): ...",
         "the prototype must be one function: 'def f(a): ... def g(): ...'"),
        ("def f(a", "the prototype does not parse: 'def f(a'; write it as 'def name(a, b)'"),
        ("def class(a)", "the prototype does not parse: 'def class(a)'; write it as 'def name(a, b)'"),
        ("def f(a, a=\0)", "the prototype does not parse: "),
        ("def f(None)", "the prototype does not parse: "),
        ("def f(a): return a",
         "the prototype has a body: 'def f(a): return a'; give 'def f(a):' alone"),
        ("def f(a):\n  return a",
         "the prototype has a body: 'def f(a): return a'; give 'def f(a):' alone"),
        ("def f(a):\n  pass\n  if a", "the prototype has a body: "),
        ('def f(a): "Doc."', "the prototype has a body: "),
        ("@cache\ndef f(a)", "the prototype has decorators: '@cache def f(a)'; give 'def f(a):' alone"),
    ],
)  # fmt: skip
def test_given_what_is_no_prototype_then_one_line_says_why(prototype, said):
    with pytest.raises(BadInput) as raised:
        spec_from_prototype(prototype, "Do it.")

    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(['"', "\\", "\n", " ", "a", "\r", "\f", "N{x}"])).map("".join)
)
def test_given_any_description_then_the_stub_says_it(description):
    spec = spec_from_prototype("def f(a)", description)

    lines = description.strip().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    said = inspect.cleandoc("\n".join([lines[0], *(f"    {line}" for line in lines[1:])]))
    assert [line.rstrip() for line in spec.description.split("\n")] == [
        line.rstrip() for line in said.rstrip().split("\n")
    ]
    assert names(spec.module) == ["f"]


def test_a_spec_goes_through_json():
    spec = spec_from_prototype("def f(a)", "Add one.\n\nf(1) == 2")

    assert type(spec).from_json(spec.to_json()) == spec
    assert spec.examples
