"""What a repository configures, and where it is told of a mistake."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.repoconfig import (
    AskPermission,
    MutationConfig,
    Problem,
    RepoConfig,
    RetryConfig,
    parse_config,
)

EXAMPLE = Path(__file__).parents[2] / "config" / "repository.example.yml"
KEYS = [field.name for field in fields(RepoConfig)]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "null\n", "{}\n", "\ufeffdraft: true\n"]
)
def test_given_nothing_then_every_key_has_its_default(text):
    assert parse_config(text) == RepoConfig()


def test_given_the_example_then_it_is_the_defaults():
    assert parse_config(EXAMPLE.read_text(encoding="utf-8")) == RepoConfig()


def test_the_example_lists_every_key_once_in_the_order_of_the_code_and_explains_it():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    listed = [line.partition(":")[0] for line in lines if line[:1].isalpha()]
    nested = [
        line.strip().partition(":")[0] for line in lines if line.startswith("  ") and ":" in line
    ]

    assert listed == KEYS
    assert nested == [f.name for kind in (RetryConfig, MutationConfig) for f in fields(kind)]
    explained = False
    for line in lines:
        explained = line.startswith("#") or (explained and bool(line.strip()))
        assert explained or not line.strip(), line


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("enabled: false", {"enabled": False}),
        ("enabled: no", {"enabled": False}),
        ("label: on", {"label": "on"}),
        ("label: 'good first stub'", {"label": "good first stub"}),
        ("permission: admin", {"permission": AskPermission.ADMIN}),
        ('allow_users: [octocat, "renovate[bot]"]', {"allow_users": ("octocat", "renovate[bot]")}),
        ("deny_users:\n- a\n- b-c\n", {"deny_users": ("a", "b-c")}),
        ("paths: [src/**, '!src/vendor/**']", {"paths": ("src/**", "!src/vendor/**")}),
        ("blocked_paths: [docs/**]", {"blocked_paths": (".github/**", "docs/**")}),
        ("blocked_paths: []", {"blocked_paths": (".github/**",)}),
        ("base: develop", {"base": "develop"}),
        ("base: 1.20", {"base": "1.20"}),
        ("draft: false", {"draft": False}),
        ("candidates: 40\ntests: 20", {"candidates": 40, "tests": 20}),
        ("threshold: .9", {"threshold": 0.9}),
        ("max_minutes: 2.5", {"max_minutes": 2.5}),
        ("max_open_prs: 0", {"max_open_prs": 0}),
        ("max_requests_per_user_day: 3", {"max_requests_per_user_day": 3}),
        ("test_dir: tests/unit", {"test_dir": "tests/unit"}),
        (
            "requirements: [numpy, 'requests>=2.31,<3']",
            {"requirements": ("numpy", "requests>=2.31,<3")},
        ),
        ("retry: {max: 2, backoff: 30m}", {"retry": RetryConfig(max=2, backoff=1800.0)}),
        ("retry: {}", {}),
        ("judge: off", {"judge": False}),
        ("mutation: {min_score: 0.6}", {"mutation": MutationConfig(0.6)}),
        (
            "paths: &a [b]\ndeny_users: *a",
            {"paths": ("b",), "deny_users": ("b",)},
        ),
    ],
)
def test_given_a_value_then_it_is_in_force(text, changed):
    assert parse_config(text) == replace(RepoConfig(), **changed)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("enabled: true\ntreshold: 0.9", 2, "unknown key 'treshold'; did you mean threshold?"),
        ("\n\nretry:\n  maximum: 3", 4, "unknown key 'maximum'; did you mean max?"),
        ("xyz: 1", 1, "unknown key 'xyz'; known are: enabled, label"),
        ("[a]: 1", 1, "unknown key a list; known are"),
        ("draft: true\ndraft: false", 2, "draft is given twice; give it once"),
        ("retry: {max: 1, max: 2}", 1, "retry.max is given twice"),
        ("draft: maybe", 1, "draft must be true or false, not 'maybe'"),
        ("draft:", 1, "draft must be true or false, not empty"),
        ("permission: read", 1, "permission must be one of write, maintain, admin, not 'read'"),
        ("permission: null", 1, "permission must be one of write, maintain, admin, not empty"),
        ("candidates: 0", 1, "candidates must be a whole number from 1 to 10000, not '0'"),
        ("candidates: " + "9" * 5000, 1, "candidates must be a whole number"),
        ("candidates: 1_000", 1, "candidates must be a whole number"),
        ("candidates: [1]", 1, "candidates must be a whole number from 1 to 10000, not a list"),
        (
            "threshold: 1.5",
            1,
            "threshold must be a number above 0 and at most 1, like 0.8, not '1.5'",
        ),
        ("threshold: 0", 1, "threshold must be"),
        ("threshold: .nan", 1, "threshold must be"),
        ("max_minutes: 0", 1, "max_minutes must be minutes, above 0 and at most 1440"),
        (
            "paths: src/**",
            1,
            "paths must be a list, each entry on a line that begins with '- ', not",
        ),
        ("paths:\n- src/**\n- ''", 3, "paths must hold patterns of paths, like src/**, not ''"),
        ("paths:\n- [a]", 2, "paths must hold patterns of paths, like src/**, not a list"),
        ("allow_users: ['@octocat']", 1, "allow_users must hold GitHub user names, not '@octocat'"),
        ("requirements: [-r x]", 1, "requirements must hold packages by their PyPI names"),
        ("requirements: ['a @ https://x/a.whl']", 1, "requirements must hold packages"),
        ("base: -x", 1, "base must be the name of a branch, not '-x'"),
        ("test_dir: ../tests", 1, "test_dir must be a folder's path from the repository's root"),
        ("label: ''", 1, "label must be a label's name of at most 50 characters, not ''"),
        ("retry: 3", 1, "retry must be lines of key: value, not '3'"),
        ("retry:", 1, "retry must be lines of key: value, not empty"),
        ("retry: {backoff: 5s}", 1, "retry.backoff must be a time from 1m to 30d"),
        (
            "mutation: {min_score: 2}",
            1,
            "mutation.min_score must be a number from 0 to 1, like 0.6, not '2'",
        ),
        ("- a", 1, "the file must be lines of key: value, not a list"),
        ("a: b: c", 1, "not valid YAML: mapping values are not allowed here"),
        ("enabled: true\n  x: [", 2, "not valid YAML: "),
        ("a: !!python/object:os.system x", 1, "unknown key 'a'"),
        ("draft: *x", 1, "not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML: but found another document"),
        ("enabled: true\n# \x07", 2, "the character U+0007 is not allowed in YAML"),
        ("a: " + "[" * 9, 1, "nested more than 8 levels deep"),
        ("#" * 20_001, 1, "the file has 20001 characters; 20000 are read at most"),
        ("<<: {draft: false}", 1, "unknown key '<<'"),
    ],
)
def test_given_a_mistake_then_its_line_and_what_to_write_are_told(text, line, message):
    [problem] = parse_config(text)

    assert problem.line == line
    assert problem.message.startswith(message)
    assert "\n" not in problem.message


def test_given_several_mistakes_then_all_are_told_in_the_order_of_their_lines():
    assert parse_config("max_open_prs: -1\nretry:\n  max: x\nfoo: 1\n") == (
        Problem(1, "max_open_prs must be a whole number from 0 to 10000, not '-1'"),
        Problem(3, "retry.max must be a whole number from 0 to 10000, not 'x'"),
        Problem(4, f"unknown key 'foo'; known are: {', '.join(KEYS)}"),
    )


def test_given_a_billion_laughs_then_it_is_small_and_told():
    rows = [
        "a0: &a0 [x, x]",
        *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)),
    ]

    problems = parse_config("\n".join(rows))

    assert len(problems) == 30
    assert sum(len(problem.message) for problem in problems) < 30_000


def test_given_an_alias_of_itself_then_it_is_told():
    [problem] = parse_config("paths: &a [*a]")

    assert problem.message == "paths must hold patterns of paths, like src/**, not a list"


def test_given_blocked_paths_then_workflows_stay_out_of_reach():
    config = parse_config("blocked_paths: ['!.github/**']\npaths: ['**']")

    assert not config.path_filter.allows(".github/workflows/ci.py")
    assert config.path_filter.allows("src/a.py")


@pytest.mark.parametrize(
    ("allow", "deny", "login", "is_bot", "may"),
    [
        ((), (), "octocat", False, True),
        ((), ("Octocat",), "octocat", False, False),
        (("OctoCat",), (), "octocat", False, True),
        (("hubot",), (), "octocat", False, False),
        (("octocat",), ("octocat",), "octocat", False, False),
        ((), (), "renovate[bot]", True, False),
        (("renovate[bot]",), (), "renovate[bot]", True, True),
        (("renovate[bot]",), (), "octocat", False, True),
        (("renovate[bot]", "hubot"), (), "octocat", False, False),
    ],
)
def test_given_lists_of_users_then_somebody_may_ask_or_not(allow, deny, login, is_bot, may):
    config = replace(RepoConfig(), allow_users=allow, deny_users=deny)

    assert config.lets_ask(login, is_bot=is_bot) is may


words = st.sampled_from(
    [
        *KEYS,
        "max",
        "backoff",
        "min_score",
        ": ",
        ":\n",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "'",
        '"',
        "|",
        ">",
        "!!int ",
        "<<",
        "#",
        "1",
        "true",
        "null",
        "%",
        "@",
        "`",
        "?",
        "\t",
        "\x00",
        "---\n",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(words, max_size=20).map("".join)))
def test_given_any_text_then_there_is_a_configuration_or_problems_with_lines(text):
    read = parse_config(text)

    if not isinstance(read, RepoConfig):
        assert read
        assert all(1 <= problem.line <= text.count("\n") + text.count("\r") + 2 for problem in read)


@pytest.mark.parametrize("unit", ["[", "{", "a: ", "- ", "? ", "&a ", "'", "a:\n  ", "!", "*a\n"])
def test_given_the_longest_file_in_a_nasty_form_then_it_is_a_problem(unit):
    assert not isinstance(parse_config(unit * (19_900 // len(unit))), RepoConfig)
