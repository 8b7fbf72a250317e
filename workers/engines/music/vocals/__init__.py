"""Singing: the lines of a song spoken by the speech engine's voice, retuned and laid on the melody's notes.

A line goes one way: its language (`language.py`), who sings it (`cast.py`), its sound and how long each of its symbols
lasts (`speaking.py`, kept in `recordings.py`), its syllables (`syllables.py`), where they come to lie (`laying.py`),
its sound again at the melody's pitch (`voice.py`), and the movement's vocal track (`track.py`).

Which voice sings a line, and in which symbols, stands in the plan, and the voice answers the same symbols with the same
sound. So a line's vocal follows from its movement's plan alone, like everything else that is heard.

This needs the extra `singing`; without it, without the voices, or with GATEWAY_SINGING=off, the lead instrument plays.
"""
