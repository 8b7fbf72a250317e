"""Genres as data: what makes each one sound like itself.

Programs are General MIDI numbers from 0. A progression is Roman numerals, one a bar; "ii7/V7" puts two in a bar.
"""

import msgspec


class Harmony(msgspec.Struct, frozen=True):
    """Progressions to choose from, for the parts of a song that are told apart by their chords."""

    verse: tuple[str, ...]
    chorus: tuple[str, ...]
    bridge: tuple[str, ...]


class Mix(msgspec.Struct, frozen=True):
    """How a genre is balanced. Levels in dB; `reverb` and `chorus` are MIDI sends; the rest are 0..1 unless said."""

    gain: float = 0.0
    drums: float = 0.0
    bass: float = 0.0
    band: float = 0.0
    shelf: float = 6.0
    """What the high shelf adds to the band above about 2.5 kHz, in dB; negative for a dull, soft sound."""
    air: float = 0.3
    """How much new treble is made from the mid range."""
    drive: float = 0.3
    width: float = 0.25
    reverb: int = 46
    chorus: int = 10
    room: float = 0.25
    duck: float = 0.0
    """How far each kick pushes the band down (the pump of dance music)."""
    crackle: float = 0.0


class Style(msgspec.Struct, frozen=True):
    """`words` are what callers write; a longer phrase counts more. `roles` lists the programs a part may take."""

    words: str
    bpm: tuple[int, int]
    modes: tuple[str, ...]
    groove: str
    kit: int
    comp: tuple[str, ...]
    bass: tuple[str, ...]
    roles: dict[str, tuple[int, ...]]
    major: Harmony
    minor: Harmony
    mix: Mix
    swing: float = 0.0
    """Delay of every second eighth, as a part of an eighth: 0 straight, 0.33 triplets."""
    grid: int = 8
    """Melody slots in a bar."""
    register: int = 67
    figure: tuple[str, ...] = ("arp8",)
    """What the second accompanying part plays."""
    pad: bool = True
    sparse: float = 0.0
    """Share of bars in which the lead leaves room in instrumental parts."""


def _harmony(verse: str, chorus: str, bridge: str) -> Harmony:
    return Harmony(*(tuple(part.strip() for part in text.split("|")) for text in (verse, chorus, bridge)))


_POP_MAJOR = _harmony("I V vi IV | I vi IV V | I iii IV V | vi IV I V", "IV I V vi | I V vi IV | vi IV I V | IV V iii vi",
                      "vi iii IV V | ii IV vi V | IV V vi I")  # fmt: skip
_POP_MINOR = _harmony("i bVI bIII bVII | i iv bVI bVII | i bVII bVI V", "bVI bVII i bIII | i bVI bIII bVII | bVI bIII bVII i",
                      "iv i bVI V | iv bVII bIII bVI")  # fmt: skip
_ROCK_MAJOR = _harmony("I bVII IV I | I IV I V | I V IV IV", "I V vi IV | IV V I I | I bVII IV V", "vi IV vi V | ii IV ii V")
_ROCK_MINOR = _harmony("i bVII bVI bVII | i i bVI bVII | i bIII bVII IV", "bVI bVII i i | i bVI bIII bVII | bVI bVII i V",
                       "iv bVI iv V | bVI bVI bVII V")  # fmt: skip
_JAZZ_MAJOR = _harmony("ii7 V7 Imaj7 vi7 | Imaj7 vi7 ii7 V7 | iii7 vi7 ii7 V7", "IVmaj7 iv7 iii7 VI7 | ii7 V7 iii7/VI7 ii7/V7",
                       "v7 I7 IVmaj7 bVII7 | iii7 VI7 ii7 V7")  # fmt: skip
_JAZZ_MINOR = _harmony("i7 iim7b5/V7 i7 bVI7 | i7 iv7 iim7b5 V7 | i7 bVI7 iim7b5 V7", "iv7 bVII7 bIIImaj7 bVImaj7 | iv7 V7 i7 i7",
                       "bVImaj7 bVII7 i7 V7 | iv7 i7 iim7b5 V7")  # fmt: skip
_SOUL_MAJOR = _harmony("IVmaj7 iii7 ii7 Imaj7 | ii7 iii7 IVmaj7 V7 | Imaj7 iii7 vi7 IVmaj7", "IVmaj7 V7 iii7 vi7 | ii7 V7 Imaj7 vi7",
                       "vi7 ii7 IVmaj7 V7 | iv7 bVII7 Imaj7 V7")  # fmt: skip
