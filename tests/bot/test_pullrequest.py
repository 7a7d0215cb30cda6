"""A pull request's words, letter for letter, and what a hostile result cannot do to them."""

import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import parse_comment
from bot.proof import assert_of, proof_of
from bot.pullrequest import (
    MAX_BODY,
    Mutation,
    PullReport,
    Requester,
    body,
    commit_message,
    pull_marker,
    title,
)
from tests.bot.markup import HOSTILE, acts, kinds, shown_text, tokens
from tests.bot.proofs import hostile_solution, pool_of, solution
from tests.bot.snapshots import assert_matches

SECTIONS = [
    "Summary", "Function", "Judge score and evidence", "Test output", "How it was made", "Limits",
    "How to replay", "Commands",
]  # fmt: skip


def report(**changed: object) -> PullReport:
    usual = PullReport(
        request_id="k3m9x2a7bq",
        path="src/numbers.py",
        qualname="gcd",
        test_path="tests/test_gcd.py",
        requester=Requester("octocat", 583231),
        proof=proof_of(solution(), threshold=0.8, judge_weight=0.0),
        model="SmolLM2-135M-Instruct",
        seed=7,
        seconds=41.7,
        attempts=1,
        sandbox="docker 20.10.24, no network",
        pool_id="p4c8d2",
        commit="c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11",
        closes=12,
    )
    return replace(usual, **changed)  # type: ignore[arg-type]


def headings(page: str) -> list[str]:
    found = tokens(page)
    return [
        found[i + 1].content
        for i, token in enumerate(found)
        if token.type == "heading_open" and token.tag == "h2"
    ]


def test_given_an_issues_stub_then_the_body_says_all_of_it():
    assert_matches("pull_from_issue.txt", body(report()))


def test_given_a_pull_requests_stub_then_the_body_says_whose_branch_it_goes_to():
    changed = report(
        closes=None,
        base_pull=7,
        seed=None,
        attempts=3,
        seconds=4321.0,
        mutation=Mutation(killed=8, mutants=10),
        warnings=["bubblewrap does not filter system calls"],
        wish="use a loop, not recursion",
        proof=proof_of(solution(), threshold=0.8, judge_weight=0.4),
    )

    assert_matches("pull_from_pull.txt", body(changed))


def test_given_a_hostile_result_then_the_body_is_what_was_agreed_on():
    text = "\n".join(HOSTILE[:10])
    proof = proof_of(hostile_solution(text), threshold=0.8, judge_weight=0.0)

    page = body(report(proof=proof, model=text, sandbox=text, warnings=[text], wish=text))
    assert_matches("pull_hostile.txt", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_given_a_hostile_result_then_it_makes_no_section_mention_or_html(text):
    proof = proof_of(hostile_solution(text), threshold=0.8, judge_weight=0.0)
    page = body(
        report(
            proof=proof,
            model=text,
            sandbox=text,
            pool_id=text,
            request_id=text,
            path=text,
            qualname=text,
            test_path=text,
            requester=Requester(text, 1),
            warnings=[text],
            wish=text,
            base_pull=7,
        )
    )

    check_harmless(page, closes=12, base=7)
    assert len(page) < MAX_BODY


def check_harmless(page: str, *, closes: int, base: int) -> None:
    assert headings(page) == SECTIONS
    assert [t for t in tokens(page) if t.type == "heading_open" and t.tag != "h2"] == []
    html = [t.content.strip() for t in tokens(page) if t.type in ("html_block", "html_inline")]
    assert all(re.fullmatch(r"<!-- supercharge:pull request=[\w.-]+ -->", h) for h in html), html
    assert len(html) == 1
    assert not {"image", "link_open", "blockquote_open"} & kinds(page)
    ours = shown_text(page).replace(f"Closes #{closes}", "").replace(f"branch of #{base}.", "")
    assert not acts(ours)
    assert "ghp_" not in page
    assert parse_comment(page) is None


@settings(max_examples=15, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(), st.text("`~#@<>\n| a")), st.integers(1, 200))
def test_given_anything_of_any_size_then_the_body_fits_and_keeps_its_sections(text, times):
    usual = report().proof
    proof = replace(usual, code=text * times * 4, output=text * times * 10)
    page = body(report(proof=proof, base_pull=7))

    assert len(page) < MAX_BODY
    check_harmless(page, closes=12, base=7)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1  # \u202e}\u2066 if admin\n", "characters that cannot be seen"),
        ("x = 'a\u200bb'\n", "characters that cannot be seen"),
        (f"KEY = 'ghp_{'a1B2' * 9}'\n", "what looks like a credential"),
    ],
)
def test_given_code_that_the_page_cannot_show_then_it_says_so(code, said):
    for changed in ({"code": code}, {"test": code}):
        page = body(report(proof=replace(report().proof, **changed)))
        assert said in page
    assert said not in body(report())


