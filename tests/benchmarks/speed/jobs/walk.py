"""The least that any tool in Python must do: walk a folder, read its Python files and notebooks, test their bytes.

walk.py FOLDER              prints those that hold the words
"""

import os
import sys

WORDS = (b"W_regularizer", b"weight_regularizer")

stack = [sys.argv[1]]
while stack:
    with os.scandir(stack.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
            elif entry.name.endswith((".py", ".pyw", ".ipynb")):
                with open(entry.path, "rb") as file:
                    raw = file.read()
                if any(word in raw for word in WORDS):
                    print(entry.path)
