"""The command line, and the composition root: the only place that wires all parts together.

Everything heavy is imported inside the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from pathlib import Path
from typing import Any

import click

from bot.cli_bench import bench
from bot.cli_daemon import add_to as add_daemon_commands
from bot.cli_store import pool_group, requests_group
from bot.cli_tuning import tuning_group
from engine.errors import BadInput, PartUnavailable

EXIT_NO_SOLUTION = 1
EXIT_BAD_INPUT = 2
EXIT_PART_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line; every error that was foreseen is one line on stderr and an exit code."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BadInput as error:
        click.echo(f"supercharge: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except PartUnavailable as error:
        click.echo(f"supercharge: {error}\n  to mend it: {error.remedy}", err=True)
        sys.exit(EXIT_PART_UNAVAILABLE)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="supercharge-bot", prog_name="supercharge")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Configuration file; without it the first of SUPERCHARGE_CONFIG, ./supercharge.toml, "
    "~/.config/supercharge/supercharge.toml, /etc/supercharge/supercharge.toml.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Write the body of a stub function, and prove it.

    Exit codes: 0 done; 1 no solution; 2 bad usage or input; 3 a part is missing or down (see
    `supercharge doctor`); 130 interrupted.
    """
    context.obj = config


cli.add_command(pool_group)
cli.add_command(requests_group)
cli.add_command(tuning_group)


@cli.command()
@click.argument("target", required=False)
@click.option("--prototype", help='A function instead of a target: "def factorial(n)".')
@click.option("--description", help="What the function of --prototype does.")
@click.option("--write", is_flag=True, help="Put the code and the test into the working tree.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write all of it to FILE."
)
@click.option("--seed", type=int, help="Make sampling repeatable on one backend.")
@click.option("--budget", type=float, help="Minutes to search at most.")
@click.option("--candidates", type=int, help="Code replies to sample at most.")
@click.option("--tests", type=int, help="Test replies to sample at most.")
@click.option("--threshold", type=float, help="The score from which a pair is good enough, 0 to 1.")
@click.option("--resume", is_flag=True, help="Go on with the kept pool of this stub.")
@click.pass_obj
def generate(
    config: Path | None,
    target: str | None,
    prototype: str | None,
    description: str | None,
    write: bool,
    json_path: Path | None,
    seed: int | None,
    budget: float | None,
    candidates: int | None,
    tests: int | None,
    threshold: float | None,
    resume: bool,
) -> None:
    """Fill one stub: TARGET is path/to/file.py::function or path/to/file.py::Class.method.

    Samples codes and tests, runs every pair in a sandbox, and prints the best code with its test, its
    score and the evidence. Nothing is written into the working tree without --write.
    """
    from rich.console import Console

    from bot import generate as generating
    from bot import settings as configuration
    from bot import terminal
    from bot.learning import learning
    from engine.search import Solution

    settings = configuration.load(config)
    asked = {"minutes": budget, "candidates": candidates, "tests": tests, "threshold": threshold}
    bounds: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    settings = dataclasses.replace(settings, search=dataclasses.replace(settings.search, **bounds))
    spec = generating.spec_of(target, prototype, description)
    if write and not target:
        raise BadInput("--write needs a target: a prototype alone has no file to go to")
    if json_path and not json_path.parent.is_dir():
        raise BadInput(f"--json {json_path}: there is no folder {json_path.parent}")

    errors, output = Console(stderr=True), Console()
    with terminal.display(f"supercharge {spec.qualname}", errors) as display:
        result = generating.run(
            spec,
            settings,
            seed=seed,
            resume=resume,
            learning=learning(settings),
            observer=display.progress,
            stage=display.stage,
        )
    terminal.show_result(result, output)
    if json_path:
        generating.write_json(result, json_path)
    if result.outcome is None:
        sys.exit(EXIT_INTERRUPTED)
    if not isinstance(result.outcome, Solution):
        sys.exit(EXIT_NO_SOLUTION)
    if write:
        from bot import landing

        code_path, test_path = landing.land(spec, result.outcome)
        output.print(f"wrote {code_path} and {test_path}", markup=False, highlight=False)


@cli.command()
@click.option(
    "--prepare", is_flag=True, help="Convert the model and build the sandbox's image now."
)
@click.pass_obj
def doctor(config: Path | None, prepare: bool) -> None:
    """Say what is there, what is missing, and the command that mends it."""
    from bot import doctor as doctors

    findings = doctors.prepare(config) if prepare else doctors.examine(config)
    healthy = True
    for finding in findings:
        sign = {True: "ok     ", None: "absent ", False: "MISSING"}[finding.ok]
        click.echo(f"{sign} {finding.part}: {finding.detail}")
        if finding.remedy:
            click.echo(f"        to mend it: {finding.remedy}")
        healthy = healthy and finding.ok is not False
    if not healthy:
        sys.exit(EXIT_PART_UNAVAILABLE)


@cli.command()
@click.option("--keep", is_flag=True, help="Stay until Ctrl-C, so that the pages can be looked at.")
@click.pass_obj
def demo(config: Path | None, keep: bool) -> None:
    """Do the main job for real: a GitHub on this machine, a comment in, a pull request out."""
    from bot import demo as demos

    def linger(outcome: demos.Outcome) -> None:
        for line in demos.lines(outcome):
            click.echo(line)
        if keep:
            click.echo("\nlook at it as long as you like; Ctrl-C ends it")
            threading.Event().wait()

    outcome = demos.run(config=config, tell=click.echo, linger=linger)
    if outcome.pull is None:
        sys.exit(EXIT_NO_SOLUTION)


@cli.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--entry-point", metavar="NAME", help="The function that the module must define.")
@click.option("--show-edits", is_flag=True, help="Say on stderr what was done, one edit to a line.")
def clean(file: Path | None, entry_point: str | None, show_edits: bool) -> None:
    """Print the Python module that a model's reply in FILE holds; without FILE, or with -, stdin's.

    What the entry point does not need goes, what is broken is mended. Exit code 1: no module could be
    made of it.
    """
    from bot import clean as cleaning

    result = cleaning.run(file, entry_point)
    if show_edits:
        for line in (*result.edits, *(f"warning: {warning}" for warning in result.warnings)):
            click.echo(line, err=True)
    if not result.ok:
        click.echo(f"supercharge: {cleaning.why_not(entry_point)}", err=True)
        sys.exit(EXIT_NO_SOLUTION)
    # Bytes: what a model wrote is UTF-8, whatever the terminal's locale says.
    click.echo(result.source.encode("utf-8"), nl=False)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--most", type=click.IntRange(min=1), default=20, help="Functions to show (20).")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write all of them to FILE."
)
@click.pass_obj
def score(config: Path | None, path: Path, most: int, json_path: Path | None) -> None:
    """Judge every function of PATH, a file or a folder, from 0 to 1, and show the worst.

    Nothing is run: it is the model's opinion, to find where a closer look may pay.
    """
    from rich.console import Console

    from bot import score as scoring
    from bot import settings as configuration
    from bot import terminal

    settings = configuration.load(config)
    if json_path and not json_path.parent.is_dir():
        raise BadInput(f"--json {json_path}: there is no folder {json_path.parent}")
    with terminal.counter(Console(stderr=True)) as shown:
        scores = scoring.run(path, settings, progress=shown.progress, stage=shown.stage)
    terminal.show_scores(scores, most, Console())
    if json_path:
        scoring.write_json(scores, json_path)


cli.add_command(bench)
add_daemon_commands(cli)
