"""What handlers and workers are given to work with, wired once by `bot/cli.py`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.forge.base import Forge
from bot.settings import Settings
from bot.store import utc_now
from bot.store.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The store, GitHub and the settings; time and chance come from here too, so tests have them."""

    store: Store
    forge: Forge
    settings: Settings
    clock: Callable[[], datetime] = utc_now
    rng: random.Random = field(default_factory=random.SystemRandom)
