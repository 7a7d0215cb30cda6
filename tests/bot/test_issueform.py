"""What an issue wants, from the form or in anybody's own words."""

from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import FunctionName
from bot.issueform import IssueProblem, IssueStub, IssueWishes, read_issue

TEMPLATE = yaml.safe_load(
    (Path(__file__).parents[2] / "config" / "issue_template.yml").read_text(encoding="utf-8")
)


def submitted(**answers: str) -> str:
    """The body that GitHub makes of a form that was filled in."""
    sections: list[str] = []
    for item in TEMPLATE["body"]:
        if item["type"] == "markdown":
            continue
        answer = answers.get(item["id"], "")
        language = item["attributes"].get("render")
        shown = f"```{language}\n{answer}\n```" if language else answer or "_No response_"
        sections.append(f"### {item['attributes']['label']}\n\n{shown}")
    return "\n\n".join(sections)


def wishes(body: str) -> list[str]:
    read = read_issue(dedent(body))
    assert isinstance(read, IssueWishes), read
    return [str(w.name if isinstance(w, IssueStub) else w) for w in read.wishes]


def problem(body: str) -> str:
    read = read_issue(dedent(body))
    assert isinstance(read, IssueProblem), read
    return read.message


MANY = "".join(f"def f{i}(): ...\n" for i in range(21))
STUB = "def total(prices):\n    ..."


def test_given_the_form_filled_in_then_the_stub_its_file_and_its_description_are_read():
    read = read_issue(
        submitted(
            file="src/cart.py", stub=STUB, description="The sum.\n\nOf all <!-- x --> prices."
        )
    )

    assert isinstance(read, IssueWishes)
    [wish] = read.wishes
    assert isinstance(wish, IssueStub)
    assert wish.name == FunctionName("src/cart.py", "total")
    assert wish.spec.prototype == "def total(prices):"
    assert wish.spec.description == "The sum.\n\nOf all   prices."
    assert wish.spec.module == f"{STUB}\n"
    assert read.description == "The sum.\n\nOf all   prices."


def test_given_the_forms_own_example_then_it_is_a_stub_with_its_examples():
    fields = {item.get("id"): item["attributes"] for item in TEMPLATE["body"]}
    read = read_issue(
        submitted(file=fields["file"]["placeholder"], stub=fields["stub"]["placeholder"])
    )

    assert isinstance(read, IssueWishes)
    [wish] = read.wishes
    assert isinstance(wish, IssueStub)
    assert [example.call for example in wish.spec.examples] == ["total([1, 2.5])"]
    assert read.description == ""


def test_given_the_form_with_a_name_and_no_code_then_the_stub_is_one_that_is_there():
    assert wishes(submitted(file="src/cart.py::Cart.total")) == ["src/cart.py::Cart.total"]


def test_the_form_asks_for_the_label_that_the_bot_listens_to():
    from bot.repoconfig import RepoConfig

    assert TEMPLATE["labels"] == [RepoConfig().label]
    assert set(TEMPLATE) == {"name", "description", "title", "labels", "body"}
    assert {item["type"] for item in TEMPLATE["body"]} <= {"markdown", "input", "textarea"}


def test_given_a_docstring_then_it_describes_the_stub_and_not_the_prose():
    read = read_issue('In a.py\n\nLong story.\n\n```\ndef f(a):\n    """Short."""\n```')

    assert isinstance(read, IssueWishes)
    assert [w.spec.description for w in read.wishes if isinstance(w, IssueStub)] == ["Short."]
    assert read.description == "In a.py\n\nLong story."


