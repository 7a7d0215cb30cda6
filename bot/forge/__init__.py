"""The door to GitHub: `base` is the port, `github` its real side, `fake` a GitHub of our own."""
