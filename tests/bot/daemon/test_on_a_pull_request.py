"""What happens when somebody comments on a pull request that has stubs."""

from __future__ import annotations

from bot.forge.values import Permission
from bot.requests import RequestStatus
from engine.llm.scripted import Reply

REPO = "octo/shop"
STUB = 'def double(n):\n    """Return twice n."""\n    raise NotImplementedError\n'
RIGHT = Reply("\n    return 2 * n\n", logprob=-0.1)
WRONG = Reply("\n    return n\n", logprob=-0.9)


def test_a_comment_in_a_pull_request_out(scene):
    number = scene.pull_with_stub()
    comment = scene.comment(number, "/supercharge")
    scene.hear()

    assert scene.github.reactions(REPO, comment) == ["eyes"]
    [status] = scene.status(number)
    assert "queued, place 1 in the queue" in status

    scene.work()

    [own] = scene.own_pulls()
    pull = scene.github.issue(REPO, own)
    assert pull.pull.draft
    assert pull.pull.base_ref == "feature"
    assert "## Judge score and evidence" in pull.body
    head = pull.pull.head_ref
    assert head.startswith(f"supercharge/pr-{number}-double-")
    source = scene.github.read(REPO, head, "shop/sums.py").decode()
    assert source == 'def double(n):\n    """Return twice n."""\n    return 2 * n\n'
    test = scene.github.read(REPO, head, "tests/test_double.py").decode()
    assert "from shop.sums import double" in test
    [last_word] = scene.said(number)
    assert f"#{own}" in last_word
    assert scene.github.reactions(REPO, comment) == ["eyes", "rocket"]
    [status] = scene.status(number)
    assert f"solved: #{own}" in status
    [check] = scene.github.check_runs(REPO)
    assert (check.name, check.status, check.conclusion) == ("supercharge", "completed", "success")
    [request] = scene.store.list_requests()
    assert request.status is RequestStatus.PR_OPENED
    assert scene.store.history(request.id)[-1].new is RequestStatus.PR_OPENED


def test_every_stub_that_the_pull_request_touches_is_a_request_on_one_status_comment(scene):
    two = (
        'def double(n):\n    """Return twice n."""\n    ...\n\n\n'
        'def triple(n):\n    """Return thrice n."""\n    ...\n\n\n'
        "def done(n):\n    return n\n"
    )
    number = scene.pull_with_stub({"shop/sums.py": two})
    scene.comment(number, "Please\n\n/supercharge")
    scene.hear()

    assert [r.qualname for r in scene.store.list_requests()] == ["triple", "double"]
    [status] = scene.status(number)
    assert "`double` in `shop/sums.py`" in status
    assert "`triple` in `shop/sums.py`" in status


def test_a_comment_on_a_line_asks_for_the_stub_there(scene):
    two = (
        'def double(n):\n    """Return twice n."""\n    ...\n\n\n'
        'def triple(n):\n    """Return thrice n."""\n    ...\n'
    )
    number = scene.pull_with_stub({"shop/sums.py": two})
    asked = scene.github.review_comment(
        REPO, number, "/supercharge", by="ada", path="shop/sums.py", line=7
    )
    scene.hear()

    [request] = scene.store.list_requests()
    assert request.qualname == "triple"
    assert scene.github.reactions(REPO, asked) == ["eyes"]


def test_a_redelivered_comment_changes_nothing(scene):
    number = scene.pull_with_stub()
    scene.github.faults.duplicate_deliveries = 3
    scene.comment(number, "/supercharge")
    scene.work()

    assert len(scene.store.list_requests()) == 1
    assert len(scene.own_pulls()) == 1
    assert len(scene.said(number)) == 1
    assert len(scene.status(number)) == 1


def test_who_may_only_read_is_refused_once_in_words_and_then_by_a_reaction(scene):
    number = scene.pull_with_stub()
    first = scene.comment(number, "/supercharge", by="mallory")
    second = scene.comment(number, "/supercharge retry", by="mallory")
    scene.work()

    assert scene.github.reactions(REPO, first) == ["-1"]
    assert scene.github.reactions(REPO, second) == ["-1"]
    [words] = scene.said(number)
    assert words.startswith("Sorry, only people with write permission")
    assert scene.store.list_requests() == []


def test_a_fork_is_never_pushed_to_and_gets_the_code_in_words(scene):
    scene.github.fork(REPO, by="mallory")
    number = scene.github.open_pull(
        REPO, by="mallory", head="patch", from_fork="mallory/shop", files={"shop/sums.py": STUB}
    )
    scene.comment(number, "/supercharge")
    scene.work()

    assert scene.own_pulls() == []
    [words] = scene.said(number)
    assert "comes from a fork" in words
    assert "return 2 * n" in words
    assert scene.store.list_requests()[0].status is RequestStatus.ANSWERED


