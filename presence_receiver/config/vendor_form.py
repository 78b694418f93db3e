"""What HiveManager's form for a data feed takes, in characters (its online help, "API Data Management")."""

SHORTEST_SECRET, LONGEST_SECRET = 5, 32
LONGEST_URL = 256
