"""`python -m cardiolens` is the command `cardiolens`."""

import sys

from cardiolens.cli import main

if __name__ == "__main__":
    sys.exit(main())
