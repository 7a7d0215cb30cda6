"""Text that others wrote as data: nothing hidden in it, nothing secret, nothing that GitHub acts upon.

What comes in (comments, issues, sources) goes through `plain` and `without_comments` before a model
reads it. What goes out goes through `bot.markdown`, or through `neutral` where there is no Markdown:
titles and commit messages, which GitHub scans for mentions and closing keywords all the same.
"""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029\x85]")
_KEPT_CONTROLS = "\n\t"
_ASCII_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_HIDDEN_MARKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0d\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
"""What shows nothing and is of no such category: fillers, and selectors that can carry a message."""

_COMMENT = re.compile(r"<!--(?:.*?-->|.*)", re.DOTALL)

JOINER = "\u200b"
"""Zero-width space: between a sign and a name, it keeps GitHub from reading them together."""

_ACTS = re.compile(
    r"@(?=\w)"  # a mention
    r"|\#(?=\d)"  # an issue, also owner/name#1
    r"|(?<=\bgh-)(?=\d)"  # an issue, the other way
    r"|:(?=//)"  # an address, which may be an issue's
    r"|(?<=\bwww)(?=\.)",
    re.IGNORECASE,
)

_SECRETS = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|.*)"
    r"|(?<![A-Za-z0-9])gh[opusr]_[A-Za-z0-9_]{16,}"
    r"|github_pat_[A-Za-z0-9_]{16,}"
    r"|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,}"
    r"|(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{16,}"
    r"|(?<![A-Za-z0-9])hf_[A-Za-z0-9]{24,}"
    r"|(?<![A-Za-z0-9])npm_[A-Za-z0-9]{24,}"
    r"|pypi-[A-Za-z0-9_-]{32,}"
    r"|(?<![A-Z0-9])A(?:KIA|SIA|GPA|IDA|ROA)[A-Z0-9]{16}(?![A-Z0-9])"
    r"|AIza[A-Za-z0-9_-]{35}"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"
    r"|(?<=://)[^\s/@:]{1,100}:[^\s/@]{1,200}(?=@)"
    r"|(?i:(?<=aws_secret_access_key)\W{1,10}[A-Za-z0-9/+=]{40})"
    r"|(?i:(?<=authorization: )(?:bearer|basic|token) [^\s\"']{8,})",
    re.DOTALL,
)

REDACTED = "[redacted]"

_CLOSES = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
    r"(?=:?\s{1,20}(?:(?:[\w.-]{1,100}/[\w.-]{1,100})?\#\d|gh-\d|https?://))",
    re.IGNORECASE,
)
"""A keyword with which GitHub closes an issue, before the issue."""


def plain(text: str) -> str:
    """The text with line feeds as line ends and without what cannot be seen.

    Zero-width, bidirectional and other format characters go, so do control characters, lone
    surrogates, tags and variation selectors, but for the two that style emoji.
    Tabs stay, form feeds do not.
    """
    text = _LINE_ENDS.sub("\n", text)
    if text.isascii():
        return _ASCII_CONTROLS.sub("", text)
    text = _HIDDEN_MARKS.sub("", text)
    return "".join(c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in _UNSEEN)


def hides_something(text: str) -> bool:
    """Whether a reader does not see all of the text: `plain` would take something out of it."""
    return plain(text) != _LINE_ENDS.sub("\n", text)


def without_comments(text: str) -> str:
    """Markdown without its HTML comments, which a reader does not see and a model does.

    A comment that is not closed hides all that follows it, so that goes as well. A blank takes its
    place: what was around it never becomes a comment of its own.
    """
    return _COMMENT.sub(" ", text)


def redact(text: str) -> str:
    """The text with everything that has the shape of a credential replaced.

    GitHub's and GitLab's tokens, keys of model vendors and package registries, AWS keys, JSON web
    tokens, private keys in PEM, passwords in addresses and authorization headers.
    """
    return _SECRETS.sub(REDACTED, text)


def quotable(text: str) -> str:
    """The text as it may be shown in a fence or a code span: `plain`, redacted, closing no issue.

    GitHub acts on nothing in there; but a squash can make a commit message of a pull request's body,
    and there a keyword closes issues whatever is around it.
    """
    return _CLOSES.sub(lambda match: f"{match[0]}{JOINER}", redact(plain(text)))


def neutral(text: str, *, limit: int = 200) -> str:
    """One line of at most `limit` characters of plain text that pings nobody and closes nothing."""
    line = " ".join(redact(plain(text)).split())
    return shortened(_ACTS.sub(lambda match: f"{match[0]}{JOINER}", line), limit)


def shortened(line: str, limit: int) -> str:
    """The line, or its start and an ellipsis, in at most `limit` characters."""
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"
