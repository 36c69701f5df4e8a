"""The names of the actors. One fixed namespace: an actor in another one could never be found again."""

NAMESPACE = "hongyan"

LEDGER = "ledger"
CONDUCTOR = "conductor"
REPUTATION = "reputation"
INTAKE = "intake"
RESULTS = "results"


def renderer(index: int) -> str:
    return f"renderer/{index}"


def sender(address: str) -> str:
    return f"sender/{address}"


def egress_resource(address: str) -> str:
    """The Ray resource that the node owning an egress address announces once, so that at most one sender ever holds it."""
    return f"egress:{address}"
