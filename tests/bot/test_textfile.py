"""A source file goes back to disk byte for byte, all of it or nothing."""

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.textfile import TextFile
from engine.errors import BadInput


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1",
        b"x = 1\r\ny = 2\n",
        "x = 'ü'\n".encode(),
        b"\xef\xbb\xbfx = 1\r\n",
        "# coding: latin-1\nx = 'ü'\n".encode("latin-1"),
        "#!/usr/bin/python\n# -*- coding: cp1252 -*-\nx = '€'\n".encode("cp1252"),
    ],
)
def test_given_any_encoding_and_line_ends_then_what_was_read_is_written_back(tmp_path, data):
    path = tmp_path / "a.py"
    path.write_bytes(data)

    file = TextFile.read(path)
    file.write(file.text)

    assert path.read_bytes() == data
    assert not file.text.startswith("\ufeff")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_given_any_text_then_it_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.py"
    data = f"# {text}".encode()
    path.write_bytes(data)
    try:
        file = TextFile.read(path)
    except BadInput:
        assert "coding" in text
        return
    file.write(file.text)

    assert path.read_bytes() == data


def test_given_a_file_in_an_old_encoding_then_new_letters_are_refused_not_lost(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: latin-1\n")

    with pytest.raises(BadInput, match="is iso-8859-1, which cannot hold the new body"):
        TextFile.read(path).write("# coding: latin-1\nx = '数'\n")

    assert path.read_bytes() == b"# coding: latin-1\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"x = '\xff'\n", "is not Python source text"),
        (b"# coding: spam\n", "is not Python source text"),
        (b"# coding: rot13\n", "is not Python source text"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "is not Python source text"),
    ],
)
def test_given_bytes_that_are_no_source_text_then_one_line_says_so(tmp_path, data, said):
    path = tmp_path / "a.py"
    path.write_bytes(data)

    with pytest.raises(BadInput, match=said) as raised:
        TextFile.read(path)
    assert "\n" not in str(raised.value)


def test_given_no_file_or_a_folder_then_one_line_says_so(tmp_path):
    with pytest.raises(BadInput, match=r"^there is no file .*missing\.py$"):
        TextFile.read(tmp_path / "missing.py")
    with pytest.raises(BadInput, match=r"^cannot read .*: Is a directory$"):
        TextFile.read(tmp_path)


def test_when_a_file_is_written_then_its_mode_and_its_links_stay(tmp_path):
    path, link = tmp_path / "a.py", tmp_path / "link.py"
    path.write_text("x = 1\n")
    path.chmod(0o751)
    link.symlink_to(path)

    TextFile.read(link).write("x = 2\n")

    assert link.is_symlink()
    assert path.read_text() == "x = 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o751


def test_given_a_disk_that_fails_then_the_old_file_is_whole_and_nothing_is_left(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    file = TextFile.read(path)

    def full(handle):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match=r"^cannot write .*a\.py: No space left on device$"):
        file.write("x = 2\n")

    assert path.read_text() == "x = 1\n"
    assert list(tmp_path.iterdir()) == [path]