def test_a_dry_run_shows_the_code_and_pushes_nothing(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge dry-run")
    scene.work()

    assert scene.own_pulls() == []
    [words] = scene.said(number)
    assert "dry run" in words
    assert "return 2 * n" in words


def test_what_is_not_solved_waits_and_the_retry_goes_on_with_the_same_pool(scene):
    scene.mind.codes = (WRONG,)
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()

    [request] = scene.store.list_requests()
    assert request.status is RequestStatus.WAITING
    before = scene.store.get_pool(request.pool_id).size
    [status] = scene.status(number)
    assert "waiting until" in status

    scene.mind.codes = (RIGHT,)
    scene.comment(number, "/supercharge retry")
    scene.work()

    [request] = scene.store.list_requests()
    assert request.status is RequestStatus.PR_OPENED
    assert scene.store.get_pool(request.pool_id).size > before
    assert len(scene.own_pulls()) == 1


def test_a_stub_that_got_a_body_meanwhile_is_left_alone(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    body = 'def double(n):\n    """Return twice n."""\n    return n + n\n'
    scene.github.push(REPO, "feature", {"shop/sums.py": body}, by="ada")
    scene.work()

    assert scene.own_pulls() == []
    [words] = scene.said(number)
    assert "changed while its body was written" in words


def test_a_file_that_changed_around_the_stub_is_written_as_it_is_now(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    scene.github.push(REPO, "feature", {"shop/sums.py": f"# Sums.\n\n{STUB}"}, by="ada")
    scene.work()

    [own] = scene.own_pulls()
    head = scene.github.issue(REPO, own).pull.head_ref
    source = scene.github.read(REPO, head, "shop/sums.py").decode()
    assert source == '# Sums.\n\ndef double(n):\n    """Return twice n."""\n    return 2 * n\n'


def test_who_lost_the_permission_meanwhile_gets_no_pull_request(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    scene.github.set_role(REPO, "ada", Permission.READ)
    scene.work()

    assert scene.own_pulls() == []
    assert scene.store.list_requests()[0].status is RequestStatus.REFUSED


def test_a_pull_request_without_a_stub_is_told_so(scene):
    number = scene.pull_with_stub({"shop/sums.py": "def f():\n    return 1\n"})
    scene.comment(number, "/supercharge")
    scene.work()

    [words] = scene.said(number)
    assert "There is nothing to fill" in words


def test_the_bots_own_words_never_start_it_again(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge help")
    scene.comment(number, "/supercharge")
    scene.work()

    assert len(scene.store.list_requests()) == 1


def test_improve_on_the_bots_pull_request_grows_the_same_pool_and_pull_request(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    [own] = scene.own_pulls()
    head = scene.github.issue(REPO, own).pull.head_ref

    scene.mind.codes = (Reply("\n    return n + n\n", logprob=-0.2),)
    asked = scene.comment(own, '/supercharge improve "add instead of multiplying"')
    scene.work()

    assert scene.own_pulls() == [own]
    source = scene.github.read(REPO, head, "shop/sums.py").decode()
    assert source == 'def double(n):\n    """Return twice n."""\n    return n + n\n'
    changed = scene.github.diff(REPO, own)
    assert changed.count("--- tests/test_double") == 1
    assert "from shop.sums import double" in changed
    assert scene.github.reactions(REPO, asked) == ["eyes", "rocket"]
    assert "There is a new version of `double`" in scene.said(own)[-1]
    body = scene.github.issue(REPO, own).body
    assert "add instead of multiplying" in body
    assert f"Goes into the branch of #{number}" in body
    new, old = scene.store.list_requests()
    assert new.pool_id == old.pool_id


def test_a_review_that_requests_changes_is_a_wish(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.work()
    [own] = scene.own_pulls()
    scene.github.review(REPO, own, "add instead of multiplying", by="ada")
    scene.hear()

    assert scene.store.list_requests()[0].options.wish == "add instead of multiplying"


def test_improve_elsewhere_is_refused(scene):
    number = scene.pull_with_stub()
    scene.comment(number, '/supercharge improve "faster"')
    scene.work()

    assert "works on a pull request that I have opened" in scene.said(number)[0]


def test_a_stub_whose_module_imports_its_neighbours_is_filled_among_them(scene):
    module = 'from .factors import TWO\n\n\ndef double(n):\n    """Return twice n."""\n    ...\n'
    number = scene.pull_with_stub(
        {"shop/__init__.py": "", "shop/factors.py": "TWO = 2\n", "shop/sums.py": module}
    )
    scene.mind.codes = (Reply("\n    return TWO * n\n", logprob=-0.1),)
    scene.comment(number, "/supercharge")
    scene.work()

    [own] = scene.own_pulls()
    head = scene.github.issue(REPO, own).pull.head_ref
    source = scene.github.read(REPO, head, "shop/sums.py").decode()
    assert source == module.replace("    ...\n", "    return TWO * n\n")


def test_a_test_that_does_not_pass_in_the_repository_opens_no_pull_request(scene):
    number = scene.pull_with_stub()
    scene.comment(number, "/supercharge")
    scene.hear()
    # Imported by its real name the module is another one than the sandbox ran alone.
    broken = "raise RuntimeError('this package cannot be imported')\n"
    scene.github.push(REPO, "feature", {"shop/__init__.py": broken}, by="ada")
    scene.work()

    assert scene.own_pulls() == []
    [words] = scene.said(number)
    assert "does not pass in a checkout of the repository" in words
