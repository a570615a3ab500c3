"""See serving/precompute/command.py."""

import sys

from preprocessing.errors import DataError
from serving.errors import ServingError
from serving.precompute.command import run

if __name__ == "__main__":
    try:
        run()
    except (DataError, ServingError) as error:
        sys.exit(f"Error: {error}")
