"""The one reader of configuration files and of the environment.

A value comes, in rising order of strength, from the defaults, from the first configuration file that
exists, and from an environment variable `SUPERCHARGE_<SECTION>_<KEY>`. An unknown key is an error.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.configfile import did_you_mean, read_sections, read_tables
from bot.forge.settings import GitHubSettings
from bot.retry import ParkPolicy, RetryPolicy
from engine.cascade import Cascade
from engine.errors import BadInput
from engine.llm.routing import Routes
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
            "timeout_s",
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
class TuningSettings:
    """Whether asks are tuned by what earlier ones brought."""

    enabled: bool = True
    """false asks as [search] says, always, and keeps no outcomes."""
    floor: float = 0.9
    """The part of what asking as configured would bring that is never put at risk; 1 only watches."""

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= 1:
            raise BadInput(f"tuning.floor must be between 0 and 1, not {self.floor}")


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """A smaller, faster model that is asked first; what is not here it has from [model]."""

    model: str = ""
    """A checkpoint, named as in [model]; empty asks the model of [model] alone."""
    backend: str = "transformers"
    quantization: str = "none"
    device_map: str = "auto"
    candidates: int = 32
    """Code replies asked of it for one function, at most."""
    tests: int = 24
    """Test replies, likewise."""
    least: float = 0.3
    """The evidence that it must have reached after half of both, or it is given up."""
    threshold: float = 0.9
    """The score from which what it wrote is good enough, where that is more than `search.threshold`."""

    def __post_init__(self) -> None:
        for key in ("candidates", "tests"):
            if getattr(self, key) < 1:
                raise BadInput(f"cascade.{key} must be at least 1, not {getattr(self, key)}")
        for key in ("least", "threshold"):
            if not 0 <= getattr(self, key) <= 1:
                raise BadInput(f"cascade.{key} must be between 0 and 1, not {getattr(self, key)}")


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
    models: dict[str, ModelSettings] = field(default_factory=dict)
    routes: Routes = field(default_factory=Routes)
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    cascade: CascadeSettings = field(default_factory=CascadeSettings)
    tuning: TuningSettings = field(default_factory=TuningSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    github: GitHubSettings = field(default_factory=GitHubSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    web: WebSettings = field(default_factory=WebSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    park: ParkPolicy = field(default_factory=ParkPolicy)
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)

    def __post_init__(self) -> None:
        for name in self.routes.names:
            if name and name not in self.models:
                hint = did_you_mean(name, list(self.models)) if self.models else ""
                raise BadInput(f"[routes] names {name!r}, and there is no [models.{name}]{hint}")

    @property
    def models_in_use(self) -> dict[str, ModelSettings]:
        """The models that asks go to, by their names; that of [model] is empty."""
        everything = {"": self.model, **self.models}
        return {name: everything[name] for name in self.routes.names}

    @property
    def all_models(self) -> dict[str, ModelSettings]:
        """Those, and the smaller one of a cascade, by how they are called in words."""
        named = {f"model {name}".rstrip(): model for name, model in self.models_in_use.items()}
        small = self.small_model()
        return named if small is None else named | {"small model": small}

    def budget(self) -> Budget:
        s, c = self.search, self.cascade
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
            cascade=Cascade(c.candidates, c.tests, c.least, c.threshold) if c.model else None,
        )

    def small_model(self) -> ModelSettings | None:
        """The model that is asked first, where there is one."""
        c = self.cascade
        if not c.model:
            return None
        return dataclasses.replace(
            self.model,
            model=c.model,
            backend=c.backend,
            quantization=c.quantization,
            device_map=c.device_map,
        )


def load(path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings. Raises BadInput, in one line, for a file or value that cannot be."""
    environ = os.environ if environ is None else environ
    found = path or config_file(environ)
    where = str(found) if found else "the environment"
    tables = read_tables(found) if found else {}
    named = _named_models(tables, where)
    sections = _sections() | {f"models.{name}": ModelSettings for name in named}
    tables |= {f"models.{name}": table for name, table in named.items()}
    read = read_sections(tables, sections, environ, prefix=PREFIX, where=where)
    models = {name: read.pop(f"models.{name}") for name in named}
    try:
        return Settings(**read, models=models)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def _sections() -> dict[str, type[Any]]:
    fields = dataclasses.fields(Settings)
    return {f.name: f.default_factory for f in fields if f.name != "models"}  # type: ignore[misc]


def _named_models(tables: dict[str, Any], where: str) -> dict[str, Any]:
    """The tables of [models.NAME], taken out of `tables`."""
    named = tables.pop("models", {})
    if not isinstance(named, dict) or not all(isinstance(t, dict) for t in named.values()):
        raise BadInput(f"{where}: models are sections of their own: write [models.NAME]")
    for name in named:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise BadInput(
                f"{where}: [models.{name}]: a name has lower-case letters, digits and hyphens"
            )
    return named


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


def spending_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the command line counts what paid models cost; a worker counts in its database."""
    return state_dir(environ) / "spending.json"


def database_file(environ: Mapping[str, str] | None = None) -> Path:
    """The database where no URL is configured."""
    return state_dir(environ) / "supercharge.db"
