"""The image engine: draws, changes, enlarges pictures and swaps faces. One class (`engine.py`), one file for each task.

What each needs is loaded when it is first asked for. No task is a diffusion model; results name what made them.
"""
