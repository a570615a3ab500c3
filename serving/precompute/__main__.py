"""See serving/precompute/command.py."""

import sys

from preprocessing.errors import DataError
from serving.errors import ServingError
from serving.quiet import quiet_libraries

if __name__ == "__main__":
    quiet_libraries()
    from serving.precompute.command import run

    try:
        run()
    except (DataError, ServingError) as error:
        sys.exit(f"Error: {error}")
