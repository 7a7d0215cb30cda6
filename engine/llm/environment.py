"""The process's numeric libraries, set up before they are imported."""

from __future__ import annotations

import os


def prepare(threads: int) -> int:
    """Set what OpenMP and tokenizers read once, at import; return the CPU threads to use.

    Passive waiting is what lets threads share busy cores: with the default, a thread that waits
    for its sibling spins on the core that the sibling (or the sandbox) needs, and a step takes
    several times as long. What the user has set in the environment stays.

    Without a wish it is half the CPUs: the sandbox runs candidates on the others meanwhile, and a
    small model gains little from more.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return threads or int(os.environ.get("OMP_NUM_THREADS") or 0) or max(1, available_cpus() // 2)


def available_cpus() -> int:
    """The CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))
