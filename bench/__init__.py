"""The numbers we promise, each as a command: `python -m bench list`, `python -m bench [names]`.

Everything runs here, on loopback, on servers of its own; ours and what it is compared with take turns in one run.
"""
