"""`supercharge doctor`: what is there, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import settings as configuration
from bot.forge.values import Delivery
from bot.models import hosts_that_see_code
from bot.settings import Settings
from engine.errors import BadInput, PartUnavailable
from engine.llm import open_model
from engine.llm.embedded import cache_home, find_gguf
from engine.llm.settings import EMBEDDED, ModelSettings
from engine.sandbox import describe_engines, open_sandbox
from engine.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: `ok` is False when the work cannot be done without it, None when it can."""

    part: str
    ok: bool | None
    detail: str
    remedy: str = ""


def examine(config: Path | None) -> Iterator[Finding]:
    """Look at every part, cheapest first; loads no model and starts no container."""
    yield Finding("python", True, f"{platform.python_version()} at {sys.prefix}")
    try:
        settings = configuration.load(config)
    except BadInput as error:
        yield Finding("configuration", False, str(error), "correct the line it names")
        settings = Settings()
    else:
        found = config or configuration.config_file(os.environ)
        yield Finding("configuration", True, str(found or "defaults; no file found"))
    yield from _models(settings)
    yield _privacy(settings)
    yield from _sandbox(settings)
    yield from _cluster(settings)
    yield _state()
    yield _database(settings)
    yield from _github(settings)


def prepare(config: Path | None) -> Iterator[Finding]:
    """Do once what the first run would: convert the model's weights, build the sandbox's image."""
    settings = configuration.load(config)
    for part, wanted in settings.all_models.items():
        try:
            model = open_model(wanted)
        except PartUnavailable as error:
            yield Finding(part, False, str(error), error.remedy)
        else:
            yield Finding(part, True, f"{model.name} loads")
            model.close()
    test = "from one import one\n\n\ndef test_one():\n    assert one() == 1\n"
    try:
        with open_sandbox(settings.sandbox) as sandbox:
            code = "def one():\n    return 1\n"
            [result] = sandbox.run_pairs({"code": code}, {"test": test}, entry_point="one")
            passed = result.verdict is Verdict.PASSED
            told = sandbox.description if passed else f"{result.verdict.value}: {result.message}"
            yield Finding("sandbox", passed, told)
    except PartUnavailable as error:
        yield Finding("sandbox", False, str(error), error.remedy)


def _models(settings: Settings) -> Iterator[Finding]:
    """Every model that is asked, the smaller one of a cascade last: all of them stay loaded."""
    taken: dict[str, int] = {}
    for name, model in settings.all_models.items():
        if model.backend == "transformers" and model.model != EMBEDDED:
            beside = taken.get(model.device_map, 0)
            finding, needed = _checkpoint(name, model, beside)
            taken[model.device_map] = beside + needed
            yield finding
        else:
            yield _model(name, model)


def _checkpoint(part: str, model: ModelSettings, beside: int) -> tuple[Finding, int]:
    """Whether its files are there and fit into memory beside so many bytes; and how many it takes."""
    from engine.llm.transformers.loading import examine  # heavy

    try:
        needed = examine(model, beside=beside)
    except BadInput as error:
        return Finding(part, False, str(error), "correct the model's name"), 0
    except PartUnavailable as error:
        told = f"{error}; where a worker runs already, that is what it has taken"
        return Finding(part, None, told, error.remedy), 0
    if needed is None:
        told = f"{model.model} is not known on this machine; the first start downloads it"
        return Finding(part, None, told, f"hf download {model.model}"), 0
    return Finding(part, True, f"{model.model} fits: {needed.in_words()}"), needed.total


def _model(part: str, model: ModelSettings) -> Finding:
    if model.backend == "openai":
        return _server(part, model)
    if model.backend != "transformers":
        return Finding(part, True, f"{model.model} by {model.backend}")
    try:
        gguf = find_gguf()
    except PartUnavailable as error:
        return Finding(part, False, str(error), error.remedy)
    cache = cache_home(model.cache_dir)
    ready = any(path.is_dir() for path in cache.glob(f"{gguf.stem}-*"))  # a lock file lies beside
    told = f"embedded, converted in {cache}" if ready else "embedded; the first start converts it"
    return Finding(part, True, told, "" if ready else "supercharge doctor --prepare")


def _server(part: str, model: ModelSettings) -> Finding:
    """Whether the server answers and has the model; nothing is written by it, so it costs nothing."""
    try:
        there = open_model(model)
    except PartUnavailable as error:
        return Finding(part, False, str(error), error.remedy)
    told = f"{there.name}, {there.context_window} tokens of context"
    there.close()
    return Finding(part, True, told)


def _privacy(settings: Settings) -> Finding:
    """Whether code leaves this machine; of this machine are only loopback addresses."""
    seen = hosts_that_see_code(settings)
    if not seen:
        return Finding("privacy", True, "no code leaves this machine")
    told = "; ".join(f"{host} ({', '.join(roles)})" for host, roles in seen.items())
    return Finding("privacy", True, f"CODE LEAVES THIS MACHINE, to {told}, as allow_remote allows")


