"""One file a verb: the only place that wires layers together."""
