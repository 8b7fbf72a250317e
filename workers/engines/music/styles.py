"""Genres as data: what makes each one sound like itself.

Programs are General MIDI numbers from 0. A progression is Roman numerals, one a bar; "ii7/V7" puts two in a bar.
"""

import msgspec

from workers.engines.music import progressions
from workers.engines.music.progressions import Harmony
from workers.engines.music.theory import DARK


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


STYLES: dict[str, Style] = {
    "pop": Style(
        words="pop, catchy, upbeat, radio, summer, k-pop, kpop, j-pop, mandopop, teen, love song, ballad, "
              "流行, 情歌, 抒情",
        bpm=(98, 122), modes=("major", "major", "minor"), groove="pop", kit=16, comp=("pop", "push"),
        bass=("pop", "root8"),
        roles={"lead": (73, 65, 56, 22), "comp": (0, 1), "figure": (25, 27, 4), "pad": (50, 89, 48), "bass": (33, 34),
               "solo": (27, 65)},
        major=progressions.POP_MAJOR, minor=progressions.POP_MINOR, mix=Mix(shelf=8, width=0.3, air=0.4)),
    "rock": Style(
        words="rock, guitar, garage, grunge, alternative, anthem, band, indie rock, britpop, "
              "摇滚, 乐队",
        bpm=(112, 142), modes=("mixolydian", "major", "minor"), groove="rock", kit=16, comp=("power8",),
        bass=("root8",),
        roles={"lead": (84, 81, 65), "comp": (29,), "figure": (27, 25), "pad": (18, 16), "bass": (34,), "solo": (30,)},
        major=progressions.ROCK_MAJOR, minor=progressions.ROCK_MINOR, figure=("strum8",), pad=False,
        mix=Mix(gain=-1.5, shelf=7, drums=1.5, drive=0.5, air=0.45, reverb=34)),
    "metal": Style(
        words="metal, heavy, thrash, death metal, metalcore, hardcore, brutal, headbang, "
              "金属, 重金属, 重型",
        bpm=(142, 176), modes=("minor",), groove="metal", kit=16, comp=("gallop",), bass=("gallop",),
        roles={"lead": (84, 30), "comp": (30,), "figure": (29,), "pad": (48, 52), "bass": (34,), "solo": (30,)},
        major=progressions.ROCK_MAJOR, minor=progressions.ROCK_MINOR, figure=("power8",), pad=False, register=64,
        mix=Mix(gain=-3.0, shelf=9, drums=2.0, drive=0.8, air=0.6, reverb=24, bass=1.0)),
    "jazz": Style(
        words="jazz, swing, bebop, big band, lounge, smoky, sax, saxophone, "
              "爵士, 爵士乐, 萨克斯, 摇摆乐",
        bpm=(104, 148), modes=("major", "dorian"), groove="jazz", kit=32, comp=("charleston", "sparse"),
        bass=("walking",),
        roles={"lead": (66, 65, 59, 71), "comp": (0, 26), "figure": (11, 26), "pad": (48,), "bass": (32,), "solo": (0,
               66, 11)},
        major=progressions.JAZZ_MAJOR, minor=progressions.JAZZ_MINOR, swing=0.33, figure=("none",), pad=False,
        register=65,
        mix=Mix(gain=2.0, shelf=4, drums=-3.0, drive=0.1, air=0.2, reverb=40, room=0.35)),
    "lofi": Style(
        words="lofi, lo-fi, chill, chillhop, study, rainy, cozy, relaxing, coffee, "
              "低保真, 放松, 学习, 咖啡",
        bpm=(70, 86), modes=("dorian", "major", "minor"), groove="lofi", kit=25, comp=("sparse", "charleston"),
        bass=("lazy",),
        roles={"lead": (11, 4, 73), "comp": (4, 5), "figure": (26, 24), "pad": (89, 53), "bass": (33, 35),
               "solo": (26, 4)},
        major=progressions.SOUL_MAJOR, minor=progressions.SOUL_MINOR, swing=0.26, register=69, sparse=0.35,
        mix=Mix(gain=2.0, shelf=-7, drums=-1.5, drive=0.4, air=0.0, reverb=44, width=0.15, crackle=1.0)),
    "edm": Style(
        words="edm, house, techno, trance, club, dance, electronic, electro, rave, dubstep, festival, dj, party, "
              "电子, 舞曲, 电音, 夜店, 派对",
        bpm=(122, 132), modes=("minor", "minor", "major"), groove="house", kit=25, comp=("stabs", "offbeat"),
        bass=("offbeat", "octaves"),
        roles={"lead": (81, 80, 84), "comp": (90, 62), "figure": (81, 80), "pad": (89, 95, 50), "bass": (38, 39),
               "solo": (81,)},
        major=progressions.DANCE_MAJOR, minor=progressions.DANCE_MINOR, figure=("arp16",), register=70,
        mix=Mix(gain=-2.5, shelf=10, drums=2.0, bass=1.5, drive=0.6, air=0.7, duck=0.65, width=0.5, reverb=50,
        chorus=40)),
    "ambient": Style(
        words="ambient, drone, space, meditation, meditative, sleep, ethereal, atmospheric, new age, spa, yoga, "
              "healing, "
              "氛围, 冥想, 睡眠, 太空, 空灵, 疗愈",
        bpm=(56, 70), modes=("major", "minor", "dorian"), groove="none", kit=0, comp=("swell",), bass=("whole",),
        roles={"lead": (88, 99, 79), "comp": (89, 94), "figure": (98, 11, 46), "pad": (95, 92, 52), "bass": (39,),
               "solo": (99, 77)},
        major=progressions.CALM_MAJOR, minor=progressions.CALM_MINOR, register=72, figure=("drops",), sparse=0.5,
        mix=Mix(shelf=8, bass=-3.0, drive=0.1, air=0.3, width=0.7, reverb=110, chorus=50, gain=0.5)),
    "classical": Style(
        words="classical, orchestra, orchestral, symphony, baroque, sonata, cinematic, epic, strings, film score, "
              "soundtrack, trailer, waltz, "
              "古典, 交响, 管弦, 史诗, 电影, 弦乐, 圆舞曲",
        bpm=(76, 106), modes=("minor", "major"), groove="orchestral", kit=48, comp=("sustain",), bass=("two",),
        roles={"lead": (40, 68, 73, 71), "comp": (48,), "figure": (46, 0, 45), "pad": (60, 48), "bass": (43, 42),
               "solo": (56, 40, 68)},
        major=progressions.CLASSICAL_MAJOR, minor=progressions.CLASSICAL_MINOR, register=72,
        figure=("alberti", "arp8"),
        mix=Mix(shelf=7, drive=0.05, air=0.2, width=0.5, reverb=84, chorus=0)),
    "folk": Style(
        words="folk, acoustic, campfire, singer-songwriter, indie folk, ukulele, celtic, unplugged, "
              "民谣, 民歌, 木吉他, 校园, 尤克里里",
        bpm=(86, 112), modes=("major", "major", "dorian"), groove="folk", kit=0, comp=("strum8",), bass=("two",),
        roles={"lead": (22, 73, 110), "comp": (25,), "figure": (24, 105, 25), "pad": (21, 48), "bass": (32,),
               "solo": (110, 22)},
        major=progressions.FOLK_MAJOR, minor=progressions.FOLK_MINOR, figure=("arp8",), pad=False,
        mix=Mix(gain=2.0, shelf=8, drums=-4.0, drive=0.1, air=0.35, reverb=36)),
    "hiphop": Style(
        words="hip hop, hip-hop, hiphop, rap, boom bap, beats, freestyle, old school, "
              "说唱, 嘻哈",
        bpm=(84, 98), modes=("minor", "dorian"), groove="hiphop", kit=24, comp=("sparse", "stabs"), bass=("sub",),
        roles={"lead": (11, 80, 108), "comp": (4, 0), "figure": (45, 46, 8), "pad": (50, 52), "bass": (38, 39),
               "solo": (80, 59)},
        major=progressions.SOUL_MAJOR, minor=progressions.POP_MINOR, swing=0.12, grid=16, register=65,
        mix=Mix(shelf=5, drums=2.5, bass=2.5, drive=0.5, air=0.3, reverb=26)),
    "trap": Style(
        words="trap, drill, 808, phonk, drake type beat, "
              "陷阱",
        bpm=(68, 78), modes=("minor",), groove="trap", kit=25, comp=("swell",), bass=("sub",),
        roles={"lead": (80, 10, 108), "comp": (89, 14), "figure": (10, 11, 98), "pad": (52, 91), "bass": (38,),
               "solo": (10, 75)},
        major=progressions.POP_MAJOR, minor=progressions.POP_MINOR, grid=16, register=67, figure=("bells",),
        mix=Mix(shelf=7, drums=2.0, bass=3.5, drive=0.6, air=0.5, reverb=54)),
    "blues": Style(
        words="blues, delta, chicago blues, slide guitar, soulful blues, "
              "蓝调, 布鲁斯",
        bpm=(82, 112), modes=("blues",), groove="shuffle", kit=8, comp=("shuffle",), bass=("boogie",),
        roles={"lead": (22, 66), "comp": (26, 27), "figure": (0, 16), "pad": (18,), "bass": (33,), "solo": (29, 22)},
        major=progressions.BLUES_MAJOR, minor=progressions.BLUES_MINOR, swing=0.33, register=64, figure=("sparse",),
        pad=False,
        mix=Mix(shelf=6, drive=0.5, air=0.3, reverb=30)),
    "reggae": Style(
        words="reggae, dub, ska, jamaica, island, rasta, dancehall, "
              "雷鬼, 海岛",
        bpm=(68, 82), modes=("major", "minor"), groove="one_drop", kit=8, comp=("skank",), bass=("reggae",),
        roles={"lead": (56, 65, 22), "comp": (27,), "figure": (16, 18), "pad": (17,), "bass": (33,), "solo": (57, 22)},
        major=progressions.REGGAE_MAJOR, minor=progressions.REGGAE_MINOR, swing=0.15, grid=16, figure=("bubble",),
        pad=False,
        mix=Mix(shelf=6, bass=3.0, drive=0.2, air=0.3, reverb=44)),
    "synthwave": Style(
        words="synthwave, retrowave, 80s, eighties, synth, synthpop, neon, outrun, cyberpunk, retro, "
              "合成器, 复古, 赛博朋克, 霓虹",
        bpm=(88, 112), modes=("minor", "dorian"), groove="synthwave", kit=24, comp=("sustain",),
        bass=("octaves", "root16"),
        roles={"lead": (81, 80, 87), "comp": (90, 51), "figure": (81, 39), "pad": (50, 95), "bass": (39, 38),
               "solo": (84, 81)},
        major=progressions.DANCE_MAJOR, minor=progressions.DANCE_MINOR, figure=("arp16",), register=70,
        mix=Mix(gain=-2.0, shelf=9, drums=1.5, bass=0.5, drive=0.4, air=0.5, duck=0.35, width=0.6, reverb=72, chorus=50,
        room=0.5)),
    "country": Style(
        words="country, bluegrass, nashville, banjo, cowboy, americana, honky tonk, western, "
              "乡村, 牛仔, 班卓琴",
        bpm=(98, 132), modes=("major", "mixolydian"), groove="train", kit=40, comp=("boom_chick",), bass=("two",),
        roles={"lead": (110, 22), "comp": (25,), "figure": (105, 27), "pad": (21,), "bass": (32, 33), "solo": (110,
               105, 27)},
        major=progressions.FOLK_MAJOR, minor=progressions.FOLK_MINOR, figure=("roll",), pad=False,
        mix=Mix(shelf=9, drums=-1.0, drive=0.2, air=0.45, reverb=28)),
    "funk": Style(
        words="funk, funky, disco, groove, groovy, motown, slap bass, boogie, "
              "放克, 迪斯科, 律动",
        bpm=(100, 118), modes=("dorian", "mixolydian"), groove="funk", kit=8, comp=("scratch",), bass=("slap",),
        roles={"lead": (65, 61, 66), "comp": (28, 27), "figure": (7, 61), "pad": (16, 48), "bass": (36, 37),
               "solo": (65, 7)},
        major=progressions.FUNK_MAJOR, minor=progressions.FUNK_MINOR, grid=16, figure=("stabs",), pad=False,
        mix=Mix(shelf=8, bass=1.5, drums=1.0, drive=0.35, air=0.45, reverb=26)),
    "latin": Style(
        words="latin, bossa, bossa nova, salsa, samba, reggaeton, tango, cuban, brazil, flamenco, "
              "拉丁, 波萨诺瓦, 桑巴, 探戈",
        bpm=(100, 132), modes=("minor", "major"), groove="latin", kit=0, comp=("bossa", "montuno"), bass=("tumbao",),
        roles={"lead": (73, 56, 24), "comp": (24, 0), "figure": (0, 24), "pad": (48,), "bass": (32,), "solo": (56,
               24)},
        major=progressions.JAZZ_MAJOR, minor=progressions.JAZZ_MINOR, figure=("none",), pad=False,
        mix=Mix(shelf=7, drums=-1.0, drive=0.1, air=0.35, reverb=36)),
    "rnb": Style(
        words="r&b, rnb, rhythm and blues, soul, neo soul, gospel, slow jam, smooth, "
              "灵魂乐, 节奏布鲁斯, 福音",
        bpm=(66, 84), modes=("minor", "major"), groove="rnb", kit=24, comp=("charleston", "sparse"),
        bass=("lazy", "sub"),
        roles={"lead": (65, 53, 66), "comp": (4, 5), "figure": (27, 11), "pad": (50, 53), "bass": (35, 38),
               "solo": (65, 27)},
        major=progressions.SOUL_MAJOR, minor=progressions.SOUL_MINOR, swing=0.16, grid=16, register=67,
        mix=Mix(shelf=5, drums=1.0, bass=1.5, drive=0.25, air=0.35, reverb=50, chorus=30)),
    "guofeng": Style(
        words="chinese traditional, guofeng, guzheng, erhu, pipa, dizi, oriental, asian, wuxia, "
              "国风, 古风, 中国风, 古筝, 二胡, 琵琶, 笛子, 武侠, 戏腔",
        bpm=(72, 96), modes=("yu", "pentatonic"), groove="guofeng", kit=48, comp=("drops", "arp8"),
        bass=("whole", "two"),
        roles={"lead": (110, 73, 75), "comp": (107,), "figure": (106, 15, 46), "pad": (49, 48), "bass": (43, 32),
               "solo": (77, 106)},
        major=progressions.EAST_MAJOR, minor=progressions.EAST_MINOR, register=70, figure=("arp16", "bells"),
        mix=Mix(gain=1.5, shelf=6, drive=0.05, air=0.25, width=0.45, reverb=72)),
}  # fmt: skip


def family(style: Style, mode: str, dark: bool) -> Harmony:
    """The progressions for a mode. Blues has its own twelve bars, in whichever colour was asked for."""
    return style.minor if dark or mode in DARK else style.major
