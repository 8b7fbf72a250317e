"""Drum patterns as data: one bar of sixteen steps for each drum.

`X` is an accent, `x` a plain stroke, `o` a soft one, `-` a ghost. Three lines of force per groove: `soft` for intros
and breaks, `light` for verses, `full` for choruses. Pitches are General MIDI percussion keys.
"""

KEYS = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "ride": 51,
    "bell": 53,
    "crash": 49,
    "low": 43,
    "mid": 47,
    "high": 50,
    "shaker": 70,
    "tamb": 54,
    "conga": 63,
    "tumba": 64,
    "clave": 75,
    "cowbell": 56,
    "splash": 55,
    "wood": 76,
}
VELOCITY = {"X": 118, "x": 96, "o": 72, "-": 40}

Pattern = dict[str, str]

GROOVES: dict[str, dict[str, Pattern]] = {
    "pop": {
        "soft": {"hat": "o...o...o...o...", "rim": "........o......."},
        "light": {"kick": "X.......x.x.....", "rim": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        "full": {"kick": "X.....x.x.x.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x.",
                 "clap": "....x.......x...", "tamb": "..o...o...o...o."},
    },
    "rock": {
        "soft": {"hat": "x...x...x...x...", "kick": "o...............",},
        "light": {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
        "full": {"kick": "X.x.....X.x...x.", "snare": "....X.......X...", "open": "X...X...X...X...",
                 "hat": "..x...x...x...x."},
    },
    "metal": {
        "soft": {"ride": "x...x...x...x..."},
        "light": {"kick": "X.xx..xxX.xx..xx", "snare": "....X.......X...", "hat": "X...X...X...X..."},
        "full": {"kick": "XxxxXxxxXxxxXxxx", "snare": "....X.......X...", "bell": "X...X...X...X...",
                 "open": "..x...x...x...x."},
    },
    "jazz": {
        "soft": {"ride": "x...x.o.x...x.o."},
        "light": {"ride": "x...X.o.x...X.o.", "pedal": "....x.......x...", "kick": "-.......-......."},
        "full": {"ride": "x...X.x.x...X.x.", "pedal": "....x.......x...", "kick": "o.......-.....-.",
                 "snare": "..-.......-...o.", "rim": "............o..."},
    },
    "lofi": {
        "soft": {"hat": "o...o...o...o..."},
        "light": {"kick": "X.......x.......", "rim": "....x.......x...", "hat": "o.o.o.o.o.o.o.o."},
        "full": {"kick": "X......x..x.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.oo",
                 "shaker": "..-...-...-...-."},
    },
    "house": {
        "soft": {"hat": "..o...o...o...o.", "clap": "............o..."},
        "light": {"kick": "X...X...X...X...", "hat": "..x...x...x...x.", "clap": "....o.......o..."},
        "full": {"kick": "X...X...X...X...", "clap": "....X.......X...", "open": "..X...X...X...X.",
                 "hat": "x.x.x.xxx.x.x.xx", "shaker": "-o-o-o-o-o-o-o-o"},
    },
    "orchestral": {
        "soft": {},
        "light": {},
        "full": {"low": "X...........o.o.", "crash": "................"},
    },
    "folk": {
        "soft": {"shaker": "o...o...o...o..."},
        "light": {"shaker": "o.-.o.-.o.-.o.-.", "kick": "x.......x......."},
        "full": {"shaker": "x.o.x.o.x.o.x.o.", "kick": "X.......x.......", "tamb": "....x.......x...",
                 "rim": "............o..."},
    },
    "hiphop": {
        "soft": {"hat": "o...o...o...o..."},
        "light": {"kick": "X.....x...x.....", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o."},
        "full": {"kick": "X..x..x...x...o.", "snare": "....X.......X...", "clap": "....x.......x...",
                 "hat": "x.x.x.xxx.x.xxxx", "open": "..............x."},
    },
    "trap": {
        "soft": {"hat": "o...o...o...o..."},
        "light": {"kick": "X.........x.....", "clap": "........X.......", "hat": "x.x.x.x.x.x.x.x."},
        "full": {"kick": "X.....x...X..x..", "clap": "........X.......", "snare": "........x.....-.",
                 "hat": "xxx.xxx.xxxxx.xx", "open": "......x........."},
    },
    "shuffle": {
        "soft": {"hat": "o...o...o...o..."},
        "light": {"kick": "X.......x.......", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        "full": {"kick": "X.....o.x.....o.", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
    },
    "one_drop": {
        "soft": {"hat": "..o...o...o...o."},
        "light": {"kick": "........X.......", "rim": "........x.......", "hat": "x.o.x.o.x.o.x.o."},
        "full": {"kick": "........X.......", "snare": "........X.....-.", "hat": "x.ooX.oox.ooX.oo",
                 "rim": "...o......o....."},
    },
    "synthwave": {
        "soft": {"hat": "o.o.o.o.o.o.o.o."},
        "light": {"kick": "X...X...X...X...", "hat": "..x...x...x...x."},
        "full": {"kick": "X...X...X...X...", "snare": "....X.......X...", "clap": "....x.......x...",
                 "hat": "xoxoxoxoxoxoxoxo"},
    },
    "train": {
        "soft": {"shaker": "o...o...o...o..."},
        "light": {"kick": "X.......X.......", "snare": "..o.x.o...o.x.o.", "hat": "....o.......o..."},
        "full": {"kick": "X.......X.......", "snare": "o.o.X.o.o.o.X.oo", "tamb": "....x.......x..."},
    },
    "funk": {
        "soft": {"hat": "o.o.o.o.o.o.o.o."},
        "light": {"kick": "X..x......x.....", "snare": "....X..-.-..X...", "hat": "x.x.x.x.x.x.x.x."},
        "full": {"kick": "X.x....x..x..x..", "snare": "....X..-.-..X..-", "hat": "xoxoxoxoxoxxxo.o",
                 "open": "..............x.", "tamb": "....o.......o..."},
    },
    "latin": {
        "soft": {"clave": "o..o..o...o.o..."},
        "light": {"kick": "X......xX......x", "rim": "x..x..x...x.x...", "shaker": "o-o-o-o-o-o-o-o-"},
        "full": {"kick": "X......xX......x", "rim": "x..x..x...x.x...", "hat": "x.x.x.x.x.x.x.x.",
                 "conga": "..o...xx..o...xx", "tumba": "x.......x......."},
    },
    "rnb": {
        "soft": {"hat": "o...o...o...o..."},
        "light": {"kick": "X......x........", "rim": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        "full": {"kick": "X......x..x....o", "snare": "....X.......X...", "hat": "x.oox.o.x.oox.oo",
                 "clap": "....o.......o..."},
    },
    "guofeng": {
        "soft": {"wood": "o..............."},
        "light": {"low": "x.......o.......", "wood": "....o.......o.-."},
        "full": {"low": "X.....o.x.......", "high": "....o.......o.o.", "wood": "..o...o...o...o.",
                 "shaker": "o-o-o-o-o-o-o-o-"},
    },
    "none": {"soft": {}, "light": {}, "full": {}},
}  # fmt: skip

FILLS: tuple[Pattern, ...] = (
    {"snare": "........o.x.xxXX"},
    {"snare": "........xx......", "high": "..........xx....", "mid": "............xx..", "low": "..............XX"},
    {"snare": "............xxXX", "kick": "........x......."},
    {"high": "........x.x.....", "low": "............x.xX", "snare": "..........o...o."},
)
