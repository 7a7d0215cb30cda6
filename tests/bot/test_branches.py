"""Names of branches, held against git itself."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.branches import branch_name, is_branch_name


def git_takes(name: str) -> bool:
    ran = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True)
    return ran.returncode == 0


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("main", True),
        ("release/1.2", True),
        ("feature/größe", True),
        ("a@b", True),
        ("a-", True),
        ("", False),
        ("a b", False),
        ("-a", False),
        ("a..b", False),
        ("a.lock", False),
        ("a.lock/b", False),
        (".a", False),
        ("a/.b", False),
        ("a//b", False),
        ("/a", False),
        ("a/", False),
        ("a.", False),
        ("a~1", False),
        ("a^", False),
        ("a:b", False),
        ("a?", False),
        ("a*", False),
        ("a[b", False),
        ("a\\b", False),
        ("a@{1}", False),
        ("HEAD", False),
        ("a\x7f", False),
        ("a\nb", False),
    ],
)
def test_given_a_name_then_we_say_of_it_what_git_says(name, valid):
    assert is_branch_name(name) is valid
    assert git_takes(name) is valid


def test_given_a_ref_that_would_leave_the_branches_then_it_is_no_branch_name():
    assert not is_branch_name("refs/heads/main")
    assert not is_branch_name("a" * 201)
    assert not is_branch_name("@")  # git reads it as HEAD


def name_of(**changed: object) -> str:
    given_ = {"on_pull": True, "number": 7, "qualname": "Stack.push", "path": "a.py", "key": "r1"}
    return branch_name(**{**given_, **changed})


def test_given_a_request_then_its_branch_names_what_it_is_for():
    assert name_of().startswith("supercharge/pr-7-push-")
    assert name_of(on_pull=False).startswith("supercharge/issue-7-push-")
    assert name_of(qualname="_größe").startswith("supercharge/pr-7-groe-")
    assert name_of(qualname="数").startswith("supercharge/pr-7-function-")


def test_given_the_same_request_then_it_is_the_same_branch_and_another_one_otherwise():
    others = [
        name_of(number=8),
        name_of(on_pull=False),
        name_of(qualname="Queue.push"),
        name_of(path="b.py"),
        name_of(key="r2"),
    ]

    assert name_of() == name_of()
    assert len({name_of(), *others}) == 6


@given(st.booleans(), st.integers(1, 10**9), st.text(), st.text(), st.text())
def test_given_any_names_then_the_branch_is_valid(on_pull, number, qualname, path, key):
    name = branch_name(on_pull=on_pull, number=number, qualname=qualname, path=path, key=key)

    assert is_branch_name(name)
    assert name.isascii()
    assert len(name) < 100
