"""The one reader of configuration files and of the environment.

A value comes, in rising order of strength, from the defaults, from the first configuration file that
exists, and from an environment variable `SUPERCHARGE_<SECTION>_<KEY>`. An unknown key is an error.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from bot.forge.settings import GitHubSettings
from bot.retry import RetryPolicy
from engine.errors import BadInput
from engine.llm.settings import ModelSettings
from engine.policy import Budget
from engine.prompts import PromptFormat
from engine.sandbox.base import SandboxSettings

PREFIX = "SUPERCHARGE_"


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Bounds of one search; the command line and a command's `key=value` override them."""

    candidates: int = 96
    """Code replies to ask for, improvements included."""
    tests: int = 48
    """Test replies to ask for, each a function of several asserts."""
    minutes: float = 10.0
    """Wall-clock time."""
    threshold: float = 0.8
    """The score, 0 to 1, from which a pair is good enough."""
    min_asserts: int = 4
    """Fewest distinct asserts that must survive before anything is claimed."""
    code_batch: int = 16
    """Code replies per ask."""
    test_batch: int = 12
    """Test replies per ask."""
    asks_at_once: int = 2
    """Asks that share the model's batch: 2 asks for codes and tests at the same time."""
    temperature: float = 0.8
    """Of the first asks; later ones are a little hotter."""
    max_tokens: int = 256
    """Most tokens per reply."""
    timeout_s: float = 10.0
    """Wall-clock seconds per code/test pair."""
    prompt_format: PromptFormat = PromptFormat.AUTO
    """`auto` (the model's chat template, else a transcript), `chat` or `transcript`."""

    def __post_init__(self) -> None:
        counts = (
            "candidates", "tests", "minutes", "min_asserts", "code_batch", "test_batch", "max_tokens",
            "timeout_s", "asks_at_once",
        )  # fmt: skip
        for key in counts:
            if not 0 < getattr(self, key) < math.inf:
                raise BadInput(f"search.{key} must be more than 0, not {getattr(self, key)}")
        if not 0 < self.threshold <= 1:
            raise BadInput(f"search.threshold must be between 0 and 1, not {self.threshold}")
        if not 0 <= self.temperature <= 2:
            raise BadInput(f"search.temperature must be between 0 and 2, not {self.temperature}")


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How much the model's own judgement counts beside execution."""

    weight: float = 0.0
    """0 (the judge is noise: told, not obeyed) to 1. What it was measured to know: 2 × AUC − 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise BadInput(f"judge.weight must be between 0 and 1, not {self.weight}")


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where deliveries, requests and pools are kept."""

    url: str = field(default="", repr=False)
    """`sqlite:////path/to/file.db` or `postgresql://user@host/name`; empty is a file in `state_dir`."""

    def store_url(self, environ: Mapping[str, str] | None = None) -> str:
        return self.url or f"sqlite:///{database_file(environ)}"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What proves that a delivery is GitHub's. Best given by the environment."""

    secret: str = field(default="", repr=False)
    """The webhook's secret; without one nothing is served."""
    old_secret: str = field(default="", repr=False)
    """The one before, while a new one is rolled out."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for secret in (self.secret, self.old_secret) if secret)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where deliveries are taken. Put a proxy that speaks TLS before it."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8080
    """The port to listen on; 0 takes a free one and says which."""
    threads: int = 8
    """Deliveries that are answered at the same time."""

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise BadInput(f"web.port must be between 0 and 65535, not {self.port}")
        if not 1 <= self.threads <= 256:
            raise BadInput(f"web.threads must be between 1 and 256, not {self.threads}")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker holds what it works on."""

    lease_s: float = 60.0
    """Seconds after which a worker that shows no sign of life is taken to be dead."""
    requests: int = 1
    """Requests that one worker carries at the same time: their asks share one model's batch."""

    def __post_init__(self) -> None:
        if not 1 <= self.lease_s < math.inf:
            raise BadInput(f"worker.lease_s must be at least 1, not {self.lease_s}")
        if not 1 <= self.requests <= 64:
            raise BadInput(f"worker.requests must be between 1 and 64, not {self.requests}")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What all users together may have waiting; a repository's own limits come on top."""

    queue: int = 200
    """Requests that wait for a worker at most; what comes then is refused."""
    stubs_per_command: int = 20
    """Stubs that one command may ask for at most."""
    allow_bots: tuple[str, ...] = ()
    """Logins of bots that may ask, like "renovate[bot]"; all others are ignored."""

    def __post_init__(self) -> None:
        for key in ("queue", "stubs_per_command"):
            if getattr(self, key) < 1:
                raise BadInput(f"limits.{key} must be at least 1, not {getattr(self, key)}")


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How often the scheduler looks, and how long what is done with is kept."""

    tick_s: float = 10.0
    """Seconds between two looks for requests whose time has come, or whose worker is gone."""
    keep_pools_days: float = 90.0
    """Days after which a pool that no living request has, and that did not grow, is dropped."""
    keep_deliveries_days: float = 30.0
    """Days after which a handled delivery is forgotten."""

    def __post_init__(self) -> None:
        for key, least in (("tick_s", 0), ("keep_pools_days", 0), ("keep_deliveries_days", 3)):
            if not least < getattr(self, key) < math.inf:
                raise BadInput(
                    f"scheduler.{key} must be more than {least}, not {getattr(self, key)}"
                )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured, a section per field."""

    model: ModelSettings = field(default_factory=ModelSettings)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    github: GitHubSettings = field(default_factory=GitHubSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    web: WebSettings = field(default_factory=WebSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)

    def budget(self) -> Budget:
        s = self.search
        return Budget(
            candidates=s.candidates,
            tests=s.tests,
            seconds_left=s.minutes * 60,
            threshold=s.threshold,
            judge_weight=self.judge.weight,
            min_asserts=s.min_asserts,
            code_batch=s.code_batch,
            test_batch=s.test_batch,
            temperature=s.temperature,
            asks_at_once=s.asks_at_once,
        )


def load(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises BadInput, in one line, for a file or value that cannot be."""
    environ = os.environ if environ is None else environ
    found = path or config_file(environ)
    tables = _read(found) if found else {}
    where = str(found) if found else "the environment"
    _check_keys(tables, where)
    variables: dict[str, str] = {}
    for name, section in _sections().items():
        hints = get_type_hints(section)
        start = f"{PREFIX}{name}_".upper()
        for variable in (v for v in environ if v.startswith(start)):
            key = variable.removeprefix(start).lower()
            if key not in hints:
                raise BadInput(
                    f"{variable}: unknown key {name}.{key}{_did_you_mean(key, [*hints])}"
                )
            variables[f"{name}.{key}"] = variable
            tables.setdefault(name, {})[key] = _from_text(environ[variable], hints[key])
    places = _Places(where, variables)
    return Settings(
        **{n: _section(n, s, tables.get(n, {}), places) for n, s in _sections().items()}
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each value came from, for the message that refuses it."""

    file: str
    variables: Mapping[str, str]

    def of(self, key: str) -> str:
        return self.variables.get(key, self.file)


def config_file(environ: Mapping[str, str]) -> Path | None:
    """The configuration file in force, or None: the first of the places that docs name."""
    named = environ.get(f"{PREFIX}CONFIG")
    if named:
        return Path(named)
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = (
        Path("supercharge.toml"),
        home / "supercharge" / "supercharge.toml",
        Path("/etc/supercharge/supercharge.toml"),
    )
    return next((place for place in places if place.is_file()), None)


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where pools and the database are kept."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "supercharge"


def database_file(environ: Mapping[str, str] | None = None) -> Path:
    """The database where no URL is configured."""
    return state_dir(environ) / "supercharge.db"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"there is no configuration file {path}") from error
    except OSError as error:
        message = f"cannot read the configuration {path}: {error.strerror or error}"
        raise BadInput(message) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not valid TOML: it is not UTF-8 ({error.reason})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: not valid TOML: {error}") from error


def _sections() -> dict[str, type[Any]]:
    return {f.name: f.default_factory for f in dataclasses.fields(Settings)}  # type: ignore[misc]


def _keys(section: type[Any]) -> list[str]:
    return [f.name for f in dataclasses.fields(section)]


def _check_keys(tables: dict[str, Any], where: str) -> None:
    sections = _sections()
    for name, table in tables.items():
        if name not in sections:
            raise BadInput(
                f"{where}: unknown section [{name}]{_did_you_mean(name, list(sections))}"
            )
        if not isinstance(table, dict):
            raise BadInput(
                f"{where}: {name} must be a section: write [{name}] on a line of its own"
            )
        for key in table:
            if key not in _keys(sections[name]):
                hint = _did_you_mean(key, _keys(sections[name]))
                raise BadInput(f"{where}: unknown key {name}.{key}{hint}")


def _did_you_mean(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known are: {', '.join(sorted(known))}"


def _section(name: str, section: type[Any], table: dict[str, Any], places: _Places) -> Any:
    hints = get_type_hints(section)
    for key, value in table.items():
        # The validator is lenient where a person has made a mistake: it takes true for 1 and "8" for 8.
        if hints[key] in (int, float) and isinstance(value, bool | str):
            place = places.of(f"{name}.{key}")
            raise BadInput(f"{place}: {name}.{key} = {value!r}: input should be a number")
    try:
        return TypeAdapter(section).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (name, *first["loc"]))
        place = places.of(".".join(key.split(".")[:2]))
        raise BadInput(
            f"{place}: {key} = {first.get('input')!r}: {first['msg'].lower()}"
        ) from error
    except BadInput as error:
        raise BadInput(f"{places.of(str(error).split()[0])}: {error}") from error


def _from_text(text: str, hint: Any) -> Any:
    """An environment variable's value, written as in TOML, as a bare word, or as words and commas."""
    try:
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        value = text
    if get_origin(hint) is tuple:
        return value if isinstance(value, list) else text.replace(",", " ").split()
    # A model or an image may be called 2024 or true.
    return value if hint in (int, float, bool) or isinstance(value, str) else text
