"""How each backend of Keras traces and runs a function, one module each."""
