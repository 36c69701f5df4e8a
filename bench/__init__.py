"""Benches: each prints one object `{bench, machine, results}` with the limit measured in the same run."""
