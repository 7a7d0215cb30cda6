"""Text of others as data: what is taken out, and what is made harmless."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sanitize import (
    REDACTED,
    hides_something,
    neutral,
    plain,
    quotable,
    redact,
    shortened,
    without_comments,
)
from tests.bot.markup import HOSTILE, acts

SECRETS = [
    "ghp_" + "a1B2" * 9,
    "ghs_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 10,
    "glpat-" + "a1-B2" * 4,
    "sk-" + "a1B2" * 10,
    "sk-proj-" + "a1_B2" * 10,
    "sk-ant-api03-" + "a1_B2" * 10,
    "hf_" + "a1B2" * 8,
    "npm_" + "a1B2" * 9,
    "pypi-" + "AgEI" * 20,
    "xoxb-1234567890-abcdef",
    "AKIA" + "ABCD1234" * 2,
    "ASIA" + "ABCD1234" * 2,
    "AIza" + "a1B2c" * 7,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nnever closed",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_given_a_credential_then_it_is_redacted(secret):
    assert redact(f"token={secret}") == f"token={REDACTED}"
    assert redact(f'"{secret}') == f'"{REDACTED}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pass@host/x", f"https://{REDACTED}@host/x"),
        ("Authorization: Bearer abcdefghijkl", f"Authorization: {REDACTED}"),
        ("AWS_SECRET_ACCESS_KEY=" + "a1B/" * 10, f"AWS_SECRET_ACCESS_KEY{REDACTED}"),
        ("a ghp_" + "a" * 36 + " b", f"a {REDACTED} b"),
    ],
)
def test_given_a_credential_inside_a_text_then_only_that_is_redacted(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "ghp_short",
        "weighs_the_difference_between_things",
        "risk-based-approach-to-testing-2",
        "sk-learn-compatible-estimators",
        "AKIA in prose",
        "eyJ",
        "-----BEGIN CERTIFICATE-----",
        "http://localhost:8080/a@b",
        "assert f('a' * 40) == 'a' * 40",
    ],
)
def test_given_ordinary_text_then_nothing_is_redacted(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "unit", ["eyJ", "eyJ-", "sk-", "sk-a", "-----BEGIN PRIVATE KEY-----", "://a", "a:"]
)
def test_given_a_long_run_of_almost_credentials_then_redacting_ends(unit):
    assert isinstance(redact(unit * (65_536 // len(unit))), str)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200bb\u200d\ufeffc\u00ad", "abc"),
        ("\u202eabc\u2066def\u2069", "abcdef"),
        ("a\x00\x1b[31mb\x07", "a[31mb"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\tb\x0c", "a\tb"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("v\ufe01\U000e0101s", "vs"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("h\u00e9llo \u4f60\u597d \U0001f600", "h\u00e9llo \u4f60\u597d \U0001f600"),
        ("\ud800x", "x"),
    ],
)
def test_given_what_cannot_be_seen_then_it_goes_and_the_rest_stays(text, seen):
    assert plain(text) == seen


@given(st.text())
def test_given_any_text_then_what_is_left_can_be_seen_and_encoded(text):
    left = plain(text)

    assert plain(left) == left
    assert left.encode().decode() == left
    assert not {c for c in left if unicodedata.category(c) in ("Cf", "Cs")}


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("a\r\n\tb", False),
        ("größe 😀", False),
        ("a\u200b", True),
        ("\u202e", True),
        ("\x1b[0m", True),
    ],
)
def test_given_a_text_then_it_is_known_whether_a_reader_sees_all_of_it(text, hides):
    assert hides_something(text) is hides


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a <!-- b --> c", "a   c"),
        ("a <!-- b\nc -->\nd", "a  \nd"),
        ("a <!-- never closed\nb", "a  "),
        ("<!<!-- x -->-- y -->", "<! -- y -->"),
        ("<!-- a --><!-- b -->c", "  c"),
        ("a < b -- c > d", "a < b -- c > d"),
    ],
)
def test_given_html_comments_then_a_model_does_not_read_them(text, left):
    assert without_comments(text) == left


@given(
    st.lists(st.sampled_from(["<!--", "-->", "<!", "--", ">", "a", "\n"]), max_size=30).map("".join)
)
def test_given_any_mixture_of_comments_then_none_is_left(text):
    assert "<!--" not in without_comments(text)


@pytest.mark.parametrize(
    "text",
    [
        "@octocat",
        "(@octocat)",
        "@org/team",
        "fixes #1",
        "o/r#1",
        "GH-12",
        "gh-1",
        "https://github.com/o/r/issues/1",
        "www.a.example",
    ],
)
def test_given_what_github_acts_upon_then_it_reads_the_same_and_does_nothing(text):
    assert acts(text)
    assert not acts(neutral(text))
    assert plain(neutral(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_text_then_a_title_of_it_is_one_harmless_line(text):
    line = neutral(text)

    assert not acts(line)
    assert "\n" not in line
    assert len(line) <= 200


@given(
    st.lists(
        st.sampled_from(["@", "#", "1", "a", "gh-", ":", "//", "www", ".", " ", "\u200b", "\n"])
    ).map("".join)
)
def test_given_any_text_then_its_neutral_form_does_nothing_even_twice(text):
    assert not acts(neutral(text))
    assert neutral(neutral(text)) == neutral(text)


@pytest.mark.parametrize(
    "text",
    [
        "fixes #1",
        "Closed: o/r#2",
        "resolves GH-3",
        "fix\thttps://github.com/o/r/issues/4",
        "CLOSE #5",
    ],
)
def test_given_a_keyword_that_closes_an_issue_then_it_does_not_where_it_is_quoted(text):
    assert CLOSING.search(text)
    assert not CLOSING.search(quotable(text))
    assert plain(quotable(text)) == text


@pytest.mark.parametrize("text", ["@property", "prefix #1", "# 1", "fixes nothing", "x = fix[#1"])
def test_given_code_then_it_is_quoted_as_it_is(text):
    assert quotable(text) == text


CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:\S+#\d|#\d|gh-\d|http)", re.IGNORECASE
)


def test_given_a_line_that_is_too_long_then_it_ends_in_an_ellipsis():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef", 5) == "abcd…"
