"""`python -m bot`: the same as `supercharge`, for processes that start others of their kind."""

from bot.cli import main

main()
