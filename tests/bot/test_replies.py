"""What people read below their comments, letter for letter."""

import inspect
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot import refusals, replies
from bot.commands import CommandError, parse_comment
from bot.issueform import IssueProblem, IssueWishes, read_issue
from bot.proof import proof_of, tried_of
from bot.repoconfig import AskPermission, Problem, RepoConfig, parse_config
from engine.candidates import Pool
from engine.policy import StopReason
from engine.search import Exhausted
from tests.bot.markup import HOSTILE, acts, kinds, shown_text, tokens
from tests.bot.proofs import exhausted, hostile_solution, solution
from tests.bot.snapshots import assert_matches

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STUB = ("src/numbers.py", "gcd")
PROOF = proof_of(solution(), threshold=0.8, judge_weight=0.0)
TRIED = tried_of(exhausted(), threshold=0.97)
NOTHING = tried_of(Exhausted(StopReason.OUT_OF_TIME, None, Pool()), threshold=0.8)

REPLIES = {
    "solved": replies.solved(*STUB, PROOF, pull_number=13),
    "improved": replies.improved(*STUB, PROOF),
    "dry_run": replies.dry_run(*STUB, PROOF),
    "fork_offer": replies.fork_offer(*STUB, PROOF),
    "not_solved": replies.not_solved(*STUB, TRIED, attempts=6),
    "not_solved_at_all": replies.not_solved(*STUB, NOTHING, attempts=1),
    "waiting": replies.waiting(*STUB, TRIED, until=AT, left=4),
    "waiting_last": replies.waiting(*STUB, NOTHING, until=AT, left=1),
    "parked": replies.parked(*STUB, "model", until=AT),
    "cancelled": replies.cancelled(*STUB, by="octocat"),
    "internal_error": replies.internal_error(*STUB, error_id="e7f3a9"),
    "command_error": replies.command_error(CommandError("unknown key 'tets'; did you mean tests?")),
    "explain": replies.explain(*STUB, PROOF),
    "explain_unsolved": replies.explain_unsolved(*STUB, TRIED),
    "config_errors": replies.config_errors(
        [
            Problem(2, "unknown key 'treshold'; did you mean threshold?"),
            Problem(5, "draft is given twice"),
        ]
    ),
    "show_config": replies.show_config(
        replace(RepoConfig(), allow_users=("octocat",), threshold=0.9, max_open_prs=1),
        is_from_file=True,
    ),
    "show_defaults": replies.show_config(RepoConfig(), is_from_file=False),
    "issue_problem": replies.issue_problem(IssueProblem("there is no stub: give one")),
    "help": replies.help_text("supercharge"),
}

