"""The simulated cascade, on tasks so plain that what each arrangement does can be said beforehand."""

import gzip
import io
import json

import pytest
from rich.console import Console

from bot.bench import cascade
from engine.errors import BadInput

RIGHT, WRONG = "1" * 12, "000011110000"


@pytest.fixture
def pool(tmp_path):
    """Four easy tasks: half of the codes are right, and pass all twelve asserts."""
    matrix = {
        "code_of_sample": [0, 1] * 10,
        "asserts_of_sample": [[i % 12, (i + 5) % 12] for i in range(20)],
        "passes": [RIGHT, WRONG],
        "correct": [True, False],
    }
    path = tmp_path / "pool.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join([json.dumps({"matrix": matrix})] * 4).encode()))
    return path


def rows(result, asked, price=None):
    [row] = [
        row
        for row in result["rows"]
        if row["asked"] == asked and row["of"] == "all" and price in (None, row["price"])
    ]
    return row


def test_a_good_cheap_small_model_saves_the_large_one(pool):
    result = cascade.run(pool, quick=True)
    large, first = rows(result, "large alone"), rows(result, "small, then large", 16)
    assert large["solved"] == large["right"] == 1
    assert first["right"] == 1
    assert first["cost"] < large["cost"]
    assert first["rate"] == pytest.approx(1000 * first["right"] / first["cost"])
    assert rows(result, "small, then large", 4)["cost"] > first["cost"]


def test_what_the_small_model_fails_at_is_right_once_its_codes_have_no_vote(pool, monkeypatch):
    monkeypatch.setattr(cascade, "SKILLS", (0.0,))  # it writes no right code, and no test
    result = cascade.run(pool, quick=True)
    assert rows(result, "small alone", 4)["right"] == 0
    assert rows(result, "small, then large", 4)["right"] == 1
    kept = rows(result, "and all votes kept", 4)
    assert kept["cost"] >= rows(result, "small, then large", 4)["cost"]


def test_the_same_seed_is_the_same_table(pool):
    first, again = (cascade.run(pool, seed=3, quick=True) for _ in range(2))
    assert first["rows"] == again["rows"]
    out = Console(file=io.StringIO(), width=120)
    cascade.report(first, out)
    printed = out.file.getvalue()
    assert "all tasks, 4 searches, seed 3" in printed
    assert "small, then large" in printed


def test_what_is_no_pool_is_told_in_one_line(tmp_path):
    (tmp_path / "no.jsonl").write_text("{}\n")
    with pytest.raises(BadInput, match="not a pool of samples"):
        cascade.run(tmp_path / "no.jsonl")
