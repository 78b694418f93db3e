"""Vendors' APIs as real HTTP servers on a free port of the loopback."""
