"""`python -m cli`: what `./stanch` becomes once the environment stands."""

from __future__ import annotations

import sys

from cli.application import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