def test_given_too_much_then_output_goes_first_then_the_matrix_then_code():
    usual = report().proof
    lines = "x = 1\n"
    sizes = [0, 6_000, 9_400, 12_000]
    pages = [
        body(report(proof=replace(usual, output="o\n" * 30_000, code=lines * n))) for n in sizes
    ]

    assert all(len(page) < MAX_BODY for page in pages)
    assert "more lines]\no\n" in pages[0]
    assert "o\no\n" in pages[1]
    assert "Left out here: the page is full." in pages[2]
    assert "| **chosen** |" in pages[0]
    assert lines * 9_400 in pages[2]
    assert "matrix is left out" in pages[3]
    assert "more lines]\n```" in pages[3]


def test_given_a_full_page_then_the_matrix_goes_before_the_code():
    usual = report().proof
    empty = body(report(proof=replace(usual, code="", output="")))
    code = "x" * (MAX_BODY - len(empty))
    page = body(report(proof=replace(usual, code=code)))

    assert code in page
    assert "matrix is left out" in page


def test_given_a_result_then_its_title_is_one_harmless_line():
    assert title(report()) == "Implement gcd in src/numbers.py"
    for text in HOSTILE:
        line = title(report(qualname=text, path=text))
        assert not acts(line)
        assert "\n" not in line
        assert len(line) <= 120


def trailers(message: str) -> dict[str, str]:
    ran = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=message,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split(": ", 1) for line in ran.stdout.splitlines())


def test_given_a_result_then_the_commit_says_who_asked_and_how_it_was_made():
    assert_matches("commit_message.txt", commit_message(report()))
    assert trailers(commit_message(report())) == {
        "Supercharge-Request": "k3m9x2a7bq",
        "Supercharge-Score": f"{report().proof.score:.2f}",
        "Supercharge-Model": "SmolLM2-135M-Instruct",
        "Supercharge-Pool": "p4c8d2",
        "Co-authored-by": "octocat <583231+octocat@users.noreply.github.com>",
    }


@pytest.mark.parametrize("text", [*HOSTILE, "x\nCo-authored-by: evil <evil@evil.example>"])
def test_given_hostile_names_then_the_commit_has_no_trailer_but_ours(text):
    message = commit_message(
        report(model=text, pool_id=text, qualname=text, requester=Requester(text, 1))
    )

    assert set(trailers(message)) == {
        "Supercharge-Request", "Supercharge-Score", "Supercharge-Model", "Supercharge-Pool"
    }  # fmt: skip
    assert not acts(message)
    assert len(message.split("\n")[0]) <= 72


def test_given_a_bots_request_then_it_is_a_co_author_too():
    named = trailers(commit_message(report(requester=Requester("renovate[bot]", 5))))

    assert named["Co-authored-by"] == "renovate[bot] <5+renovate[bot]@users.noreply.github.com>"


@given(st.text())
def test_given_any_id_then_the_marker_is_one_comment(text):
    marker = pull_marker(text)

    assert re.fullmatch(r"<!-- supercharge:pull request=[\w.-]+ -->", marker)
    assert "--" not in marker.removeprefix("<!--").removesuffix("-->")


def test_the_matrix_shows_every_behaviour_with_its_votes():
    matrix = proof_of(solution(), threshold=0.8, judge_weight=0.0).matrix

    assert [(row.votes, row.chosen) for row in matrix.rows] == [(14, True), (3, False), (1, False)]
    assert matrix.rows[0].passes == (True,) * 5 + (False,) * 2
    assert matrix.rows[2].passes[2] is None
    assert matrix.shipped == 5
    assert matrix.asserts[0] == "assert gcd(12, 8) == 4"


def test_given_nobody_at_odds_then_no_assert_is_left_out():
    pool = pool_of([(solution().code, 9, "PPPPP")], [f"gcd({i}, {i}) == {i}" for i in range(1, 6)])
    page = body(report(proof=proof_of(solution(pool), threshold=0.8, judge_weight=0.0)))

    assert "not in the test" not in page


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("from f import f\n\n\ndef test_f():\n    assert f(1) == 2\n", "assert f(1) == 2"),
        (
            "def test_f():\n    with pytest.raises(ValueError):\n        f(1)\n",
            "with pytest.raises(ValueError): f(1)",
        ),
        ("def test_f():\n    x = 1\n    assert f(\n        x\n    )\n", "x = 1 assert f( x )"),
        ("nonsense (", "nonsense ("),
        ("", ""),
    ],
)
def test_given_a_test_then_its_assert_is_one_line(source, shown):
    assert assert_of(source) == shown
