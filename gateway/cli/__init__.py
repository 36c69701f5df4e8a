"""The `hongyan` command. A module a noun, each with `register(app)`; heavy imports happen inside the commands."""
