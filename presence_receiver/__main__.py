"""`python -m presence_receiver` is `presence-cli`, where only the requirements are installed, as on a platform."""
from presence_receiver.cli.main import main

main()
