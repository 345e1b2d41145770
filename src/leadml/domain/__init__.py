"""What the two departments agree on, as frozen values that need nothing but Python."""
