"""What serves, and what runs beside the requests: champion, shadow, drift, webhooks."""
