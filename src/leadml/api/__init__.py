"""The HTTP service: one champion, answered to callers with a key."""
