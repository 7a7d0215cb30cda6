"""What users see, compared letter for letter with what was agreed on.

    UPDATE_SNAPSHOTS=1 pytest tests/bot

writes the files anew: read the difference before you commit it.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"


def assert_matches(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert path.is_file(), f"no snapshot {name}: write it with UPDATE_SNAPSHOTS=1"
    assert text == path.read_text(encoding="utf-8")
