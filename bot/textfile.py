"""A source file as text that goes back to disk byte for byte: encoding, BOM and line endings kept."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.errors import BadInput


@dataclass(frozen=True, slots=True)
class TextFile:
    """`text` has the file's own line endings; `encoding` is what its coding line or BOM says."""

    path: Path
    text: str
    encoding: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises BadInput when the file is missing, is a folder, or is not text in its encoding."""
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise BadInput(f"there is no file {path}") from error
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
        return cls.of(path, data)

    @classmethod
    def of(cls, path: Path, data: bytes) -> Self:
        """The file that `data` is the content of. Raises BadInput as `read` does."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return cls(path, data.decode(encoding), encoding)
        except (SyntaxError, UnicodeError, LookupError) as error:
            raise BadInput(f"{path} is not Python source text: {error}") from error

    def encoded(self, text: str) -> bytes:
        """New text as this file's bytes. Raises BadInput where its encoding cannot hold it."""
        try:
            return text.encode(self.encoding)
        except UnicodeError:
            # A body may hold what the file's old encoding cannot: only UTF-8 then, never a lossy write.
            message = f"{self.path} is {self.encoding}, which cannot hold the new body"
            raise BadInput(message) from None

    def write(self, text: str) -> None:
        """Replace the file's text, all of it or nothing. Raises BadInput when that cannot be done."""
        data = self.encoded(text)
        try:
            _replace(self.path.resolve(), data)
        except OSError as error:
            raise BadInput(f"cannot write {self.path}: {error.strerror or error}") from error


def _replace(path: Path, data: bytes) -> None:
    """Write beside the file and swap, so that a full disk or a kill leaves the old file whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, beside)
        beside.replace(path)
    except OSError:
        beside.unlink()
        raise
