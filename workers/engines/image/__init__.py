"""The built-in illustrator: pictures drawn from words with arithmetic, not with a diffusion model.

A prompt becomes a *brief* (what, where, when, in what weather, colours and style), the brief becomes a scene painted
from back to front with seeded noise, subjects are set into it, and a style is laid over the whole. Everything is drawn
from the prompt and the seed: the same two give the same bytes, and results say what made them.

Sprites for the subjects come from `ai-gateway models install`; without them, plainer shapes of our own stand in.
"""
