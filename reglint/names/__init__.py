"""What an expression refers to: bindings, star imports, aliases, partials, dicts, subclasses, other files.

``module`` reads one module in a single pass into ``scopes``; ``resolve`` follows a name to its ``values``, with
``literals`` for what stands in the source; ``flows`` follows a keyword or a dict to what it can ``reach``.
"""
