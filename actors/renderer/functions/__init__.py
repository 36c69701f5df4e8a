"""What a template can call: one module a family, one table entry a function (`REGISTRY`)."""

from actors.renderer.functions.registry import REGISTRY, Function

__all__ = ["REGISTRY", "Function"]
