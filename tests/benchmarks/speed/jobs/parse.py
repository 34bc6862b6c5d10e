"""Parses with LibCST, in one process, and does nothing else.

parse.py FILE...
"""

import sys

import libcst

for path in sys.argv[1:]:
    with open(path, "rb") as file:
        raw = file.read()
    try:
        libcst.parse_module(raw)
    except libcst.ParserSyntaxError:
        print(f"{path}: does not parse")