REFUSALS = {
    "no_permission": refusals.no_permission(AskPermission.WRITE),
    "not_among_users": refusals.not_among_users(),
    "disabled": refusals.disabled(),
    "closed": refusals.closed(on_pull=True),
    "closed_issue": refusals.closed(on_pull=False),
    "path_blocked": refusals.path_blocked(".github/x.py"),
    "cannot": refusals.cannot("a.py has no function `f`; did you mean g?"),
    "no_stubs": refusals.no_stubs(),
    "no_stub_at_line": refusals.no_stub_at_line(),
    "too_many_open": refusals.too_many_open(5),
    "day_limit": refusals.day_limit(20),
    "no_branch": refusals.no_branch("dev"),
    "no_file": refusals.no_file("src/shop/cart.py"),
    "too_many_stubs": refusals.too_many_stubs(31, 20),
    "queue_full": refusals.queue_full(),
    "own_pull_only": refusals.own_pull_only("improve"),
    "nothing_to": refusals.nothing_to("cancel"),
    "stub_changed": refusals.stub_changed(*STUB),
    "lost_permission": refusals.lost_permission(),
    "not_granted": refusals.not_granted("Resource not accessible by integration"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_given_an_outcome_then_the_reply_is_what_was_agreed_on(name):
    assert_matches(f"reply_{name}.txt", REPLIES[name] + "\n")


def test_given_any_reason_then_the_refusal_is_what_was_agreed_on():
    page = "".join(f"{name}: {text}\n" for name, text in REFUSALS.items())

    assert_matches("refusals.txt", page)


def public(module: object) -> set[str]:
    found = inspect.getmembers(module, inspect.isfunction)
    return {name for name, f in found if f.__module__ == module.__name__ and name[0] != "_"}


def test_every_reply_and_every_refusal_is_looked_at_here():
    assert public(replies) <= {*REPLIES, "help_text"}
    assert public(refusals) <= {*REFUSALS}


@pytest.mark.parametrize("text", [*REPLIES.values(), *REFUSALS.values()])
def test_given_a_reply_then_the_bot_does_not_take_it_for_a_command(text):
    assert parse_comment(text) is None
    assert parse_comment(f"Hello,\n{text}\nbye") is None


@pytest.mark.parametrize("text", REFUSALS.values())
def test_a_refusal_is_one_line(text):
    assert "\n" not in text
    assert len(text) < 250


@pytest.mark.parametrize("text", HOSTILE)
def test_given_hostile_names_and_results_then_a_reply_only_shows_them(text):
    proof = proof_of(hostile_solution(text), threshold=0.8, judge_weight=0.0)
    tried = replace(TRIED, nearest=text)
    said = [
        replies.dry_run(text, text, proof),
        replies.not_solved(text, text, tried, attempts=2),
        replies.explain(text, text, proof),
        replies.command_error(CommandError(text)),
        replies.config_errors([Problem(1, text)]),
        replies.issue_problem(IssueProblem(text)),
        replies.cancelled(text, text, by=text),
        replies.parked(text, text, "model", until=AT),
        replies.internal_error(text, text, error_id=text),
        replies.help_text(text),
        replies.show_config(replace(RepoConfig(), label=text, paths=(text,)), is_from_file=True),
        refusals.cannot(text),
        refusals.not_granted(text),
        refusals.path_blocked(text),
        refusals.no_branch(text),
        refusals.no_file(text),
        refusals.stub_changed(text, text),
    ]

    for reply in said:
        html = {t.content.strip() for t in tokens(reply) if t.type in ("html_block", "html_inline")}
        assert {line for block in html for line in block.split("\n")} <= {
            "<details>", "</details>", "<summary>The test</summary>",
            "<summary>The nearest code, which is not good enough</summary>",
        }  # fmt: skip
        assert not {"heading_open", "image", "link_open", "blockquote_open"} & kinds(reply)
        assert not acts(shown_text(reply))
        assert "ghp_" not in reply
        assert parse_comment(reply) is None
        assert len(reply) < 60_000


@pytest.mark.parametrize("sign", ["x\n", "`", "|", "@a #1 "])
def test_given_results_of_any_size_then_a_reply_fits(sign):
    proof = replace(PROOF, code=sign * 50_000, test=sign * 50_000)
    tried = replace(TRIED, nearest=sign * 50_000)
    problems = [Problem(1, sign * 1000)] * 100

    assert len(replies.dry_run(sign * 1000, sign * 1000, proof)) < 60_000
    assert len(replies.not_solved(sign * 1000, sign * 1000, tried, attempts=2)) < 60_000
    assert len(replies.config_errors(problems)) < 60_000


def test_given_the_form_that_is_shown_then_filling_in_just_that_works():
    [form] = [t.content for t in tokens(REPLIES["issue_problem"]) if t.type == "fence"]

    assert isinstance(read_issue(form), IssueWishes)


def commands_shown() -> list[str]:
    [block] = [t.content for t in tokens(REPLIES["help"]) if t.type == "fence"]
    return [line.split("  ")[0] for line in block.splitlines() if line.startswith("/supercharge")]


@pytest.mark.parametrize("line", commands_shown())
def test_given_a_command_of_the_help_then_it_is_one(line):
    assert not isinstance(parse_comment(line), CommandError | None)


def test_given_many_mistakes_in_the_configuration_then_the_first_are_told():
    problems = parse_config("".join(f"k{i}: 1\n" for i in range(30)))
    assert not isinstance(problems, RepoConfig)

    assert replies.config_errors(problems).endswith("\n- and 10 more")


def test_given_an_unknown_part_then_it_is_still_told():
    assert "a part is down" in replies.parked(*STUB, "somewhere", until=AT)
