"""The HTTP edge: what GitHub sends, verified, typed and handed on; no work, no state.

`signature` proves who sent the bytes, `events` makes a typed value of them, `app` answers. Like
`engine`, this package is a leaf: it imports neither `engine` nor `bot`, which wires it.
"""
