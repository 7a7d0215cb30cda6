"""A commit's files in a directory, by git over HTTPS. The token is never in a URL or an argument."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.forge.errors import ForgeError, NotFound, Unauthorized, Unavailable

_TIMEOUT_S = 300.0
_PASSED_ON = (
    "PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
    "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY",
)  # fmt: skip
"""All that git gets of our environment: the rest may hold secrets that it has no use for."""

_OPTIONS: Mapping[str, str] = {
    # A redirection would take the token to another host.
    "http.followRedirects": "false",
    "core.hooksPath": os.devnull,
    "core.symlinks": "false",
    "core.autocrlf": "false",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "advice.detachedHead": "false",
    "gc.auto": "0",
}


def checkout(
    url: str,
    sha: str,
    directory: Path,
    *,
    token: str,
    only_https: bool,
    timeout_s: float = _TIMEOUT_S,
) -> None:
    """Puts the files of commit `sha` of the repository at `url` into `directory`, which must be empty.

    Raises NotFound where the repository has no such commit, Unauthorized where it refuses the
    token, OSError (ENOSPC, EDQUOT) where our own disk is full, and Unavailable for everything else, a
    missing git included.
    """
    if only_https and not url.startswith("https://"):
        raise Unavailable("the clone URL is not https: the token is not sent there")
    directory.mkdir(parents=True, exist_ok=True)
    # Beside the files: whoever removes what a killed process left there removes this as well.
    with tempfile.TemporaryDirectory(prefix=".git-", dir=directory.parent) as folder:
        git = _Git(Path(folder), directory, url, token, timeout_s)
        git.run("init", "--quiet", "--template=", "--initial-branch=none")
        try:
            git.run("fetch", "--quiet", "--no-tags", "--depth=1", "origin", sha)
        except _NotAdvertised:
            # Some servers give a commit only by way of the refs that lead to it.
            every = ("+refs/heads/*:refs/remotes/origin/*", "+refs/pull/*/head:refs/remotes/pull/*")
            git.run("fetch", "--quiet", "--no-tags", "origin", *every)
        git.run("checkout", "--quiet", "--force", "--detach", sha)


class _NotAdvertised(Exception):
    """The server does not give a commit by its hash."""


class _Git:
    """git with its own folder outside the work tree, and an environment made for it."""

    def __init__(self, folder: Path, tree: Path, url: str, token: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._place = ("--git-dir", str(folder / "git"), "--work-tree", str(tree))
        credential = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
        options = {
            **_OPTIONS,
            "remote.origin.url": url,
            f"http.{url}.extraHeader": f"Authorization: Basic {credential}",
        }
        self._environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_CONFIG_COUNT": str(len(options)),
        }
        for number, (key, value) in enumerate(options.items()):
            self._environment[f"GIT_CONFIG_KEY_{number}"] = key
            self._environment[f"GIT_CONFIG_VALUE_{number}"] = value

    def run(self, *arguments: str) -> None:
        try:
            ran = subprocess.run(
                ["git", *self._place, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._timeout_s,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"git {arguments[0]}: no end after {self._timeout_s:.0f} s"
            ) from error
        except FileNotFoundError as error:
            raise Unavailable("git is missing", remedy="apt-get install git") from error
        if ran.returncode:
            raise _failure(arguments[0], ran.stderr)


def _failure(what: str, said: str) -> ForgeError | OSError | _NotAdvertised:
    lines = [line for line in said.splitlines() if line.strip()]
    text = f"git {what}: {lines[-1] if lines else 'failed without a word'}"
    # The server's own words come as "remote: …": its disk is not ours.
    ours = [line for line in lines if not line.startswith("remote:")]
    for number in (errno.ENOSPC, errno.EDQUOT):
        if any(os.strerror(number) in line for line in ours):
            return OSError(number, os.strerror(number))
    low = said.lower()
    if what == "fetch" and ("not our ref" in low or "unadvertised object" in low):
        return _NotAdvertised(text)
    if "authentication failed" in low or "could not read" in low or " 401" in low:
        return Unauthorized(text)
    if "not found" in low or " 404" in low or "reference is not a tree" in low:
        return NotFound(text)
    if what == "checkout" and ("unable to read tree" in low or "did not match" in low):
        return NotFound(text)
    return Unavailable(text)
