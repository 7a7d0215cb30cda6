"""Every way to say no on GitHub: one polite line that says why, and what would help. Pure."""

from __future__ import annotations

from bot.markdown import code, sentence
from bot.repoconfig import AskPermission

CONFIG_PATH = ".github/supercharge.yml"


def no_permission(least: AskPermission) -> str:
    """Who asked may not."""
    return (
        f"Sorry, only people with {least.value} permission on this repository can ask for this;"
        " one of them can comment the same."
    )


def not_among_users() -> str:
    """Who asked has the permission, but the configuration leaves them out."""
    return f"Sorry, {code(CONFIG_PATH)} does not let you ask for this; its maintainers can."


def disabled() -> str:
    return (
        f"Sorry, supercharge is turned off here: {code(CONFIG_PATH)} says {code('enabled: false')}."
    )


def closed(*, on_pull: bool) -> str:
    what = "pull request" if on_pull else "issue"
    return f"Sorry, this {what} is closed; reopen it and ask again."


def path_blocked(path: str) -> str:
    return (
        f"Sorry, {code(path)} is not a file that I may write here; {code('paths')} and"
        f" {code('blocked_paths')} in {code(CONFIG_PATH)} decide."
    )


def cannot(message: str) -> str:
    """What was asked for cannot be done; `message` is a BadInput's, and may quote anything."""
    return f"Sorry, that cannot be done: {sentence(message)}"


def no_stubs() -> str:
    """A pull request that has nothing to fill."""
    return (
        "There is nothing to fill: this pull request adds or touches no stub. Name one with"
        f" {code('/supercharge path/to/file.py::function')}."
    )


def no_stub_at_line() -> str:
    return (
        "There is no stub at this line; comment on the function's own lines, or name it with"
        f" {code('/supercharge path/to/file.py::function')}."
    )


def too_many_open(limit: int) -> str:
    return (
        f"Sorry, {limit} of my pull requests are open here, as many as {code('max_open_prs')} allows;"
        " merge or close one and ask again."
    )


def too_many_stubs(count: int, limit: int) -> str:
    """One command that asks for more than one command may."""
    return (
        f"Sorry, that is {count} stubs at once, and I take {limit} at most; name one with"
        f" {code('/supercharge path/to/file.py::function')}."
    )


def queue_full() -> str:
    return "Sorry, my queue is full; ask again later."


def no_file(path: str) -> str:
    return f"Sorry, there is no file {code(path)} on that branch."


def day_limit(limit: int) -> str:
    return (
        f"Sorry, you have asked for {limit} stubs in a day, as many as"
        f" {code('max_requests_per_user_day')} allows; ask again tomorrow."
    )


def no_branch(base: str) -> str:
    return f"Sorry, there is no branch {code(base)} in this repository."


def own_pull_only(verb: str) -> str:
    """`improve` outside of a pull request of ours."""
    return f"Sorry, {code(verb)} works on a pull request that I have opened; comment there."


def nothing_to(verb: str) -> str:
    """`cancel`, `retry`, `status` or `explain` where there is no request that it could be for."""
    return f"There is nothing to {verb} here; {code('/supercharge')} starts something."


def stub_changed(path: str, qualname: str) -> str:
    return (
        f"{code(qualname)} in {code(path)} changed while its body was written, so nothing was pushed;"
        f" {code('/supercharge')} starts again with what is there now."
    )


def lost_permission() -> str:
    """Who asked may no longer, when the pull request is to be opened."""
    return "Sorry, whoever asked for this no longer may, so no pull request was opened."


def not_granted(message: str) -> str:
    """GitHub does not let the App do it."""
    return f"Sorry, GitHub does not let me do that here: {sentence(message)}"