def _sandbox(settings: Settings) -> Iterator[Finding]:
    engines = describe_engines(settings.sandbox)
    allowed = settings.sandbox.allowed_engines
    usable = any(engine.available for engine in engines if engine.name in allowed)
    for engine in engines:
        ok = True if engine.available else None if usable or engine.name not in allowed else False
        yield Finding(f"sandbox: {engine.name}", ok, engine.detail, engine.remedy)
    if settings.sandbox.place == "local":
        kept, seconds = settings.sandbox.keep_warm, settings.sandbox.keep_warm_s
        told = f"a worker keeps {kept} unused ones for {seconds:g} s, about 35 MiB each"
        yield Finding("sandbox: warm", True, told if kept and seconds else "none is kept")


def _cluster(settings: Settings) -> Iterator[Finding]:
    """The Ray cluster, where the model or the sandbox is to run on one."""
    if settings.model.backend == "ray":
        address = settings.model.ray_address
    elif settings.sandbox.place == "ray":
        address = settings.sandbox.ray_address
    else:
        return
    try:
        from engine import cluster
    except ModuleNotFoundError:
        yield Finding("ray", False, "it is not installed", "pip install 'supercharge-bot[ray]'")
        return
    try:
        cluster.connect(address)
        try:
            nodes = cluster.nodes()
        finally:
            cluster.disconnect()
    except cluster.NoCluster as error:
        yield Finding("ray", False, str(error), cluster.START_COMMAND)
        return
    cards = sum(int(node.gpus) for node in nodes)
    yield Finding("ray", True, f"{len(nodes)} nodes with {cards} cards")


def _github(settings: Settings) -> Iterator[Finding]:
    """What the daemon needs of GitHub: a credential that works, and the webhook's secret."""
    from bot.forge.errors import ForgeError
    from bot.forge.github import open_github

    github = settings.github
    if not github.token and not github.app_id:
        remedy = "see docs/operations.md; the command line needs none"
        yield Finding("github", None, "no credential is set", remedy)
        return
    try:
        forge = open_github(github)
        try:
            who, where = forge.me(), forge.repositories()
            missing = forge.missing_permissions()
            tried = forge.deliveries(datetime.now(UTC) - timedelta(days=1))
        finally:
            forge.close()
    except (ForgeError, BadInput) as error:
        remedy = "correct [github], or renew the credential at GitHub"
        yield Finding("github", False, f"{github.base_url}: {error}", remedy)
    else:
        listed = ", ".join(where[:3]) + (" …" if len(where) > 3 else "")
        told = f"{who.login} at {github.base_url}, {len(where)} repositories ({listed or 'none'})"
        remedy = "" if where else "install the App on a repository"
        yield Finding("github", bool(where), told, remedy)
        yield _permissions(missing)
        yield from _deliveries(tried)
    has_secret = bool(settings.webhook.secrets)
    remedy = "" if has_secret else "set SUPERCHARGE_WEBHOOK_SECRET to what GitHub was told"
    yield Finding("webhook", has_secret, "a secret is set" if has_secret else "no secret", remedy)


def _permissions(missing: Sequence[str]) -> Finding:
    if not missing:
        return Finding("github permissions", True, "all that are needed")
    remedy = "add them in the App's settings, and accept them where it is installed"
    return Finding("github permissions", False, f"missing: {', '.join(missing)}", remedy)


def _deliveries(tried: Sequence[Delivery]) -> Iterator[Finding]:
    """Whether GitHub reaches the webhook: what came of its deliveries within a day. An App's only."""
    if not tried:
        return
    failed = [attempt for attempt in tried if not attempt.ok]
    told = f"{len(tried) - len(failed)} of GitHub's {len(tried)} tries within a day arrived"
    if tried[0].ok:
        yield Finding("webhook reachable", True, told)
    else:
        code = tried[0].status_code
        last = f"the last one was answered {code}" if code else "the last one got no answer"
        remedy = (
            "let GitHub reach /webhook, with the secret that it was told; see docs/operations.md"
        )
        yield Finding("webhook reachable", False, f"{told}; {last}", remedy)


def _state() -> Finding:
    folder = configuration.state_dir()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if os.access(nearest, os.W_OK):
        return Finding("pools", True, f"kept in {folder / 'pools'}")
    return Finding(
        "pools", False, f"{nearest} cannot be written", "set XDG_STATE_HOME to a folder of yours"
    )


def _database(settings: Settings) -> Finding:
    file = configuration.database_file()
    if not settings.database.url and not file.exists():
        return Finding("database", True, f"{file}, made when it is first needed")
    from bot.store import open_store

    try:
        with open_store(settings.database.store_url()) as store:
            return Finding("database", True, f"{store.name} answers")
    except BadInput as error:
        return Finding("database", False, str(error), "correct [database] url")
    except PartUnavailable as error:
        return Finding("database", False, str(error), error.remedy)
