"""Receivers that keep nothing: lines into NATS JetStream, and files made of it elsewhere."""
