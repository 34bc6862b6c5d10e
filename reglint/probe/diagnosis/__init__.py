"""From figures to findings, causes and remedies."""
