"""Pure functions on tensors: torch only, no registry and no modules."""
