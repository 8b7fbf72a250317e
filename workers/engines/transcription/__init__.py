"""The transcription engine: writes down what is said in a recording, with times, or says which language it is in.

A recording is read as a stream, cut where nobody speaks and heard piece by piece: its length costs no memory.
"""
