"""What users see, compared letter for letter with what was agreed on.

    UPDATE_SNAPSHOTS=1 pytest tests/bot

writes the files anew: read the difference before you commit it. They are Markdown named `.txt`, since
ruff formats the Python in `.md` files.
"""

import difflib
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def assert_matches(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.is_file(), f"no snapshot {name}: write it with UPDATE_SNAPSHOTS=1"
    agreed = path.read_text(encoding="utf-8")
    changed = difflib.unified_diff(
        agreed.splitlines(), text.splitlines(), "agreed", "now", lineterm=""
    )
    assert text == agreed, "\n".join(changed)
