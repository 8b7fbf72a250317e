from storage.transcripts import Segment, Transcript
from workers.engines.transcription.stitching import stitched


def part(language: str, probability: float, *times: tuple[float, float]) -> Transcript:
    segments = [
        Segment(number, 0, start, end, f" {language}{start:g}", [], 0.0, -0.3, 1.0, 0.0)
        for number, (start, end) in enumerate(times)
    ]
    text = "".join(one.text for one in segments).strip()
    return Transcript(text, language, "", probability, 10.0, segments)


def test_parts_become_one_with_ids_of_its_own() -> None:
    whole = stitched([part("en", 0.9, (0, 4), (5, 9)), part("en", 0.7, (10, 12))], 20.0)
    assert [(one.id, one.start, one.end) for one in whole.segments] == [(0, 0, 4), (1, 5, 9), (2, 10, 12)]
    assert whole.text == "en0 en5 en10"
    assert whole.duration_s == 20.0
    assert (whole.language, whole.language_name) == ("en", "english")
    assert whole.language_probability == 0.86


def test_the_language_is_the_one_spoken_longest() -> None:
    whole = stitched(
        [part("fr", 0.99, (0, 1)), part("und", 0.0), part("es", 0.6, (20, 23)), part("fr", 0.9, (30, 31))], 40
    )
    assert (whole.language, whole.language_probability) == ("es", 0.6)


def test_silent_parts_make_a_silent_whole() -> None:
    whole = stitched([part("und", 0.0), part("und", 0.0)], 20.0)
    assert (whole.text, whole.language, whole.language_name, whole.segments) == ("", "und", "unknown", [])
    assert stitched([], 0.0).language == "und"
