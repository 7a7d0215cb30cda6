"""Whatever is put into our Markdown stays where it was put."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.markdown import cell, code, details, fenced, prose, table, truncated
from bot.sanitize import plain, quotable
from tests.bot.markup import HOSTILE, acts, kinds, shown_text, tokens

pieces = st.sampled_from(
    [
        "`",
        "```",
        "````",
        "~~~",
        "\n",
        "\n\n",
        "    ",
        "@octocat",
        "#1",
        "# h",
        "> ",
        "- ",
        "<b>",
        "<!--",
        "-->",
        "|",
        "\\",
        "*",
        "_",
        "[a](b)",
        "![a](b)",
        "&lt;",
        "---",
        "===",
        "1. ",
        "\u2028",
        "\r",
        "\x0b",
        "x",
        " ",
    ]
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.lists(pieces, max_size=30).map("".join))


@given(texts)
@example("```\n")
@example("a\r```\rb")
def test_given_any_text_then_it_never_leaves_its_fence(text):
    page = f"before\n\n{fenced(text, 'python')}\n\nafter"

    assert [token.type for token in tokens(page)] == [
        "paragraph_open",
        "inline",
        "text",
        "paragraph_close",
        "fence",
        "paragraph_open",
        "inline",
        "text",
        "paragraph_close",
    ]
    [fence] = [token for token in tokens(page) if token.type == "fence"]
    assert fence.info == "python"
    shown = re.sub("`{80,}", "`" * 80, quotable(text))
    assert fence.content.strip("\n") == shown.strip("\n")


def test_given_a_text_of_backticks_then_its_fence_stays_short():
    block = fenced("`" * 50_000, limit=100)

    assert len(block) < 300
    assert kinds(block) == {"fence"}


@given(texts)
def test_given_any_text_then_its_code_span_is_one_code_span(text):
    span = code(text)
    found = [token for token in tokens(f"say {span} now") if token.type not in ("inline",)]

    if span == "(empty)":
        assert not quotable(text).split()
        return
    assert [token.type for token in found] == [
        "paragraph_open",
        "text",
        "code_inline",
        "text",
        "paragraph_close",
    ]
    assert (found[1].content, found[3].content) == ("say ", " now")
    assert len(found[2].content) <= 200


@given(texts)
@example("__0__")
@example("_a_b_ __c__d__")
def test_given_any_text_then_as_prose_it_reads_the_same_and_does_nothing(text):
    page = prose(text)
    found = [token for token in tokens(page) if token.type != "inline"]

    assert {token.type for token in found} <= {"paragraph_open", "text", "paragraph_close"}
    assert not acts(shown_text(page))


@given(st.lists(pieces, max_size=10).map("".join))
def test_given_a_short_text_then_its_prose_shows_every_visible_character(text):
    assert plain(shown_text(prose(text)).replace("\n", "")) == " ".join(plain(text).split())


@given(st.lists(texts, min_size=2, max_size=2))
def test_given_any_text_in_cells_then_the_table_keeps_its_shape(row):
    page = table(["a", "b"], [[code(text) for text in row], ["1", "2"]])
    found = tokens(page)

    assert [t.type for t in found].count("td_open") == 4
    assert [t.type for t in found].count("tr_open") == 3
    assert not {"html_inline", "html_block", "heading_open", "link_open"} & kinds(page)
    assert not acts(shown_text(page))


def test_given_a_pipe_in_a_code_span_then_the_cell_shows_it_as_it_is():
    page = table(["a"], [[code(r"x | y \| z")]])

    assert [t.content for t in tokens(page) if t.type == "code_inline"] == [r"x | y \| z"]


@given(st.text("ab\n", max_size=400), st.integers(20, 300), st.booleans())
def test_given_a_budget_then_whole_lines_are_kept_and_the_rest_is_told(text, limit, tail):
    cut = truncated(text, limit, tail=tail)

    assert len(cut) <= limit
    if len(text) <= limit:
        assert cut == text
        return
    lines = cut.split("\n")
    kept, note = (lines[1:], lines[0]) if tail else (lines[:-1], lines[-1])
    assert note.startswith("[… ")
    source = text.split("\n")
    if len(kept) > 1:
        assert kept == (source[-len(kept) :] if tail else source[: len(kept)])
        assert note.split()[1] == str(len(source) - len(kept))


def test_given_a_budget_smaller_than_the_note_then_it_still_holds():
    assert len(truncated("a\n" * 100, 5)) == 5


def test_given_a_long_text_then_its_fence_holds_within_the_budget():
    block = fenced("line\n" * 1000, "text", limit=100)

    assert len(block) < 100 + 20
    assert "[… 984 more lines]" in block


def test_details_can_be_unfolded_and_closes():
    assert details("More", "text") == "<details>\n<summary>More</summary>\n\ntext\n\n</details>"


@pytest.mark.parametrize("text", ["a|b", "a\nb", "|"])
def test_given_any_cell_then_it_is_one_line_without_bare_pipes(text):
    assert "\n" not in cell(text)
    assert "|" not in cell(text).replace(r"\|", "")
