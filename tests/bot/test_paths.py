"""Which paths there are in a repository, and which of them the bot may write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.paths import PathFilter, is_pattern, is_python_path, is_repository_path


@pytest.mark.parametrize(
    "path", ["a.py", "src/a b.py", "größe/x.py", ".github/x.yml", "a..b/c.py", "-a.py"]
)
def test_given_a_path_below_the_root_then_it_is_one(path):
    assert is_repository_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a.py",
        "a//b.py",
        "./a.py",
        "a/../b.py",
        "..",
        "a/",
        "a\\b.py",
        "C:/a.py",
        "a\nb.py",
        ".git/config",
        "a/.GIT/hooks/x",
        " a.py",
        "a.py ",
        "x" * 401,
    ],
)
def test_given_a_path_that_leaves_the_root_or_has_two_spellings_then_it_is_none(path):
    assert not is_repository_path(path)
    assert not PathFilter().allows(path)


@pytest.mark.parametrize(
    ("path", "python"), [("a.py", True), ("a.pyi", False), ("a.txt", False), ("../a.py", False)]
)
def test_only_python_files_hold_stubs(path, python):
    assert is_python_path(path) is python


@pytest.mark.parametrize(
    ("allowed", "blocked", "path", "allows"),
    [
        ((), (), "src/a.py", True),
        (("src/**",), (), "src/x/a.py", True),
        (("src/**",), (), "lib/a.py", False),
        (("src/**", "!src/vendor/**"), (), "src/vendor/a.py", False),
        (("*.py",), (), "deep/down/a.py", True),
        ((), ("migrations/",), "app/migrations/a.py", False),
        (("src/**",), ("src/secret.py",), "src/secret.py", False),
        (("**",), (), ".github/workflows/a.py", False),
        ((), ("!.github/**",), ".github/a.py", False),
        ((), (), ".GitHub/workflows/a.py", False),
        ((), (), "docs/.github/a.py", True),
    ],
)
def test_given_patterns_then_a_path_may_be_written_or_not(allowed, blocked, path, allows):
    assert PathFilter(allowed, blocked).allows(path) is allows


@pytest.mark.parametrize(
    ("pattern", "valid"),
    [("src/**", True), ("*.py", True), ("", False), ("# x", False), ("  ", False), ("!", False)],
)
def test_given_a_pattern_then_it_is_known_before_it_is_used(pattern, valid):
    assert is_pattern(pattern) is valid


@given(st.text(max_size=30), st.text(max_size=30))
def test_given_any_pattern_that_is_one_then_asking_never_fails(pattern, path):
    if is_pattern(pattern):
        assert PathFilter([pattern], [pattern]).allows(path) is False
