"""Loading a model safely, and where its layers were constructed."""
