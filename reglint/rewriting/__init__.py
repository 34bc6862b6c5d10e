"""How an old call becomes one of today's: what the checks that mend whole calls share.

``plan`` is what comes out: edits, or why there are none. ``imports`` brings a name where it is needed and frees what is
left, ``renames`` and ``successors`` change a name with all its uses, ``moved_imports`` and ``module_uses`` follow what
went to another module. ``old_calls`` gives positional arguments their meaning back, with ``old_layers`` and
``old_evidence`` to know a Keras 1 call; ``argument_names``, ``converted_values`` and ``joined_arguments`` know what
becomes of a keyword; ``written`` is the text of an argument.
"""
