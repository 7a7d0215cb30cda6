"""What happens when an issue is labelled, or somebody comments on it."""

from __future__ import annotations

from bot.requests import RequestStatus

REPO = "octo/shop"
BODY = '''### File

shop/sums.py

### Stub

```python
def double(n):
    """Return twice n."""
    ...
```
'''


def test_a_labelled_issue_becomes_a_pull_request_that_closes_it(scene):
    number = scene.github.open_issue(REPO, "Double", BODY, by="ada")
    scene.github.label(REPO, number, "supercharge", by="ada")
    scene.hear()
    assert [x.name for x in scene.github.issue(REPO, number).labels] == ["supercharge:running"]
    scene.work()

    [own] = scene.own_pulls()
    pull = scene.github.issue(REPO, own)
    assert f"Closes #{number}" in pull.body
    assert pull.pull.base_ref == "main"
    source = scene.github.read(REPO, pull.pull.head_ref, "shop/sums.py").decode()
    assert "return 2 * n" in source
    assert [label.name for label in scene.github.issue(REPO, number).labels] == []
    assert f"#{own}" in scene.said(number)[0]


def test_the_stub_joins_a_file_that_is_there(scene):
    scene.github.push(REPO, "main", {"shop/sums.py": "def one():\n    return 1\n"}, by="ada")
    number = scene.github.open_issue(REPO, "Double", BODY, by="ada")
    scene.comment(number, "/supercharge")
    scene.work()

    [own] = scene.own_pulls()
    head = scene.github.issue(REPO, own).pull.head_ref
    source = scene.github.read(REPO, head, "shop/sums.py").decode()
    assert source.startswith("def one():\n    return 1\n\n\ndef double(n):\n")
    assert source.endswith("    return 2 * n\n")


def test_an_issue_that_names_nothing_is_shown_the_form(scene):
    number = scene.github.open_issue(REPO, "Please", "do something nice", by="ada")
    scene.github.label(REPO, number, "supercharge", by="ada")
    scene.work()

    [words] = scene.said(number)
    assert "### Stub" in words
    assert scene.store.list_requests() == []


def test_another_label_is_nothing_to_us(scene):
    number = scene.github.open_issue(REPO, "Double", BODY, by="ada")
    scene.github.label(REPO, number, "bug", by="ada")
    scene.work()

    assert scene.said(number) == []
    assert scene.store.list_requests() == []


def test_the_wish_for_another_base_is_heard(scene):
    scene.github.push(REPO, "next", {"x.txt": "x"}, by="ada")
    number = scene.github.open_issue(REPO, "Double", BODY, by="ada")
    scene.comment(number, "/supercharge base=next")
    scene.work()

    [own] = scene.own_pulls()
    assert scene.github.issue(REPO, own).pull.base_ref == "next"
    assert scene.store.list_requests()[0].status is RequestStatus.PR_OPENED
