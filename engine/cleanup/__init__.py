"""Cleaning: whatever a model writes becomes Python, if it can.

`clean` takes a reply to a formatted module of imports and functions; `engine.cleanup.tests` does the
same for generated tests, splits them into single asserts and composes a test file from survivors.
Nothing in here runs any of the code it reads.
"""

from engine.cleanup.cleaned import Cleaned
from engine.cleanup.pipeline import clean

__all__ = ["Cleaned", "clean"]
