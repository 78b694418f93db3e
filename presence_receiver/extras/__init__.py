"""What nobody needs for the core: one folder is one feature with its command, its page and its requirements."""
