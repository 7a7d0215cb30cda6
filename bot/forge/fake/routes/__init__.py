"""The REST routes of the loopback GitHub: those that the bot uses, and no others."""

from __future__ import annotations

from bot.forge.fake.http import Routes
from bot.forge.fake.routes import accounts, gitdata, issues, pulls, repositories


def all_routes() -> Routes:
    """One table of them all."""
    routes = Routes()
    for part in (accounts, repositories, gitdata, pulls, issues):
        routes.include(part.ROUTES)
    return routes
