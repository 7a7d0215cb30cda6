"""Characters that editors and chat windows put where Python wants plain ones."""

from __future__ import annotations

import re

from engine.cleanup.bidi import CONTROLS

_INVISIBLE = re.compile(f"[\ufeff\u200b\u200c\u200d\u2060\u00ad\x00\x1a{CONTROLS}]")
_TERMINAL = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\))")
"""What colours a terminal and names its window."""

_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_PLAIN = str.maketrans(
    {
        "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"', "＂": '"',
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "＇": "'",
        "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-",
        "…": "...", "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "→": "->",
        "（": "(", "）": ")", "［": "[", "］": "]", "｛": "{", "｝": "}",
        "，": ",", "：": ":", "；": ";", "＝": "=",
    }
)  # fmt: skip


def plain_text(text: str) -> str:
    """Line ends as line feeds, plain spaces, nothing invisible, nothing that cannot be encoded."""
    text = (
        text.replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\u2028", "\n")
        .replace("\u2029", "\n")
    )
    text = _TERMINAL.sub("", text)
    text = text.replace("\v", " ").replace("\f", " ")
    return _SURROGATES.sub("?", _SPACES.sub(" ", _INVISIBLE.sub("", text)))


def plain_punctuation(text: str) -> str:
    """Typographic quotes, dashes and operators as Python writes them."""
    return text.translate(_PLAIN)
