"""What a template can call: one table entry a function (`REGISTRY`); ours by family, and those of other packages."""

from actors.renderer.functions import (
    checks,
    chinese_names,
    chinese_numbers,
    chinese_text,
    claims,
    datemath,
    dateparse,
    dateparts,
    dates,
    distances,
    extracts,
    files,
    formats,
    hashes,
    links,
    logic,
    lunar,
    masks,
    numbers,
    percentiles,
    pictures,
    plugins,
    rounding,
    snippets,
    tables,
    text,
    text_markup,
    text_patterns,
    workdays,
)
from actors.renderer.functions.registry import REGISTRY, Function

# In the order of the page of functions; a family may have several modules.
FAMILIES = (
    *(logic, numbers, percentiles, rounding),
    *(text, text_markup, text_patterns),
    *(chinese_names, chinese_numbers, chinese_text),
    *(masks, formats),
    *(dates, dateparse, dateparts, datemath, workdays, lunar),
    *(tables, distances, snippets, extracts, claims),
    *(hashes, links, checks, pictures, files),
)

plugins.load(REGISTRY)

__all__ = ["FAMILIES", "REGISTRY", "Function"]
