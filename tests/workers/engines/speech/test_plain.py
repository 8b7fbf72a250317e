import pytest

from workers.engines.speech import hanzi
from workers.engines.speech.plain import plain


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("# News\n\nIt is **very** _cold_.", "News\n\nIt is very cold."),
        ("See [our site](https://example.com/a(b)) now.", "See our site now."),
        ("Go to https://www.example.com/a/b?c=1.", "Go to example dot com."),
        ("Write to a.b@foo.org", "Write to a dot b at foo dot org"),
        ("Well done 🎉👍🏽!", "Well done !"),
        ("- one\n- [x] two", "one\n\ntwo"),
        ("Use `pip` and\n```sh\nls\n```", "Use pip and\n\nls"),
        ("Mr. Fox & Dr. Bear, e.g. at 5 p.m.", "Mister Fox and Doctor Bear, for example at 5 PM."),
        ("It costs $1,200.50 or €5.", "It costs 1200 dollars 50 or 5 euros."),
        ("$1 and $5 million", "1 dollar and 5 million dollars"),
        ("On 2026-11-23.", "On November 23rd, 2026."),
        ("On 11/23/2026.", "On November 23rd, 2026."),
        ("On 23/11/2026.", "On 23/11/2026."),
        ("2 * 3 * 4 snake_case_name", "2 3 4 snakecasename"),
        ("&lt;b&gt;bold&lt;/b&gt; <i>it</i>", "bold it"),
    ],
)
def test_english_is_written_as_it_is_said(written: str, said: str) -> None:
    assert plain(written, "en-us") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-gb", "On 23/11/2026.", "On the 23rd of November 2026."),
        ("es", "La Sra. Paz pagó 20 € el 01/05/2026.", "La Señora Paz pagó 20 euros el 1 de mayo de 2026."),
        ("fr", "Mme Roux, le 01/05/2026 : 3,50 €", "Madame Roux, le 1er mai 2026 : 3 euros 50"),
        ("zh", "２０２６年11月23日10:05，涨了12.5%", "二零二六年十一月二十三日十点零五分，涨了百分之十二点五"),
        ("zh", "共¥1,200元，-5°C，2个，GPT-4", "共一千二百元，负五摄氏度，两个，GPT-4"),
        ("zh", "电话13800138000", "电话一三八零零一三八零零零"),
    ],
)
def test_each_language_has_its_own_way(language: str, written: str, said: str) -> None:
    assert plain(written, language) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("105", "一百零五"),
        ("1010", "一千零一十"),
        ("12034", "一万二千零三十四"),
        ("100000001", "一亿零一"),
        ("10500000", "一千零五十万"),
        ("007", "七"),
    ],
)
def test_numbers_are_read_in_chinese(number: str, said: str) -> None:
    assert hanzi.cardinal(number) == said


def test_a_text_made_to_be_slow_is_read_at_once() -> None:
    for nasty in ("[" * 4000, "(" * 2000 + "a", "*" * 4096, "<a" * 2000, "|-" * 2000, "a.b@" * 1000, "_a" * 2000):
        plain(nasty, "en-us")
