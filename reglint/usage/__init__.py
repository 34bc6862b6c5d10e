"""How a program uses Keras: what the checks ask about one file.

``file`` is the file with its names. ``symbols``, ``arguments`` and ``strength`` look at single names and at what is
passed; ``models``, ``penalties``, ``compositions``, ``built_layers`` and ``holders`` at models and their layers;
``calls`` and ``training`` at what the program does with them; ``compatibility`` at what only runs on another Keras.
``hazards`` puts releases into words.
"""
