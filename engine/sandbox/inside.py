"""Where everything inside the sandbox starts: `python -m engine.sandbox.inside SETTINGS`.

The code server is forked before pytest is imported, so that it stays small, and before anything is
read, so that it knows nothing.
"""

from __future__ import annotations

import json
import sys

from engine.sandbox import codeserver


def main(arguments: list[str]) -> int:
    """Start the code server where candidates have users of their own, then the runner."""
    settings = json.loads(arguments[0])
    server = codeserver.CodeServer.spawn() if settings["uids"] else None
    from engine.sandbox import runner  # imports pytest

    return runner.main(settings, server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
