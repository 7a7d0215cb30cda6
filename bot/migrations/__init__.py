"""The schema's history. `versions` has an ordered file per step from the version before it.

A step that has been released never changes; `bot.store.migrate` runs them. A step words its tables
itself, since those of `bot.store.tables` go on changing.
"""
