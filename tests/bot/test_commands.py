"""What a comment asks for, and what is said where it cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    Cancel,
    CommandError,
    Explain,
    FunctionName,
    Generate,
    Help,
    Improve,
    Retry,
    Score,
    SearchOptions,
    ShowConfig,
    Status,
    parse_comment,
)


def asked(line: str) -> object:
    return parse_comment(f"/supercharge {line}")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", Generate()),
        ("  dry-run ", Generate(options=SearchOptions(dry_run=True))),
        ("src/a.py::f", Generate(FunctionName("src/a.py", "f"))),
        ('"my dir/a.py::A.f"', Generate(FunctionName("my dir/a.py", "A.f"))),
        ("größe.py::größe", Generate(FunctionName("größe.py", "größe"))),
        ("retry", Retry()),
        ("retry fresh", Retry(fresh=True)),
        ("cancel", Cancel()),
        ("status", Status()),
        ("explain", Explain()),
        ("score", Score()),
        ("config", ShowConfig()),
        ("help", Help()),
        ("HELP", Help()),
        ("candidates=8", Generate(options=SearchOptions(candidates=8))),
        ('tests="8"', Generate(options=SearchOptions(tests=8))),
        ("tests=“8”", Generate(options=SearchOptions(tests=8))),
        ("threshold=0.9", Generate(options=SearchOptions(threshold=0.9))),
        ("threshold=1", Generate(options=SearchOptions(threshold=1.0))),
        ("budget=20m", Generate(options=SearchOptions(minutes=20.0))),
        ("budget=1h", Generate(options=SearchOptions(minutes=60.0))),
        ("budget=90s", Generate(options=SearchOptions(minutes=1.5))),
        ("base=release/1.2", Generate(options=SearchOptions(base="release/1.2"))),
        (
            "a.py::f candidates=5 tests=6 threshold=0.7 budget=2m base='dev' dry-run",
            Generate(FunctionName("a.py", "f"), SearchOptions(5, 6, 0.7, 2.0, "dev", True)),
        ),
        ('improve "use a set"', Improve("use a set")),
        ("improve “use a set”", Improve("use a set")),
        (
            "improve don't copy, and keep `a|b` *as is*",
            Improve("don't copy, and keep `a|b` *as is*"),
        ),
        ('improve "quick" is not enough', Improve('"quick" is not enough')),
    ],
)
def test_given_a_command_of_the_grammar_then_it_is_read(line, command):
    assert asked(line) == command


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("retyr", "unknown word 'retyr'; did you mean retry?"),
        ("--dry-run", "unknown word '--dry-run'; did you mean dry-run?"),
        ("xyzzy", "unknown word 'xyzzy'; known are: cancel, status"),
        ("candidate=3", "unknown key 'candidate'; did you mean candidates?"),
        ("tests=1 tests=2", "tests is given twice; give it once"),
        ("budget=1m budget=2m", "budget is given twice"),
        ("dry-run dry-run", "dry-run is given twice"),
        ("a.py::f b.py::g", "a target is given twice"),
        ("dry-run=yes", "dry-run takes no value; write dry-run alone"),
        ("candidates=0", "candidates must be a whole number from 1 to 10000, not '0'"),
        ("candidates=many", "candidates must be a whole number"),
        ("candidates=" + "9" * 5000, "candidates must be a whole number"),
        ("candidates=", "candidates must be a whole number from 1 to 10000, not ''"),
        ("threshold=1.1", "threshold must be a number above 0 and at most 1, like 0.8, not '1.1'"),
        ("threshold=nan", "threshold must be"),
        ("threshold=0", "threshold must be"),
        ("budget=20", "budget must be a time up to 24h, like 90s, 20m or 1h, not '20'"),
        ("budget=25h", "budget must be"),
        ("base=-x", "base must be the name of a branch, not '-x'"),
        ('base="a b"', "base must be the name of a branch, not 'a b'"),
        ("a.py", "'a.py' names no function; write path/to/file.py::function"),
        ("../a.py::f", "'../a.py' is no Python file's path"),
        ("/etc/a.py::f", "'/etc/a.py' is no Python file's path"),
        ("a.pyi::f", "'a.pyi' is no Python file's path"),
        ("a.py::f()", "'f()' is no function's name; write Class.method or function"),
        ("a.py::class", "'class' is no function's name"),
        ('base="main', 'a quote is not closed: base="main'),
        ("=3", "there is no key before '=3'"),
        ("cancel now", "cancel takes nothing more, but there is 'now'"),
        ("retry now", "retry takes fresh or nothing, not 'now'"),
        ("improve", 'improve needs words: /supercharge improve "what should be better"'),
        ('improve ""', "improve needs words"),
        ("improve " + "x" * 4001, "improve takes 4000 characters, not 4001; say it shorter"),
        ("dry-run " * 41, "more than 40 words; see /supercharge help"),
    ],
)
def test_given_a_mistake_then_one_line_says_what_to_write(line, said):
    error = asked(line)

    assert isinstance(error, CommandError)
    assert error.message.startswith(said)
    assert "\n" not in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    "body",
    [
        "/supercharge status",
        "Hello\n/supercharge status\nthank you",
        "   /supercharge status",
        "/Supercharge status",
        "/supercharge\tstatus",
        "/supercharge status\\\nmore",
        "/super\u200bcharge\u202e sta\u2066tus",
        "\ufeff/supercharge status",
        "a\r\n/supercharge status\r\nb",
        "- one\n- two\n\n/supercharge status",
        "- one\n- two\n/supercharge status",
        "> said before\n\n/supercharge status",
        "```\ncode\n```\n/supercharge status",
        "<!-- hidden -->\n\n/supercharge status",
        "/supercharge status\n---",
        "[a]\n/supercharge status\n\n[a]: /b",
    ],
)
def test_given_a_line_of_plain_text_then_it_is_a_command(body):
    assert parse_comment(body) == Status()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "try /supercharge status",
        "`/supercharge status`",
        "//supercharge status",
        "/supercharged status",
        "/supercharge-status",
        "- /supercharge status",
        "> /supercharge status",
        "> quoted\n/supercharge status",
        ">> quoted\n>\n> /supercharge status",
        "- > quoted\n  /supercharge status",
        "    /supercharge status",
        "\t/supercharge status",
        "```\n/supercharge status\n```",
        "~~~~\n/supercharge status\n~~~\n",
        "````\n```\n/supercharge status\n```\n````",
        "`code\n/supercharge status\ncode`",
        "<!--\n/supercharge status\n-->",
        "<!--\n/supercharge status",
        "words <!--\n/supercharge status -->",
        "<pre>\n/supercharge status\n</pre>",
        "<a title='\n/supercharge status\n'>",
        "/supercharge | status\n---|---\n",
        "| a |\n|---|\n/supercharge status\n",
        "\\`\n`\n/supercharge status`",
    ],
)
def test_given_code_a_quote_a_table_or_html_then_nothing_is_asked(body):
    assert parse_comment(body) is None


def test_given_two_commands_then_none_is_done():
    assert parse_comment("/supercharge cancel\n\n/supercharge retry") == CommandError(
        "there are 2 commands in one comment, so none was done; write one per comment"
    )


def test_given_a_second_command_in_a_quote_then_the_first_is_done():
    assert parse_comment("/supercharge cancel\n\n> /supercharge retry") == Cancel()


pieces = st.sampled_from(
    [
        "/supercharge",
        "\n",
        "\r\n",
        " ",
        "    ",
        "> ",
        "- ",
        "`",
        "```",
        "<!--",
        "-->",
        "improve",
        '"',
        "'",
        "=",
        "candidates=",
        "budget=1h",
        "a.py::f",
        "\u200b",
        "\ue000",
        "0",
        "|",
        "---",
        "<a",
        "\\",
        "\x00",
    ]
)


@given(st.lists(st.one_of(pieces, st.text(max_size=8)), max_size=40).map("".join))
def test_given_any_text_then_there_is_a_value(body):
    read = parse_comment(body)

    assert read is None or isinstance(read, CommandError) or type(read).__module__ == "bot.commands"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_given_any_words_after_the_command_then_it_is_never_passed_over(words):
    line = " ".join(words.split())

    assert parse_comment(f"/supercharge x {line}") is not None


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("`\n", Generate),
        ("[", Generate),
        (" - a\n", Generate),
        ("a|b\n-|-\n", Generate),
        ("<!--", type(None)),
        ("<a b='\n", Generate),
        ("/supercharge\n", CommandError),
    ],
)
def test_given_the_longest_comment_in_a_nasty_form_then_it_is_read_all_the_same(unit, kind):
    body = unit * (65_000 // len(unit))

    assert type(parse_comment(f"{body}\n\n/supercharge\n")) is kind
