"""`python -m hardy ...` and the command `hardy` of the package: the program beside this file."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Becomes the program."""
    program = Path(__file__).parent / "bin" / "hardy"
    os.execv(program, [str(program), *sys.argv[1:]])


if __name__ == "__main__":
    main()
