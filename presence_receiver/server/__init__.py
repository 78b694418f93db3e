"""What gunicorn runs with: its configuration, its worker, its log lines. Knows nothing of what a delivery holds."""
