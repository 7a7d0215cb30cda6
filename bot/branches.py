"""Names of branches: those that people give, and the one that a request's work goes to."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata

PREFIX = "supercharge"
_MAX = 200
_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


def is_branch_name(name: str) -> bool:
    """Whether git takes `name` for a branch (git-check-ref-format) and no tool for an option."""
    return (
        0 < len(name) <= _MAX
        and not _BAD.search(name)
        and not name.startswith(("/", "-", "."))
        and not name.endswith(("/", "."))
        and name not in ("@", "HEAD")
        and not name.startswith("refs/")
    )


def branch_name(*, on_pull: bool, number: int, qualname: str, path: str, key: str) -> str:
    """`supercharge/<issue|pr>-<n>-<function>-<short hash>`: the same for the same request.

    `number` is that of the issue, or with `on_pull` of the pull request. `key` names the
    request among others for the same function: who asks again gets another branch.
    """
    function = qualname.rpartition(".")[2]
    bare = unicodedata.normalize("NFKD", function).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", bare).strip("-_")[:40] or "function"
    subject = "pr" if on_pull else "issue"
    told = json.dumps([subject, number, path, qualname, key])
    short = hashlib.sha256(told.encode()).hexdigest()[:8]
    return f"{PREFIX}/{subject}-{number}-{slug}-{short}"
