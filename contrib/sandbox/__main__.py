"""`python contrib/sandbox`: see README.md beside this file."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the package `sandbox`, not its modules one by one
    from sandbox.app import main

    sys.exit(main())
