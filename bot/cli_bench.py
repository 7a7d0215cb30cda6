"""The commands that measure: `supercharge bench …`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.errors import BadInput


@click.group()
def bench() -> None:
    """Measure a part against the baseline it names, and print the machine it ran on."""


_quick = click.option("--quick", is_flag=True, help="A small run, to see that it works.")
_json = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures to FILE."
)


def _finish(result: dict[str, Any], json_path: Path | None) -> None:
    if json_path is None:
        return
    import json

    try:
        json_path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {json_path}: {error.strerror or error}") from error


@bench.command("model")
@_quick
@_json
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["sampling", "sharing", "judging"]),
    help="Only this part; may be given several times.",
)
@click.option(
    "--rounds",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rounds of sampling; the best of each way counts.",
)
@click.option(
    "--gpu", is_flag=True, help="A large model's shape with random weights, on the cards."
)
@click.option("--shape", default="32B", show_default=True, help="With --gpu: which model's shape.")
@click.pass_obj
def bench_model(
    config: Path | None,
    quick: bool,
    json_path: Path | None,
    parts: tuple[str, ...],
    rounds: int,
    gpu: bool,
    shape: str,
) -> None:
    """Tokens and judgements per second, against one query at a time, plain generate and llama.cpp.

    With --gpu: tokens per second at 64 samples against one, in bfloat16 and int8, as a share of what
    the cards can read and multiply. Nothing is downloaded.
    """
    from rich.console import Console

    from bot import settings as configuration

    settings = configuration.load(config).model
    if gpu:
        from bot.bench import model_gpu

        result = model_gpu.run(model_gpu.shape_named(shape), quick=quick, settings=settings)
        model_gpu.report(result, Console())
    else:
        from bot.bench import model

        wanted = [model.Part(part) for part in parts] or list(model.Part)
        result = model.run(quick, settings, parts=wanted, rounds=rounds)
        model.report(result, Console())
    _finish(result, json_path)


@bench.command("cleanup")
@_quick
@_json
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--stdlib", is_flag=True, help="The standard library, right code, instead of damage.")
def bench_cleanup(quick: bool, json_path: Path | None, seed: int, stdlib: bool) -> None:
    """How many damaged replies pass HumanEval's tests after cleaning, and how long that takes.

    With --stdlib: does cleaning leave every function and module of the standard library alone?
    """
    from rich.console import Console

    from bot.bench import cleanup, cleanup_stdlib

    measured = cleanup_stdlib if stdlib else cleanup
    result = measured.run(quick, seed=seed)
    measured.report(result, Console())
    _finish(result, json_path)


@bench.command("sandbox")
@_quick
@_json
@click.pass_obj
def bench_sandbox(config: Path | None, quick: bool, json_path: Path | None) -> None:
    """Pairs per second, against copying two files into a container and running pytest there."""
    from rich.console import Console

    from bot import settings as configuration
    from bot.bench import sandbox

    result = sandbox.run(configuration.load(config).sandbox, quick=quick)
    sandbox.report(result, Console())
    _finish(result, json_path)


@bench.command("equality")
@click.argument("pool", type=click.Path(path_type=Path))
@_quick
@_json
@click.pass_obj
def bench_equality(config: Path | None, pool: Path, quick: bool, json_path: Path | None) -> None:
    """Whether every fast way of running the pairs of POOL says what a cold pytest says."""
    from rich.console import Console

    from bot import settings as configuration
    from bot.bench import equality

    result = equality.run(pool, configuration.load(config).sandbox, quick=quick)
    equality.report(result, Console())
    _finish(result, json_path)


@bench.command("generate")
@_quick
@_json
@click.option(
    "--mbpp", type=click.Path(path_type=Path), help="MBPP as JSON Lines: ten of its problems too."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.pass_obj
def bench_generate(
    config: Path | None, quick: bool, json_path: Path | None, mbpp: Path | None, seed: int
) -> None:
    """How many stubs end solved, how many of those are right, and how long that takes."""
    from rich.console import Console

    from bot import settings as configuration
    from bot.bench import generate as generating

    result = generating.run(
        configuration.load(config),
        quick=quick,
        mbpp=mbpp,
        seed=seed,
        tell=lambda line: click.echo(line, err=True),
    )
    generating.report(result, Console())
    _finish(result, json_path)


@bench.command("selection")
@click.argument("pool", type=click.Path(path_type=Path))
@_quick
@_json
def bench_selection(pool: Path, quick: bool, json_path: Path | None) -> None:
    """How often the chosen code of POOL, samples with known truth, is right; what evidence is worth."""
    from rich.console import Console

    from bot.bench import selection

    result = selection.run(pool, quick=quick)
    selection.report(result, Console())
    _finish(result, json_path)


@bench.command("cascade")
@click.argument("pool", type=click.Path(path_type=Path))
@_quick
@_json
@click.option("--seed", type=int, default=0, show_default=True)
def bench_cascade(pool: Path, quick: bool, json_path: Path | None, seed: int) -> None:
    """Rightly solved per cost: a smaller model first, against either alone, replayed from POOL.

    A simulation: the small model's samples are those of POOL, spoilt.
    """
    from rich.console import Console

    from bot.bench import cascade

    result = cascade.run(pool, seed=seed, quick=quick)
    cascade.report(result, Console())
    _finish(result, json_path)


@bench.command("tuning")
@_quick
@_json
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--floor", type=click.FloatRange(0, 1), default=0.9, show_default=True)
def bench_tuning(quick: bool, json_path: Path | None, seed: int, floor: float) -> None:
    """What self-tuning gains and risks, against asking as configured and the best fixed knobs.

    A simulation: on a real model the best way to ask is not known.
    """
    from rich.console import Console

    from bot.bench import tuning

    result = tuning.run(seed=seed, quick=quick, floor=floor)
    tuning.report(result, Console())
    _finish(result, json_path)


@bench.command("webhooks")
@_quick
@_json
def bench_webhooks(quick: bool, json_path: Path | None) -> None:
    """Signed deliveries at 200 a second: how soon each gets its 202, and whether any is lost."""
    from rich.console import Console

    from bot.bench import webhooks

    result = webhooks.run(quick)
    webhooks.report(result, Console())
    _finish(result, json_path)


@bench.command("cluster")
@_quick
@_json
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(min=1),
    default=1000.0,
    show_default=True,
    help="What the cards of one node write, all samples together.",
)
def bench_cluster(quick: bool, json_path: Path | None, tokens_per_second: float) -> None:
    """Asks per second on 1 to 1000 nodes, and which part is busy first, played with figures."""
    from rich.console import Console

    from bot.bench import cluster

    result = cluster.run(quick, tokens_per_s=tokens_per_second)
    cluster.report(result, Console())
    _finish(result, json_path)


@bench.command("store")
@_quick
@_json
@click.option("--database", "url", help="Measure this database instead of a new SQLite file.")
def bench_store(quick: bool, json_path: Path | None, url: str | None) -> None:
    """How fast a pool grows in the store and loads again, against its file of JSON Lines."""
    from rich.console import Console

    from bot.bench import store

    result = store.run(quick=quick, url=url)
    store.report(result, Console())
    _finish(result, json_path)
