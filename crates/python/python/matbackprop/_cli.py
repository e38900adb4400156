"""The command line of the package."""

import sys

from . import _native


def main() -> int:
    """Runs ``matbackprop`` with the words of this process."""
    return 0 if _native.command_line(sys.argv) else 1


if __name__ == "__main__":
    raise SystemExit(main())
