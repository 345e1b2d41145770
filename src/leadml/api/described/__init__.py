"""The description of the service: OpenAPI 3.1, 3.0.3 and a page."""
