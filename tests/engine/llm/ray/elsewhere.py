"""Opening a model on a cluster from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]

_SCRIPT = """
import json, sys
from engine.errors import ModelUnavailable
from engine.llm import ModelSettings, open_model
try:
    open_model(ModelSettings(backend="ray", ray_address=sys.argv[1]))
except ModelUnavailable as error:
    print(json.dumps([str(error), error.remedy]))
"""


def opened_elsewhere(address: str) -> tuple[str, str]:
    """What a process is told that has no cluster at this address: the error and its remedy."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told, remedy = json.loads(ran.stdout)
    return told, remedy
