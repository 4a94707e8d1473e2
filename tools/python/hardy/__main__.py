"""`python -m hardy ...` and the command `hardy` of the package: the program beside this file."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Becomes the program; Gymnasium's environments are then those of this interpreter."""
    os.environ.setdefault("HARDY_PYTHON", sys.executable)
    program = Path(__file__).parent / "bin" / "hardy"
    os.execv(program, [str(program), *sys.argv[1:]])


if __name__ == "__main__":
    main()
