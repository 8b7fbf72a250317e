"""The built-in composer: songs from tags, a description and lyrics, with nothing but arithmetic and a SoundFont.

A request becomes a *plan* (sections, chords, tempo, seed: plain JSON), the plan becomes notes bar by bar, the notes
become sound through a SoundFont, and the sound is mixed and written as MP3. Every bar is drawn from the seed and the
bar's own place, never from the length of the clip, and every effect looks only backwards. So whatever follows a cut
leaves the samples before it as they were, which is what lets a clip be extended and joined without a seam.

The voice of a song is played by a lead instrument, one note per syllable; nothing here sings, and results say so.

The default SoundFont, TimGM6mb.sf2, comes inside the `pretty_midi` package and is GPL-2 data: it is read, never copied
or linked, and the audio rendered from it is not covered. `GATEWAY_SOUNDFONT` names another .sf2 file.
"""
