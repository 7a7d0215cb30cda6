"""What nobody can ask for more of, by a command or by a repository's configuration."""

from __future__ import annotations

MAX_COUNT = 10_000
"""Replies of a kind, pull requests, retries: any whole number."""

MAX_MINUTES = 24 * 60.0
"""Of one search."""
