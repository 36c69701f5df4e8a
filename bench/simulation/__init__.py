"""Simulated time: senders, a conductor and the real reputation code against a world of the sandbox, a day in seconds.

`engine` is the clock, `job` the conductor's side, `lane` and `sender` behave as the real sender does, `oracle` knows
everything, `rivals` are the plain ways to set limits, `figures` are what is measured, `cases` the worlds.
"""
