"""What a check run says."""

import pytest

from bot.checks import check_text, config_check_text
from bot.repoconfig import Problem
from bot.requests import RequestStatus
from bot.statuscomment import requests_table
from tests.bot.markup import HOSTILE, acts
from tests.bot.test_statuscomment import VIEWS, view


@pytest.mark.parametrize("status", list(RequestStatus))
def test_given_one_request_then_its_title_says_where_it_stands(status):
    said = check_text([view(status)])

    assert said.title.startswith("gcd: ")
    assert said.summary == requests_table([view(status)])


def test_given_several_requests_then_the_title_counts_them():
    assert check_text(VIEWS).title == (
        "9 stubs: 1 in the queue, 1 at work, 1 waiting, 2 solved, 1 not solved, 1 internal error,"
        " 1 cancelled, 1 refused"
    )


def test_given_a_configuration_with_mistakes_then_the_title_counts_them():
    one, two = Problem(1, "draft is given twice"), Problem(2, "x")

    assert config_check_text([one]).title == ".github/supercharge.yml has a mistake"
    assert config_check_text([one, two]).title == ".github/supercharge.yml has 2 mistakes"
    assert "- line 1: draft is given twice" in config_check_text([one]).summary


@pytest.mark.parametrize("text", HOSTILE)
def test_given_a_hostile_name_then_the_title_is_one_harmless_line(text):
    title = check_text([view(qualname=text)]).title

    assert not acts(title)
    assert "\n" not in title
