"""The command: a child process that runs the model, and the parent that watches it."""
