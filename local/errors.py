"""The one exception for whatever can be expected to go wrong on somebody's machine."""


class LocalError(Exception):
    """Something the user can do something about; the message says what."""
