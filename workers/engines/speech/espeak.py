"""Words into IPA by espeak-ng's own tables and rules, through the C interface of its library.

It is only asked for phonemes, never for sound. Source of the calls and constants: espeak-ng 1.52, speak_lib.h.
"""

import ctypes
import re
import threading
from functools import cache
from importlib import import_module
from typing import Any

from storage.errors import EngineFailed

TIE = "^"
"""Stands between the letters of one sound: "t^ʃ"."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_PHONEMES_IPA, _PHONEMES_TIE = 0x02, 0x80
_MODE = _PHONEMES_IPA | _PHONEMES_TIE | ord(TIE) << 8
_SWITCH = re.compile(r"\([a-z^-]+\)")  # "(en)": it takes the next word for English, and says so

_VOICES = {"en-us": "en-us", "en-gb": "en", "es": "es", "fr": "fr", "hi": "hi", "it": "it", "pt-br": "pt-br"}

_turn = threading.Lock()  # the library is one state machine for the whole process


def phonemes(text: str, language: str) -> str:
    """The sounds of `text`, words apart by spaces. Punctuation is lost: split at it first."""
    library = _library()
    with _turn:
        if library.espeak_SetVoiceByName(_VOICES[language].encode()):
            raise EngineFailed(f"espeak-ng does not know the language {language}")
        buffer = ctypes.create_string_buffer(text.replace("\0", " ").encode())
        at, said = ctypes.c_void_p(ctypes.addressof(buffer)), []
        while at.value:  # each call takes one clause, and moves `at` behind it; to NULL at the end
            said.append((library.espeak_TextToPhonemes(ctypes.byref(at), _CHARS_UTF8, _MODE) or b"").decode())
    return " ".join(_SWITCH.sub("", " ".join(said)).split())


@cache
def _library() -> ctypes.CDLL:
    espeakng_loader: Any = import_module("espeakng_loader")
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    if library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0) < 0:
        raise EngineFailed("espeak-ng does not start: the operator reinstalls ai-gateway[speech]")
    return library
