"""Addresses of devices as pseudonyms, and one device's lines found and forgotten."""
