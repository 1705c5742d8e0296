"""The machine and the stores: facts, archives, objects, keepers."""
