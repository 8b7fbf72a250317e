"""Simple lyrics for a caller who gave only a description, and a title for one who gave none.

Couplets are picked by the description's theme and rhyme in pairs; the hook takes up the description's own words.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random

from workers.engines.music.theory import rng
from workers.engines.music.words import FAST, HAPPY, SAD, SLOW, says, split

_THEMES = {
    "love": "love, heart, kiss, romance, romantic, darling, wedding, you, 爱, 恋, 心, 吻, 情",
    "night": "night, city, neon, moon, star, stars, dark, midnight, lights, dance, party, 夜, 城市, 星, 月, 霓虹, 派对",
    "sea": "summer, sea, ocean, beach, sun, island, wave, waves, holiday, 夏, 海, 阳光, 沙滩, 浪",
    "road": "road, travel, drive, journey, train, home, freedom, highway, adventure, 路, 旅, 家, 自由, 远方",
    "rain": "rain, sad, lonely, tears, goodbye, autumn, winter, cold, lost, 雨, 悲伤, 离别, 眼泪, 秋, 冬, 孤独",
    "dream": "dream, sky, fly, hope, future, space, magic, wonder, world, 梦, 天空, 飞, 希望, 未来",
}

_COUPLETS = {
    "love": (
        ("I kept your name inside my coat", "A line you sang, a line I wrote"),
        ("You turned the kitchen into gold", "The only hand I want to hold"),
        ("We never learned the proper way", "But still we talk until the day"),
        ("Your laughter lives in every room", "The roses lean to you and bloom"),
        ("If I could bottle up this hour", "I'd water it like any flower"),
        ("The letters that you never sent", "I think I know just what they meant"),
    ),
    "night": (
        ("The windows burn from block to block", "And no one here believes the clock"),
        ("A siren hums, a taxi slides", "The river carries all the lights"),
        ("We're wearing shadows, feeling tall", "Our names in chalk along the wall"),
        ("The moon is hanging like a coin", "Come find the crowd we're going to join"),
        ("The bass is knocking at the floor", "And morning waits outside the door"),
        ("I saw you underneath the sign", "Your silver jacket close to mine"),
    ),
    "sea": (
        ("There's salt and sugar in the air", "A ribbon tangled in your hair"),
        ("The gulls are laughing at the tide", "We left our worries on the slide"),
        ("A paper boat, a coral sky", "We wave at all the sails go by"),
        ("The sand is warm beneath our feet", "The radio has found the beat"),
        ("We'll chase the sun along the bay", "And throw the calendar away"),
        ("The evening tastes of tangerine", "The bluest blue I've ever seen"),
    ),
    "road": (
        ("A map that's folded inside out", "A little faith, a little doubt"),
        ("The diner light, the engine's song", "I knew the way was right and long"),
        ("We count the towers, count the miles", "And trade our silence in for smiles"),
        ("The mountains open like a gate", "I don't mind if we're running late"),
        ("I packed a book, I packed the rain", "I left a window on the train"),
        ("There's dust and daylight on my shoes", "And nothing left for me to lose"),
    ),
    "rain": (
        ("The kettle sings for only me", "Two empty chairs, one cup of tea"),
        ("The gutters write in silver ink", "There's too much time in here to think"),
        ("I hear your footsteps on the stair", "I turn around, there's no one there"),
        ("The winter came and took the key", "The street is colder than the sea"),
        ("I wear your coat against the grey", "I wear the words I didn't say"),
        ("The leaves let go, they make no sound", "I lose the thing that I had found"),
    ),
    "dream": (
        ("I built a ladder out of sound", "And left my shadow on the ground"),
        ("The satellites are whispering low", "They know the way I want to go"),
        ("We plant a light in every town", "And nothing now can turn us down"),
        ("I drew a door upon the blue", "I pushed it once, and I came through"),
        ("The clouds are only made of steps", "We keep the promises we kept"),
        ("A thousand candles in the air", "I close my eyes and I am there"),
    ),
}

_HOOKS = (
    (
        "Oh, {topic}, carry me",
        "Carry me where I should be",
        "Oh, {topic}, stay tonight",
        "Stay until we reach the light",
    ),
    (
        "This is for {topic}, hear it ring",
        "Give me one more song to sing",
        "This is for {topic}, loud and clear",
        "All I ever want is here",
    ),
    (
        "Hold on, hold on, {topic}",
        "I can hear you calling me home",
        "Hold on, hold on, {topic}",
        "We are never on our own",
    ),
    (
        "Say it again: {topic}",
        "Say it till the morning starts",
        "Say it again: {topic}",
        "Write it over all our hearts",
    ),
)

_COUPLETS_ZH = {
    "love": (
        ("你的名字写在我手心", "像一首歌轻轻地靠近"),
        ("街角的灯为你亮着", "我的心事只有你懂得"),
        ("时间走得慢一点", "让我记住你的脸"),
        ("风里有你的声音", "月光落满我的心"),
    ),
    "night": (
        ("霓虹在雨后发亮", "人群涌向同一个方向"),
        ("城市的心跳不停", "我们听着同一种声音"),
        ("午夜的列车开过", "带走白天的沉默"),
        ("星星挂在楼顶上", "照着我们去的地方"),
    ),
    "sea": (
        ("海风吹过我的脸庞", "浪花追着夏天的阳光"),
        ("沙滩留下一串脚印", "云朵慢慢地飘向天际"),
        ("蓝色的海没有边", "我们笑着数白帆"),
        ("贝壳里藏着歌声", "黄昏的海那么温存"),
    ),
    "road": (
        ("背起行囊走向远方", "路的尽头总会有光"),
        ("山谷里回响着歌", "我把故事说给河"),
        ("火车穿过了麦田", "家乡就在风的那边"),
        ("一步一步不回头", "自由就在前方等候"),
    ),
    "rain": (
        ("雨落在空空的窗台", "你说的话我还没明白"),
        ("一杯茶慢慢地凉", "影子陪我走过小巷"),
        ("秋天的叶子轻轻落", "谁在远处唱着歌"),
        ("再见说得那么轻", "眼泪却不肯停"),
    ),
    "dream": (
        ("闭上眼睛就能飞", "天空没有忧伤的滋味"),
        ("我种下一颗星", "等它照亮黎明"),
        ("云是通往梦的桥", "我听见未来在微笑"),
        ("打开那扇蓝色的门", "世界变得那么温存"),
    ),
}
_HOOKS_ZH = (
    (
        "{topic}，带我走吧",
        "走到花开的天涯",
        "{topic}，别说再见",
        "让歌声飞到明天",
    ),
    (
        "为了{topic}歌唱",
        "让声音越过山岗",
        "为了{topic}歌唱",
        "心里有不灭的光",
    ),
)
_ABOUT = re.compile(r"\b(?:about|for|of|titled|called)\s+([^.,;:!?\n]{3,60})", re.IGNORECASE)
_ABOUT_ZH = re.compile(r"(?:关于|献给|描写|讲述)([\u4e00-\u9fff]{1,8}?)(?:的|，|。|$)")
_DULL = frozenset(
    split(
        "a, an, the, and, or, with, in, on, at, to, my, your, our, me, i, we, it, is, are, that, this, song, music, "
        "track, tune, about, for, of, some, very, please, make, create, write, style, beat, vocal, vocals, male, "
        "female, fast, slow, feel, feeling, like"
    )
)


def lyrics(description: str, seed: int) -> str:
    """Two verses, a chorus that comes twice and a bridge, with section marks; in Chinese for a Chinese description."""
    chance = rng(seed, "lyrics")
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in description) >= 2
    bank, hooks = (_COUPLETS_ZH, _HOOKS_ZH) if chinese else (_COUPLETS, _HOOKS)
    couplets = _couplets(bank, description.lower(), chance)
    hook = [line.format(topic=topic(description, chinese)) for line in chance.choice(hooks)]
    bridge = couplets[4] if len(couplets) > 4 else couplets[0]
    parts: list[tuple[str, Sequence[str]]] = [
        ("Verse 1", [*couplets[0], *couplets[1]]),
        ("Chorus", hook),
        ("Verse 2", [*couplets[2], *couplets[3]]),
        ("Chorus", hook),
        ("Bridge", bridge),
        ("Outro", hook[-1:]),
    ]
    return "\n\n".join("\n".join([f"[{mark}]", *lines]) for mark, lines in parts)


def _couplets(bank: Mapping[str, Sequence[tuple[str, str]]], text: str, chance: Random) -> list[tuple[str, str]]:
    scores = {theme: len(says(text, words)) for theme, words in _THEMES.items()}
    best = max(scores.values())
    themes = [theme for theme, score in sorted(scores.items()) if score == best]
    chosen = list(bank[chance.choice(themes)])
    chance.shuffle(chosen)
    return chosen


def topic(description: str, chinese: bool) -> str:
    """A few words of the description to sing about."""
    about = (_ABOUT_ZH if chinese else _ABOUT).search(description)
    if chinese:
        return about[1] if about else "远方"
    words = (about[1] if about else description).split()
    moods = {word for listed in (HAPPY, SAD, FAST, SLOW) for word in split(listed)}
    plain = [re.sub(r"[^\w'-]", "", word) for word in words]
    kept = [word for word in plain if word and (about is not None or word.lower() not in _DULL | moods)]
    while kept and kept[0].lower() in _DULL:
        kept.pop(0)
    kept = kept[:4] if about else kept[-2:]
    while kept and kept[-1].lower() in _DULL:
        kept.pop()
    return " ".join(kept) or "my love"


def title(text: str, lines: Sequence[str], genre: str, seed: int) -> str:
    """A title from the hook, else from the description, else from chance."""
    if lines:
        words = re.split(r"[,;:.!?，。！？；：]", lines[0])[0].strip()
        return words[:48] or lines[0][:48]
    if text:
        chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in text) >= 2
        return topic(text, chinese).title()[:48]
    first = ("Quiet", "Silver", "Open", "Distant", "Golden", "Second")
    second = ("Harbour", "Avenue", "Weather", "Garden", "Signal", "Hour")
    chance = rng(seed, "title", genre)
    return f"{chance.choice(first)} {chance.choice(second)}"
