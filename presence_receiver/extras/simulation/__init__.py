"""Deliveries as HiveManager would send them, and whether each observation is found."""
