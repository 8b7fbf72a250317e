"""Numbers, dates, times and units into the Chinese characters they are read as."""

import re
from collections.abc import Callable

DIGITS = "零一二三四五六七八九"
_SIGNS = (("%", "百分之"), ("‰", "千分之"))
_UNITS = {"km": "公里", "kg": "公斤", "cm": "厘米", "mm": "毫米", "m": "米", "g": "克", "°C": "摄氏度", "℃": "摄氏度"}
_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_LONGEST = 16

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"


def read(text: str) -> str:
    """`text` with its numbers in characters, but for those that are part of a Latin word (GPT-4)."""
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return text


def cardinal(number: str) -> str:
    """12034 → 一万二千零三十四; beyond ten thousand billions, digit by digit."""
    number = number.lstrip("0") or "0"
    if len(number) > _LONGEST:
        return digits(number)
    if number == "0":
        return DIGITS[0]
    groups = [number[max(0, end - 4) : end] for end in range(len(number), 0, -4)]
    said = ""
    for at in range(len(groups) - 1, -1, -1):
        value = int(groups[at])
        if not value:
            said += DIGITS[0] if said and not said.endswith(DIGITS[0]) else ""
            continue
        if said and value < 1000 and not said.endswith(DIGITS[0]):
            said += DIGITS[0]
        said += _below_ten_thousand(value) + ("", "万", "亿", "万亿")[at]
    said = said.rstrip(DIGITS[0])
    return said[1:] if said.startswith("一十") else said


def digits(number: str) -> str:
    return "".join(DIGITS[int(digit)] for digit in number if digit.isdigit())


def decimal(number: str) -> str:
    whole, _, rest = number.replace(",", "").partition(".")
    return cardinal(whole) + (f"点{digits(rest)}" if rest else "")


def _below_ten_thousand(value: int) -> str:
    said, gap = "", False
    for power, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, power)
        if digit:
            said += (DIGITS[0] if gap and said else "") + DIGITS[digit] + name
            gap = False
        else:
            gap = True
    return said


def _date(match: re.Match[str]) -> str:
    return f"{digits(match[1])}年{cardinal(match[2])}月{cardinal(match[3])}日"


def _time(match: re.Match[str]) -> str:
    hour, minute = cardinal(match[1]), int(match[2])
    if not minute:
        return f"{hour}点"
    return f"{'两' if hour == '二' else hour}点{DIGITS[0] if minute < 10 else ''}{cardinal(match[2])}分"


def _share(match: re.Match[str]) -> str:
    return dict(_SIGNS)[match[2]] + decimal(match[1])


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日|(?![\d日]))"), _date),
    (re.compile(r"(\d{4})年"), lambda found: f"{digits(found[1])}年"),
    (re.compile(r"(?<!\d)(\d{1,2})[:：](\d{2})(?!\d)"), _time),
    (re.compile(rf"({_NUMBER})([%‰])"), _share),
    (re.compile(r"(?<![A-Za-z\d-])-(?=\d)"), lambda _: "负"),
    (
        re.compile(rf"([¥￥$€£])\s?({_NUMBER})(?:元|美元|欧元|英镑)?"),
        lambda found: decimal(found[2]) + _MONEY[found[1]],
    ),
    (
        re.compile(rf"({_NUMBER})\s?(km|kg|cm|mm|m|g|°C|℃)(?![A-Za-z])"),
        lambda found: decimal(found[1]) + _UNITS[found[2]],
    ),
    (re.compile(r"(?<![A-Za-z\d.,])(?:1\d{10}|0\d{6,11}|\d{17,})(?!\d)"), lambda found: digits(found[0])),
    (re.compile(r"(?<![\d.])2(?=[个位只本年天次杯条张件块](?!月))"), lambda _: "两"),
    (re.compile(rf"(?<![A-Za-z\d.])(?<![A-Za-z]-){_NUMBER}(?![A-Za-z])"), lambda found: decimal(found[0])),
)
