"""The real side of the port: GitHub's REST API through PyGithub's transport and credentials.

    settings ─► credentials   whose token goes with a call: one token, or one per repository of an App
             ─► transport     one call: retries, pages, ETags; a failure becomes a ForgeError
             ─► answers       JSON becomes values
             ─► client        the methods of the port; `content` has those about files and commits

PyGithub is imported when a forge is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.forge.settings import GitHubSettings

if TYPE_CHECKING:
    from bot.forge.github.client import GitHubForge


def open_github(settings: GitHubSettings) -> GitHubForge:
    """The forge for these settings; close it at the end. Makes no call yet.

    Raises BadInput where there is no credential, or the App's key cannot be read.
    """
    from bot.forge.github.client import GitHubForge
    from bot.forge.github.credentials import credential
    from bot.forge.github.transport import Transport

    transport = Transport(settings)
    return GitHubForge(transport, credential(settings, transport))
