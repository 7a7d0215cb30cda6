"""Which stubs a pull request is about, from diffs and from files."""

import difflib
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.patches import Patch, Removal, stub_at, touched_stubs
from engine.errors import BadInput

OLD = dedent(
    '''\
    import os


    def first(a):
        """One."""
        raise NotImplementedError


    class Stack:
        """Last in, first out."""

        def push(self, item):
            ...

        def size(self):
            return 0


    def last(a):
        """Two."""
        # TODO: later
    '''
)


def patch_of(old: str, new: str, context: int = 3) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), n=context
    )
    return "".join(list(lines)[2:])


def touched(new: str, old: str = OLD, *, patch: bool = True, before: bool = False) -> list[str]:
    found = touched_stubs(
        "m.py", new, patch=patch_of(old, new) if patch else None, before=old if before else None
    )
    return [stub.qualname for stub in found]


def changed(*pairs: tuple[str, str]) -> str:
    new = OLD
    for old, text in pairs:
        assert old in new
        new = new.replace(old, text, 1)
    return new


BOTH_WAYS = pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([], []),
        ([("import os\n", "import os\nimport sys\n")], []),
        ([("def first(a)", "def first(a, b)")], ["first"]),
        ([("One.", "One, two.")], ["first"]),
        ([("def first(a):", "@cache\ndef first(a):")], ["first"]),
        ([("# TODO: later", "# TODO: sooner")], ["last"]),
        ([("    # TODO: later", "    # TODO: later\n    # and more")], ["last"]),
        ([("            ...\n".removeprefix("    "), "        pass\n")], ["Stack.push"]),
        ([("        return 0\n", "        raise NotImplementedError\n")], ["Stack.size"]),
        ([('    """One."""\n', "")], ["first"]),
        ([("def first", "def begin"), ("Last in", "First in")], ["begin"]),
        ([("class Stack:", "def more(): ...\n\n\nclass Stack:")], ["more"]),
        ([("def last(a):", "def last(a):\n    return 1\n\n\ndef newest(a):")], ["newest"]),
    ],
)


@BOTH_WAYS
def test_given_a_patch_then_the_stubs_that_it_adds_or_touches_are_found(pairs, names):
    assert touched(changed(*pairs)) == names


@BOTH_WAYS
def test_given_no_patch_but_the_file_before_then_it_is_the_same(pairs, names):
    assert touched(changed(*pairs), patch=False, before=True) == names


def test_given_a_new_file_then_all_its_stubs_are_added():
    assert touched(OLD, old="") == ["first", "Stack.push", "last"]
    assert touched(OLD, patch=False) == ["first", "Stack.push", "last"]


def test_given_the_end_of_a_body_taken_out_then_the_stub_that_is_left_was_touched():
    old = "def f():\n    pass\n    return 1\n\n\nx = 1\n"

    assert touched("def f():\n    pass\n\n\nx = 1\n", old) == ["f"]


def test_given_a_decorator_taken_out_then_the_stub_was_touched():
    assert touched("def f(): ...\n", "@cache\ndef f(): ...\n") == ["f"]


def test_given_other_lines_taken_out_above_a_stub_then_it_was_not_touched():
    assert touched("def f(): ...\n", "x = 1\ndef f(): ...\n") == []


def test_given_lines_taken_out_below_a_stub_then_it_was_not_touched():
    old = "def f():\n    pass\ny = 2\nx = 1\n"

    assert touched("def f():\n    pass\nx = 1\n", old) == []


def test_given_a_file_before_that_did_not_parse_then_all_stubs_are_new():
    assert touched(OLD, old="def (", patch=False, before=True) == ["first", "Stack.push", "last"]


def test_given_a_source_that_does_not_parse_then_that_is_said():
    with pytest.raises(BadInput, match=r"m\.py:1: does not parse"):
        touched_stubs("m.py", "def (", patch=None)


def test_given_an_interface_file_then_it_has_no_stubs():
    assert touched_stubs("m.pyi", OLD, patch=None) == []


def test_given_hunks_then_lines_count_as_in_the_new_file():
    first = "@@ -1,3 +1,3 @@ def f():\n a\n-b\n+B\n c\n\\ No newline at end of file\n"
    patch = f"{first}@@ -9 +10,2 @@\n+x\n y"

    assert Patch.read(patch) == Patch(frozenset({2, 10}), (Removal(2, "b"),))


def test_given_a_file_with_carriage_returns_then_lines_count_the_same():
    old, new = OLD.replace("\n", "\r\n"), changed(("One.", "1.")).replace("\n", "\r\n")
    # git splits at line feeds alone.
    patch = patch_of(OLD, changed(("One.", "1."))).replace("\n", "\r\n")

    assert [s.qualname for s in touched_stubs("m.py", new, patch=patch)] == ["first"]
    assert [s.qualname for s in touched_stubs("m.py", new, patch=None, before=old)] == ["first"]


@given(st.text(), st.integers(0, 3))
def test_given_any_patch_then_it_is_read(text, number):
    assert isinstance(Patch.read("@@ -1 +1 @@\n" * number + text), Patch)


@given(st.lists(st.integers(0, OLD.count("\n") - 1), max_size=4), st.integers(0, 3))
def test_given_comments_added_anywhere_then_exactly_the_stubs_around_them_are_touched(
    places, context
):
    rows = OLD.splitlines(keepends=True)
    for place in sorted(set(places), reverse=True):
        rows.insert(place, "# new\n")
    new = "".join(rows)
    stubs = {s.qualname for s in touched_stubs("m.py", new, patch=patch_of(OLD, new, context))}
    inside = {
        stub.qualname
        for number, row in enumerate(rows, 1)
        if row == "# new\n" and (stub := stub_at("m.py", new, number)) is not None
    }

    assert stubs == inside


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (1, None),
        (3, None),
        (4, "first"),
        (6, "first"),
        (7, None),
        (10, None),
        (12, "Stack.push"),
        (13, "Stack.push"),
        (15, None),
        (16, None),
        (19, "last"),
        (21, "last"),
        (99, None),
        (0, None),
    ],
)
def test_given_a_line_then_the_stub_at_it_is_found(line, name):
    stub = stub_at("m.py", OLD, line)

    assert (stub.qualname if stub else None) == name


def test_given_a_decorator_then_the_stub_below_it_is_found():
    stub = stub_at("m.py", "@cache\n@other(\n    1\n)\ndef f(): ...\n", 2)

    assert stub is not None
    assert stub.qualname == "f"
