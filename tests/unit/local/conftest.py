"""The package under test lies in the clone and is not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
