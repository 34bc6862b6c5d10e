"""The language server: what editors show while somebody types. Read ``app`` first.

``documents`` holds what the editor has open, ``checks`` decides what is judged when, ``worker`` judges in a process of
its own, and ``values`` says the outcome in the protocol's words.
"""
