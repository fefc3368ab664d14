class StackError(Exception):
    """Something the user should read: a part that did not start, an answer that never came."""


class UsageError(StackError):
    """The command line asks for what cannot be."""