_SOUL_MINOR = _harmony("i7 iv7 bVImaj7 v7 | i9 bVImaj7 iv7 v7 | i7 v7 bVImaj7 bVII7", "bVImaj7 bVII7 i7 i7 | iv7 bVII7 bIIImaj7 bVImaj7",
                       "iv7 v7 bVImaj7 V7 | bVImaj7 v7 iv7 V7")  # fmt: skip
_DANCE_MAJOR = _harmony("vi IV I V | I V ii IV | IV vi V I", "IV V vi iii | I V vi IV | vi IV I V", "ii vi IV V | IV IV V V")
_DANCE_MINOR = _harmony("i bVI bIII bVII | i i bVI bVII | i v bVI iv", "bVI bVII i bIII | i bVII bVI bVII | bVI bIII bVII i",
                        "iv v bVI bVII | bVI bVI bVII bVII")  # fmt: skip
_CALM_MAJOR = _harmony("Imaj9 IVmaj9 vi7 IVmaj7 | Iadd9 iii7 IVmaj7 Isus2", "IVmaj9 Iadd9 vi7 Vsus4 | vi7 IVmaj7 Imaj7 Vsus4",
                       "ii7 IVmaj7 vi7 Vsus4 | IVmaj7 iv7 Imaj7 Imaj7")  # fmt: skip
_CALM_MINOR = _harmony("i9 bVImaj7 bIIImaj7 bVII | i7 iv7 bVImaj7 isus2", "bVImaj7 bIIImaj7 iv7 i7 | bVImaj7 bVII i7 v7",
                       "iv7 bVImaj7 i7 v7 | bVImaj7 iv7 i7 Vsus4")  # fmt: skip
_CLASSICAL_MAJOR = _harmony("I V7 vi iii | I IV V7 I | I vi ii V7", "IV I ii V7 | I V vi IV/V7 | IV V7 iii vi", "vi iii IV V7 | ii vi IV V7")
_CLASSICAL_MINOR = _harmony("i iv V7 i | i bVI iv V7 | i V7 i iv", "bVI bIII iv V7 | i bVII bVI V7 | iv bVII bIII bVI",
                            "bVI iv iim7b5 V7 | iv i V7 i")  # fmt: skip
_FOLK_MAJOR = _harmony("I IV I V | I V vi IV | I IV V I", "IV I V vi | IV V I I | I V IV I", "vi IV I V | ii V vi IV")
_FOLK_MINOR = _harmony("i bVII i bVII | i bVI bVII i | i iv i bVII", "bIII bVII i bVI | bVI bVII i i | bIII bVII iv i",
                       "iv i bVI bVII | bVI bIII iv V")  # fmt: skip
_BLUES_MAJOR = _harmony("I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7", "IV7 IV7 I7 I7 IV7 IV7 V7 V7")
_BLUES_MINOR = _harmony("i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7", "i7 iv7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7", "iv7 iv7 i7 i7 iv7 iv7 V7 V7")
_REGGAE_MAJOR = _harmony("I IV I V | I V vi IV | I ii IV V", "IV I IV V | I IV V IV", "vi ii vi V | ii V ii V")
_REGGAE_MINOR = _harmony("i iv i iv | i bVII i v | i bVI bVII i", "bVI bVII i i | iv bVII bIII i", "iv i iv V | bVI bVI bVII V")
_FUNK_MAJOR = _harmony("I9 I9 IV9 I9 | I7 IV7 I7 V9", "IV9 IV9 I9 I9 | ii7 V9 ii7 V9", "bVII9 IV9 I9 V9 | IV9 V9 IV9 V9")
_FUNK_MINOR = _harmony("i7 i7 IV9 IV9 | i9 i9 i9 bVII9 | i7 IV9 i7 IV9", "iv7 bVII9 i7 i7 | bVImaj7 bVII9 i9 i9", "iv7 v7 iv7 V7 | bVImaj7 bVImaj7 V7 V7")
_EAST_MAJOR = _harmony("I vi IV V | I V vi iii | IV V iii vi", "IV V iii vi | vi IV V I | I V vi IV", "vi iii IV V | ii V vi vi")
_EAST_MINOR = _harmony("i bVII bVI v | i bIII bVII i | i iv bVII bIII", "bVI bVII v i | iv bVII bIII bVI", "bVI v iv v | iv i bVII bVII")