def test_given_one_head_that_is_bare_then_the_others_keep_their_docstrings():
    read = read_issue('a.py\n```\ndef f(a):\n    """Short."""\n\ndef g(b)\n```\nDo it.')

    assert isinstance(read, IssueWishes)
    stubs = [wish for wish in read.wishes if isinstance(wish, IssueStub)]
    assert [stub.spec.description for stub in stubs] == ["Short.", "Do it."]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("Please fill this in `src/a.py`:\n\n```python\ndef f(a): ...\n```", ["src/a.py::f"]),
        ("```py\n# src/a.py\ndef f(a): ...\n```", ["src/a.py::f"]),
        ("```python src/a.py\ndef f(a): ...\n```", ["src/a.py::f"]),
        ("```python title=src/a.py\ndef f(a): ...\n```", ["src/a.py::f"]),
        ("```\ndef f(a): ...\n```\n\nPath: src/a.py", ["src/a.py::f"]),
        ("File: a.py\n\n~~~~\n    def f(a): ...\n~~~~", ["a.py::f"]),
        ("a.py\n```\ndef f(a):\n```", ["a.py::f"]),
        ("a.py\n```\ndef f(a)\n```", ["a.py::f"]),
        ("a.py\n```\nasync def f(a) -> int\n\ndef g(b):\n    # TODO\n```", ["a.py::f", "a.py::g"]),
        ("a.py\n```\ndef f(a): ...\ndef g(a): ...\n```", ["a.py::f", "a.py::g"]),
        (
            "a.py\n```\nclass A:\n    def f(self):\n    def g(self): ...\n```",
            ["a.py::A.f", "a.py::A.g"],
        ),
        ("a.py\n```\ndef f(a): ...\n```\n```\ndef g(a): ...\n```", ["a.py::f", "a.py::g"]),
        (
            "In a.py\n```\ndef f(a): ...\n```\nIn b.py\n```\ndef f(a): ...\n```",
            ["a.py::f", "b.py::f"],
        ),
        ("a.py\n```\ndef f(a): ...\n```\n```\ndef f(a, b): ...\n```", ["a.py::f"]),
        ("a.py\n```\ndef f(a): ...\n```\nUse:\n```\nprint(f(1))\n```", ["a.py::f"]),
        ("a.py\n```sh\nmake\n```\n```python\ndef f(a): ...\n```", ["a.py::f"]),
        ("### Path\n\nb.py\n\n### Notes\n\nlike a.py\n\n```\ndef f(a): ...\n```", ["b.py::f"]),
        ("Fill src/a.py::f and `src/a.py::A.g`.", ["src/a.py::f", "src/a.py::A.g"]),
        ("Fill src/a.py::f.", ["src/a.py::f"]),
        ("<!-- a.py -->\nb.py\n```\ndef f(a): ...\n```", ["b.py::f"]),
        ("> a.py\n> ```\n> def f(a): ...\n> ```\n\nb.py::g", ["b.py::g"]),
        ("- b.py\n- words\n\n  ```\n  def f(a): ...\n  ```", ["b.py::f"]),
        ("\u200bsrc/a\u202e.py\r\n```\r\ndef f(a):\r\n    ...\r\n```\r\n", ["src/a.py::f"]),
    ],
)
def test_given_free_text_then_every_stub_is_one_wish(body, names):
    assert wishes(body) == names


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "there is no stub: give one in a fenced code block"),
        ("Please help", "there is no stub"),
        ("a.py", "there is no stub"),
        ("    def f(a): ...\n\na.py", "there is no stub"),
        ("<!--\na.py::f\n-->", "there is no stub"),
        ("> a.py::f", "there is no stub"),
        ("```sh\nmake\n```\na.py", "there is no stub"),
        (
            "```\ndef f(a): ...\n```",
            "name the file that the stub belongs to, from the repository's root",
        ),
        ("../a.py\n```\ndef f(a): ...\n```", "name the file that the stub belongs to"),
        ("https://x.example/a.py\n```\ndef f(a): ...\n```", "name the file"),
        (
            "a.py\n```python\ndef f(a: ...\n```",
            "the fenced code does not parse: line 1: '(' was never",
        ),
        (
            "a.py\n```python\ndef f(a): return 1\n```",
            "the fenced code has no stub: write a function's",
        ),
        ("a.py\n```python\n\n```", "the fenced code has no stub"),
        (
            "a.py\n```\n" + MANY + "```",
            "21 stubs in one issue",
        ),
    ],
)
def test_given_nothing_usable_then_one_line_says_what_is_missing(body, said):
    message = problem(body)

    assert message.startswith(said)
    assert "\n" not in message


pieces = st.sampled_from(
    [
        "```",
        "```python\n",
        "~~~",
        "\n",
        "def f(a)",
        ":",
        " ...",
        "class A:",
        "    ",
        "a.py",
        "::f",
        "### File",
        "> ",
        "- ",
        "<!--",
        "-->",
        "_No response_",
        "`",
        "#",
        "\t",
        "'''",
        "(",
        ")",
        "\x00",
        "src/",
        ".py",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(pieces, max_size=30).map("".join)))
def test_given_any_text_then_there_are_wishes_or_a_problem(body):
    read = read_issue(body)

    if isinstance(read, IssueWishes):
        assert read.wishes
    else:
        assert read.message


@pytest.mark.parametrize(
    "unit",
    ["a/", "a.", "a.py::", "```\n", "```\ndef f(a):\n```\n", "def f(\n", "# a.py\n", "class A:\n "],
)
def test_given_the_longest_issue_in_a_nasty_form_then_it_is_read_all_the_same(unit):
    body = unit * (65_000 // len(unit))

    assert isinstance(read_issue(f"a.py\n```python\n{body}"), IssueProblem | IssueWishes)
