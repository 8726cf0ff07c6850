"""What the component costs against what its users would write or do instead: ``make bench``."""

import sys
from pathlib import Path

# They run the projects of the cluster tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "cluster"))
