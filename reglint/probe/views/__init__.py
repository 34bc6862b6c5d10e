"""How people see a report: terminal, notebook, page."""
