"""Colours, where a terminal is there to see them."""

import sys


def _paint(code, text):
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def bold(text):
    return _paint("1", text)


def dim(text):
    return _paint("2", text)


def green(text):
    return _paint("32", text)
