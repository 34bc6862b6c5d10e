#!/bin/sh
# Make the environment that judges the fixes: Keras 2.2.4 on Theano, in a folder of its own (220 MB, a minute or two).
# Beside it lie, in FOLDER/releases, the releases that can tell what 2.2.4 can't because it has one spelling only.
#
#     sh tests/oracle/environment.sh PYTHON3.6 FOLDER
#     REGLINT_ORACLE_PYTHON=FOLDER/bin/python python -m pytest tests/test_call_oracle.py
#
# PYTHON3.6 is an interpreter of Python 3.6. Every package is pinned: pip would take releases that need a newer Python.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: environment.sh PYTHON3.6 FOLDER" >&2
    exit 2
fi
python=$1
folder=$2

"$python" -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 6) else "Keras 2.2.4 needs Python 3.6, this is " + sys.version)'
if [ -e "$folder" ]; then
    echo "$folder exists already" >&2
    exit 2
fi

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check pip==21.3.1 setuptools==57.5.0 wheel==0.37.1
"$folder/bin/python" -m pip install --quiet --no-deps \
    numpy==1.16.6 scipy==1.5.4 six==1.16.0 h5py==2.10.0 pyyaml==5.3.1 \
    keras_applications==1.0.8 keras_preprocessing==1.1.2 Theano==1.0.5 Keras==2.2.4
for version in 1.2.2 2.1.6 2.3.1; do
    "$folder/bin/python" -m pip install --quiet --no-deps --target "$folder/releases/keras-$version" "Keras==$version"
done

KERAS_BACKEND=theano THEANO_FLAGS=cxx= "$folder/bin/python" -c \
    'import keras; assert keras.__version__ == "2.2.4"; keras.layers.Dense(1, init="uniform")'
echo "$folder/bin/python"