STYLES: dict[str, Style] = {
    "pop": Style(
        words="pop, catchy, upbeat, radio, summer, k-pop, kpop, j-pop, mandopop, teen, love song, ballad, 流行, 情歌, 抒情",
        bpm=(98, 122), modes=("major", "major", "minor"), groove="pop", kit=16, comp=("pop", "push"), bass=("pop", "root8"),
        roles={"lead": (73, 65, 56, 22), "comp": (0, 1), "figure": (25, 27, 4), "pad": (50, 89, 48), "bass": (33, 34), "solo": (27, 65)},
        major=_POP_MAJOR, minor=_POP_MINOR, mix=Mix(shelf=8, width=0.3, air=0.4)),
    "rock": Style(
        words="rock, guitar, garage, grunge, alternative, anthem, band, indie rock, britpop, 摇滚, 乐队",
        bpm=(112, 142), modes=("mixolydian", "major", "minor"), groove="rock", kit=16, comp=("power8",), bass=("root8",),
        roles={"lead": (84, 81, 65), "comp": (29,), "figure": (27, 25), "pad": (18, 16), "bass": (34,), "solo": (30,)},
        major=_ROCK_MAJOR, minor=_ROCK_MINOR, figure=("strum8",), pad=False,
        mix=Mix(shelf=7, drums=1.5, drive=0.5, air=0.45, reverb=34)),
    "metal": Style(
        words="metal, heavy, thrash, death metal, metalcore, hardcore, brutal, headbang, 金属, 重金属, 重型",
        bpm=(142, 176), modes=("minor",), groove="metal", kit=16, comp=("gallop",), bass=("gallop",),
        roles={"lead": (84, 30), "comp": (30,), "figure": (29,), "pad": (48, 52), "bass": (34,), "solo": (30,)},
        major=_ROCK_MAJOR, minor=_ROCK_MINOR, figure=("power8",), pad=False, register=64,
        mix=Mix(shelf=9, drums=2.0, drive=0.8, air=0.6, reverb=24, bass=1.0)),
    "jazz": Style(
        words="jazz, swing, bebop, big band, lounge, smoky, sax, saxophone, 爵士, 爵士乐, 萨克斯, 摇摆乐",
        bpm=(104, 148), modes=("major", "dorian"), groove="jazz", kit=32, comp=("charleston", "sparse"), bass=("walking",),
        roles={"lead": (66, 65, 59, 71), "comp": (0, 26), "figure": (11, 26), "pad": (48,), "bass": (32,), "solo": (0, 66, 11)},
        major=_JAZZ_MAJOR, minor=_JAZZ_MINOR, swing=0.33, figure=("none",), pad=False, register=65,
        mix=Mix(shelf=4, drums=-3.0, drive=0.1, air=0.2, reverb=40, room=0.35)),
    "lofi": Style(
        words="lofi, lo-fi, chill, chillhop, study, rainy, cozy, relaxing, coffee, 低保真, 放松, 学习, 咖啡",
        bpm=(70, 86), modes=("dorian", "major", "minor"), groove="lofi", kit=25, comp=("sparse", "charleston"), bass=("lazy",),
        roles={"lead": (11, 4, 73), "comp": (4, 5), "figure": (26, 24), "pad": (89, 53), "bass": (33, 35), "solo": (26, 4)},
        major=_SOUL_MAJOR, minor=_SOUL_MINOR, swing=0.26, register=69, sparse=0.35,
        mix=Mix(shelf=-7, drums=-1.5, drive=0.4, air=0.0, reverb=44, width=0.15, crackle=1.0)),
    "edm": Style(
        words="edm, house, techno, trance, club, dance, electronic, electro, rave, dubstep, festival, dj, party, 电子, 舞曲, 电音, 夜店, 派对",
        bpm=(122, 132), modes=("minor", "minor", "major"), groove="house", kit=25, comp=("stabs", "offbeat"), bass=("offbeat", "octaves"),
        roles={"lead": (81, 80, 84), "comp": (90, 62), "figure": (81, 80), "pad": (89, 95, 50), "bass": (38, 39), "solo": (81,)},
        major=_DANCE_MAJOR, minor=_DANCE_MINOR, figure=("arp16",), register=70,
        mix=Mix(shelf=10, drums=2.0, bass=1.5, drive=0.6, air=0.7, duck=0.65, width=0.5, reverb=50, chorus=40)),
    "ambient": Style(
        words="ambient, drone, space, meditation, meditative, sleep, ethereal, atmospheric, new age, spa, yoga, healing, 氛围, 冥想, 睡眠, 太空, 空灵, 疗愈",
        bpm=(56, 70), modes=("major", "minor", "dorian"), groove="none", kit=0, comp=("swell",), bass=("whole",),
        roles={"lead": (88, 99, 79), "comp": (89, 94), "figure": (98, 11, 46), "pad": (95, 92, 52), "bass": (39,), "solo": (99, 77)},
        major=_CALM_MAJOR, minor=_CALM_MINOR, register=72, figure=("drops",), sparse=0.5,
        mix=Mix(shelf=3, bass=-3.0, drive=0.1, air=0.15, width=0.7, reverb=110, chorus=50, gain=2.0)),
    "classical": Style(
        words="classical, orchestra, orchestral, symphony, baroque, sonata, cinematic, epic, strings, film score, soundtrack, trailer, waltz, "
              "古典, 交响, 管弦, 史诗, 电影, 弦乐, 圆舞曲",
        bpm=(76, 106), modes=("minor", "major"), groove="orchestral", kit=48, comp=("sustain",), bass=("two",),
        roles={"lead": (40, 68, 73, 71), "comp": (48,), "figure": (46, 0, 45), "pad": (60, 48), "bass": (43, 42), "solo": (56, 40, 68)},
        major=_CLASSICAL_MAJOR, minor=_CLASSICAL_MINOR, register=72, figure=("alberti", "arp8"),
        mix=Mix(shelf=5, drive=0.05, air=0.2, width=0.5, reverb=84, chorus=0, gain=1.0)),
    "folk": Style(
        words="folk, acoustic, campfire, singer-songwriter, indie folk, ukulele, celtic, unplugged, 民谣, 民歌, 木吉他, 校园, 尤克里里",
        bpm=(86, 112), modes=("major", "major", "dorian"), groove="folk", kit=0, comp=("strum8",), bass=("two",),
        roles={"lead": (22, 73, 110), "comp": (25,), "figure": (24, 105, 25), "pad": (21, 48), "bass": (32,), "solo": (110, 22)},
        major=_FOLK_MAJOR, minor=_FOLK_MINOR, figure=("arp8",), pad=False,
        mix=Mix(shelf=8, drums=-4.0, drive=0.1, air=0.35, reverb=36)),
    "hiphop": Style(
        words="hip hop, hip-hop, hiphop, rap, boom bap, beats, freestyle, old school, 说唱, 嘻哈",
        bpm=(84, 98), modes=("minor", "dorian"), groove="hiphop", kit=24, comp=("sparse", "stabs"), bass=("sub",),
        roles={"lead": (11, 80, 108), "comp": (4, 0), "figure": (45, 46, 8), "pad": (50, 52), "bass": (38, 39), "solo": (80, 59)},
        major=_SOUL_MAJOR, minor=_POP_MINOR, swing=0.12, grid=16, register=65,
        mix=Mix(shelf=5, drums=2.5, bass=2.5, drive=0.5, air=0.3, reverb=26)),
    "trap": Style(
        words="trap, drill, 808, phonk, drake type beat, 陷阱",
        bpm=(68, 78), modes=("minor",), groove="trap", kit=25, comp=("swell",), bass=("sub",),
        roles={"lead": (80, 10, 108), "comp": (89, 14), "figure": (10, 11, 98), "pad": (52, 91), "bass": (38,), "solo": (10, 75)},
        major=_POP_MAJOR, minor=_POP_MINOR, grid=16, register=67, figure=("bells",),
        mix=Mix(shelf=7, drums=2.0, bass=3.5, drive=0.6, air=0.5, reverb=54)),
    "blues": Style(
        words="blues, delta, chicago blues, slide guitar, soulful blues, 蓝调, 布鲁斯",
        bpm=(82, 112), modes=("blues",), groove="shuffle", kit=8, comp=("shuffle",), bass=("boogie",),
        roles={"lead": (22, 66), "comp": (26, 27), "figure": (0, 16), "pad": (18,), "bass": (33,), "solo": (29, 22)},
        major=_BLUES_MAJOR, minor=_BLUES_MINOR, swing=0.33, register=64, figure=("sparse",), pad=False,
        mix=Mix(shelf=6, drive=0.5, air=0.3, reverb=30)),
    "reggae": Style(
        words="reggae, dub, ska, jamaica, island, rasta, dancehall, 雷鬼, 海岛",
        bpm=(68, 82), modes=("major", "minor"), groove="one_drop", kit=8, comp=("skank",), bass=("reggae",),
        roles={"lead": (56, 65, 22), "comp": (27,), "figure": (16, 18), "pad": (17,), "bass": (33,), "solo": (57, 22)},
        major=_REGGAE_MAJOR, minor=_REGGAE_MINOR, swing=0.15, grid=16, figure=("bubble",), pad=False,
        mix=Mix(shelf=6, bass=3.0, drive=0.2, air=0.3, reverb=44)),
    "synthwave": Style(
        words="synthwave, retrowave, 80s, eighties, synth, synthpop, neon, outrun, cyberpunk, retro, 合成器, 复古, 赛博朋克, 霓虹",
        bpm=(88, 112), modes=("minor", "dorian"), groove="synthwave", kit=24, comp=("sustain",), bass=("octaves", "root16"),
        roles={"lead": (81, 80, 87), "comp": (90, 51), "figure": (81, 39), "pad": (50, 95), "bass": (39, 38), "solo": (84, 81)},
        major=_DANCE_MAJOR, minor=_DANCE_MINOR, figure=("arp16",), register=70,
        mix=Mix(shelf=9, drums=1.5, bass=0.5, drive=0.4, air=0.5, duck=0.35, width=0.6, reverb=72, chorus=50, room=0.5)),
    "country": Style(
        words="country, bluegrass, nashville, banjo, cowboy, americana, honky tonk, western, 乡村, 牛仔, 班卓琴",
        bpm=(98, 132), modes=("major", "mixolydian"), groove="train", kit=40, comp=("boom_chick",), bass=("two",),
        roles={"lead": (110, 22), "comp": (25,), "figure": (105, 27), "pad": (21,), "bass": (32, 33), "solo": (110, 105, 27)},
        major=_FOLK_MAJOR, minor=_FOLK_MINOR, figure=("roll",), pad=False,
        mix=Mix(shelf=9, drums=-1.0, drive=0.2, air=0.45, reverb=28)),
    "funk": Style(
        words="funk, funky, disco, groove, groovy, motown, slap bass, boogie, 放克, 迪斯科, 律动",
        bpm=(100, 118), modes=("dorian", "mixolydian"), groove="funk", kit=8, comp=("scratch",), bass=("slap",),
        roles={"lead": (65, 61, 66), "comp": (28, 27), "figure": (7, 61), "pad": (16, 48), "bass": (36, 37), "solo": (65, 7)},
        major=_FUNK_MAJOR, minor=_FUNK_MINOR, grid=16, figure=("stabs",), pad=False,
        mix=Mix(shelf=8, bass=1.5, drums=1.0, drive=0.35, air=0.45, reverb=26)),
    "latin": Style(
        words="latin, bossa, bossa nova, salsa, samba, reggaeton, tango, cuban, brazil, flamenco, 拉丁, 波萨诺瓦, 桑巴, 探戈",
        bpm=(100, 132), modes=("minor", "major"), groove="latin", kit=0, comp=("bossa", "montuno"), bass=("tumbao",),
        roles={"lead": (73, 56, 24), "comp": (24, 0), "figure": (0, 24), "pad": (48,), "bass": (32,), "solo": (56, 24)},
        major=_JAZZ_MAJOR, minor=_JAZZ_MINOR, figure=("none",), pad=False,
        mix=Mix(shelf=7, drums=-1.0, drive=0.1, air=0.35, reverb=36)),
    "rnb": Style(
        words="r&b, rnb, rhythm and blues, soul, neo soul, gospel, slow jam, smooth, 灵魂乐, 节奏布鲁斯, 福音",
        bpm=(66, 84), modes=("minor", "major"), groove="rnb", kit=24, comp=("charleston", "sparse"), bass=("lazy", "sub"),
        roles={"lead": (65, 53, 66), "comp": (4, 5), "figure": (27, 11), "pad": (50, 53), "bass": (35, 38), "solo": (65, 27)},
        major=_SOUL_MAJOR, minor=_SOUL_MINOR, swing=0.16, grid=16, register=67,
        mix=Mix(shelf=5, drums=1.0, bass=1.5, drive=0.25, air=0.35, reverb=50, chorus=30)),
    "guofeng": Style(
        words="chinese traditional, guofeng, guzheng, erhu, pipa, dizi, oriental, asian, wuxia, 国风, 古风, 中国风, 古筝, 二胡, 琵琶, 笛子, 武侠, 戏腔",
        bpm=(72, 96), modes=("yu", "pentatonic"), groove="guofeng", kit=48, comp=("drops", "arp8"), bass=("whole", "two"),
        roles={"lead": (110, 73, 75), "comp": (107,), "figure": (106, 15, 46), "pad": (49, 48), "bass": (43, 32), "solo": (77, 106)},
        major=_EAST_MAJOR, minor=_EAST_MINOR, register=70, figure=("arp16", "bells"),
        mix=Mix(shelf=6, drive=0.05, air=0.25, width=0.45, reverb=72)),
}  # fmt: skip


def family(style: Style, mode: str, dark: bool) -> Harmony:
    """The progressions for a mode. Blues has its own twelve bars, in whichever colour was asked for."""
    if mode == "blues":
        return style.minor if dark else style.major
    return style.minor if mode in ("minor", "dorian", "yu") else style.major
