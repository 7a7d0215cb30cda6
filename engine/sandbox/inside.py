"""Where everything inside the sandbox starts: `python -m engine.sandbox.inside SETTINGS`.

The code server is forked before pytest is imported, so that it stays small, and before anything is
read, so that it knows nothing.
"""

from __future__ import annotations

import json
import os
import sys

from engine.sandbox import codeserver

_LINK = "/links/tmp"
"""What /tmp leads to: the directory of whoever asks, so that pairs side by side share no file there."""


def main(arguments: list[str]) -> int:
    """Start the code server where candidates have users of their own, then the runner."""
    settings = json.loads(arguments[0])
    _link_tmp()
    server = codeserver.CodeServer.spawn() if settings["uids"] else None
    from engine.sandbox import runner  # imports pytest

    return runner.main(settings, server)


def _link_tmp() -> None:
    """Make the link that a runtime could not be shown while it started (`DockerEngine`)."""
    if not os.path.islink(_LINK) and os.path.isdir(_LINK):
        os.rename(_LINK, f"{_LINK}-at-start")
        os.symlink("/proc/self/cwd", _LINK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
