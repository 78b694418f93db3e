"""`python -m tests.system.faults [--long]`: try all faults, and print the table of what was lost, doubled and torn."""
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if __name__ == "__main__":
    if "--long" in sys.argv:
        os.environ["PRESENCE_TEST_LONG"] = "1"
    arguments = [argument for argument in sys.argv[1:] if argument != "--long"]
    sys.exit(pytest.main(["-n", "0", "-m", "slow", str(HERE), *arguments]))
