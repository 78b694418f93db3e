"""A bucket in the place of the receiver's files: where one machine, or its disk, is not enough."""
