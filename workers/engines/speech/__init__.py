"""The speech engine: speaks a text aloud, sentence by sentence, in a chosen voice. One class (`engine.py`).

Text goes one way: what is asked (`asked.py`), the words to say (`plain.py`, `dates.py`, `hanzi.py`), sentences
(`sentences.py`), phonemes (`phonemes.py`, `espeak.py`, `mandarin.py`), sound (`kokoro.py`, `sound.py`), a file
(`encoding.py`). espeak-ng, which turns words into phonemes, is under the GPL: it comes by the extra `speech` alone.
"""
