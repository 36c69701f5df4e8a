"""A look over a whole list: what each slot, branch, header and size comes to. `Look` adds up and merges, `report` tells."""
