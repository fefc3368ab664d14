"""A private stack of ngx_media under one directory: Postgres, indexer, nginx.

`Stack` is what `./dev up`, `./dev run`, the integration tests and the benchmarks share.
"""

from .errors import StackError
from .stack import Programs, Stack

__all__ = ["Programs", "Stack", "StackError"]
