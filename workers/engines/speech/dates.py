"""Dates in figures, the way they are read aloud; Chinese has its own (`hanzi.py`)."""

import re

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_ORDERS = {
    "en-us": "{month} {day}, {year}",
    "en-gb": "the {day} of {month} {year}",
    "es": "{day} de {month} de {year}",
    "fr": "{day} {month} {year}",
    "it": "{day} {month} {year}",
    "pt-br": "{day} de {month} de {year}",
}
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?\b")
_SLASHED = re.compile(r"\b(\d{1,2})[/.](\d{1,2})[/.](\d{4})\b")


def read(text: str, language: str) -> str:
    """2026-11-23, and 11/23/2026 (day first, but for Americans), in words."""
    order = _ORDERS.get(language)
    if order is None:
        return text

    def said(year: str, month: str, day: str, unread: str) -> str:
        if not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
            return unread
        name = _MONTHS[language[:2]].split()[int(month) - 1]
        return order.format(day=_ordinal(int(day), language), month=name, year=year)

    def slashed(match: re.Match[str]) -> str:
        month, day = (match[1], match[2]) if language == "en-us" else (match[2], match[1])
        return said(match[3], month, day, match[0])

    text = _ISO.sub(lambda match: said(match[1], match[2], match[3], match[0]), text)
    return _SLASHED.sub(slashed, text)


def _ordinal(day: int, language: str) -> str:
    if language.startswith("en"):
        ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{day}{ending}"
    return {"fr": "1er", "it": "1º", "pt-br": "1º"}.get(language, "1") if day == 1 else str(day)
