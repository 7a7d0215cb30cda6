"""`supercharge tuning`: what self-tuning has learnt, for people."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("tuning")
def tuning_group() -> None:
    """What earlier asks brought, and how the next ones are put because of it."""


@tuning_group.command("show")
@click.pass_obj
def tuning_show(config: Path | None) -> None:
    """Each model's kinds of asks: how many are known, and what pays best by now."""
    from bot import listings
    from bot import settings as configuration
    from bot.store import open_store
    from engine.tuning import Tuner

    settings = configuration.load(config)
    with open_store(settings.database.store_url()) as store:
        tuners = {
            model: Tuner(floor=settings.tuning.floor).learnt(store.outcomes_of(model))
            for model in store.tuned_models()
        }
    if not settings.tuning.enabled:
        click.echo("tuning is off: asks are as configured ([tuning] enabled)")
    for line in listings.tuning_list(tuners):
        click.echo(line)


@tuning_group.command("forget")
@click.argument("model")
@click.pass_obj
def tuning_forget(config: Path | None, model: str) -> None:
    """Forget what was learnt of MODEL, named as `show` does; it is asked as configured again."""
    from bot import settings as configuration
    from bot.store import open_store
    from engine.errors import BadInput

    with open_store(configuration.load(config).database.store_url()) as store:
        dropped = store.drop_outcomes(model)
    if not dropped:
        raise BadInput(f"nothing is known of {model!r}: see supercharge tuning show")
    click.echo(f"{dropped} outcomes forgotten")
