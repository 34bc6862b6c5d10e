"""What an expression refers to: bindings, star imports, aliases, partials, dicts, subclasses, other files.

``module`` reads one module in a single pass into ``scopes``, ``resolve`` follows a name to its ``values``, ``flows``
follows a keyword or a dict to the callables that receive it.
"""
