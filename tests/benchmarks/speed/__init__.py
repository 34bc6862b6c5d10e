"""How fast reglint is, beside other tools on the same job: what ``run.py`` is made of."""
