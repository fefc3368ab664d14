"""Command line of ./dev up and ./dev down."""

import argparse
import sys

from .errors import StackError, UsageError
from .settings import parse_override
from .stack import Stack


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a stack, or what of it is not running")
    up.add_argument("--dir", required=True, metavar="DIR", help="everything of the stack lies here")
    up.add_argument("--port", type=int, metavar="N", help="nginx's port (default: a free one)")
    up.add_argument("--s3", action="store_true", help="with an object store (Ceph): media_store s3, storage.s3")
    up.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                    help="a setting of indexer.toml, such as fetch.concurrency=4; repeatable")
    down = commands.add_parser("down", help="stop a stack")
    down.add_argument("--dir", required=True, metavar="DIR")
    down.add_argument("--purge", action="store_true", help="delete DIR as well")
    return parser.parse_args(arguments)


def up(options):
    stack = Stack(options.dir)
    stack.up(options.port, dict(parse_override(text) for text in options.overrides), options.s3)
    print(f"{stack.url} is up; its environment: . {stack.dir}/env")


def down(options):
    stack = Stack(options.dir)
    stack.down()
    if options.purge:
        stack.purge()


def main(arguments):
    options = parse(arguments)
    try:
        {"up": up, "down": down}[options.command](options)
    except StackError as error:
        print(f"dev {options.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


sys.exit(main(sys.argv[1:]))
