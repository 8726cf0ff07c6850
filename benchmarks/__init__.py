"""What the component costs against what its users would write or do instead: ``make bench``."""
