"""Print which arguments the layers of the installed Keras take by position: class -> their names, in order.

    python tests/oracle/positions.py keras|tf_keras|tensorflow.keras > tests/oracle/positions/RELEASE.json

The decorators of Keras 2's legacy interface are looked through; how many arguments they let pass is not seen here.
"""

import importlib
import inspect
import json
import sys


def positional(layer):
    """The names that a class takes by position, without ``self``; None where its signature can't be read."""
    function = layer.__init__
    function = getattr(function, "_original_function", function)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)][1:]


def main(arguments):
    """Print the layers of the package named first."""
    if len(arguments) != 1:
        print("usage: positions.py keras|tf_keras|tensorflow.keras", file=sys.stderr)
        return 2
    package, _, inner = arguments[0].partition(".")
    keras = importlib.import_module(package)
    layers = (getattr(keras, inner) if inner else keras).layers
    classes = {name: getattr(layers, name) for name in dir(layers) if inspect.isclass(getattr(layers, name))}
    found = {name: positional(layer) for name, layer in sorted(classes.items())}
    lines = [f"  {json.dumps(name)}: {json.dumps(names)}" for name, names in found.items() if names is not None]
    print("{\n" + ",\n".join(lines) + "\n}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
