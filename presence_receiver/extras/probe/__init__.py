"""Ask a receiver from outside: send it a delivery, its status, and what HiveManager will demand of it."""
