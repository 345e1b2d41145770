"""The paths of the API: what each takes, does and answers."""
