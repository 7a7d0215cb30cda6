"""What the judge thinks of a code base: every function with a body, the worst first."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bot import score
from bot.settings import Settings
from engine.errors import BadInput
from engine.llm.settings import ModelSettings

SCRIPT = {
    "replies": {"": [" 0.7"]},
    "choices": {"def bad": {" 0.1": 1.0}, "def good": {" 0.9": 1.0}, "": {" 0.5": 1.0}},
}
BAD = "def bad(n):\n    return n\n"
GOOD = """class Shelf:
    @property
    def good(self):
        return 1

    def stub(self):
        ...
"""
NESTED = "def other():\n    def inner(): return 1\n    return inner\n"


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return scripted(tmp_path_factory, SCRIPT)


def scripted(factory: pytest.TempPathFactory, script: object) -> Settings:
    path = factory.mktemp("script") / "script.json"
    path.write_text(json.dumps(script))
    return Settings(model=ModelSettings(backend="scripted", model=str(path)))


def near(score: float) -> object:
    return pytest.approx(score, abs=0.001)


def shown(scores: score.Scores) -> list[tuple[str, int, str, float | None]]:
    return [
        (Path(s.function.path).name, s.function.line, s.function.qualname, s.score)
        for s in scores.scored
    ]


def test_every_function_with_a_body_is_judged_and_the_worst_comes_first(tmp_path, settings):
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "b.py").write_text(f"{BAD}\n\n{NESTED}")
    scores = score.run(tmp_path, settings)
    assert shown(scores) == [
        ("b.py", 1, "bad", near(0.1)),
        ("b.py", 5, "other", near(0.5)),
        ("a.py", 3, "Shelf.good", near(0.9)),
    ]
    assert scores.scored[2].function.source == "@property\ndef good(self):\n    return 1\n"


def test_a_model_without_probabilities_is_asked_for_words(tmp_path, tmp_path_factory):
    (tmp_path / "b.py").write_text(BAD)
    asked = scripted(tmp_path_factory, {"replies": SCRIPT["replies"]})
    assert shown(score.run(tmp_path / "b.py", asked)) == [("b.py", 1, "bad", 0.7)]


def test_what_git_ignores_or_hides_is_left_out(tmp_path, settings):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("build/\n")
    for folder in ("build", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "b.py").write_text(BAD)
    assert [s.function.path for s in score.run(tmp_path, settings).scored] == [
        str(tmp_path / "kept" / "b.py")
    ]


def test_outside_of_git_hidden_folders_are_left_out(tmp_path, settings, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for folder in (".venv", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "b.py").write_text(BAD)
    assert len(score.run(tmp_path, settings).scored) == 1


def test_a_file_that_does_not_parse_is_told_and_keeps_nobody_from_the_others(tmp_path, settings):
    (tmp_path / "a.py").write_text("def broken(:\n")
    (tmp_path / "b.py").write_text(BAD)
    scores = score.run(tmp_path, settings)
    assert len(scores.scored) == 1
    [line] = scores.skipped
    assert "a.py:1: does not parse" in line


def test_a_function_that_is_too_long_has_no_score_and_comes_last(tmp_path, settings):
    lines = "    n = n\n" * 9_000
    (tmp_path / "a.py").write_text(f"def bad(n):\n{lines}\n\n{GOOD}")
    assert [s.score for s in score.run(tmp_path, settings).scored] == [
        near(0.9),
        None,
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("nowhere.py", None, "there is no file or folder"),
        ("stubs.py", "def f():\n    ...\n", "no function with a body"),
        ("broken.py", "def f(:\n", "does not parse"),
    ],
)
def test_where_there_is_nothing_to_score_it_is_said(tmp_path, settings, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=words):
        score.run(tmp_path / name, settings)


def test_the_json_has_them_all(tmp_path, settings):
    (tmp_path / "b.py").write_text(BAD)
    score.write_json(score.run(tmp_path, settings), tmp_path / "scores.json")
    told = json.loads((tmp_path / "scores.json").read_text())
    assert told["functions"] == [
        {
            "path": str(tmp_path / "b.py"),
            "line": 1,
            "qualname": "bad",
            "score": near(0.1),
        }
    ]
    assert told["judge_weight"] == 0.0
