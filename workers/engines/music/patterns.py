"""Accompaniment patterns as data: one bar of sixteen steps, like the drums.

Bass: `R` root, `3` `5` `6` chord steps, `8` octave, `a` a step towards the next root, `-` holds, `.` rests.
Chords: `X` and `x` strike, `-` holds. Broken chords: a digit is the chord tone, counted from the lowest.
"""

BASS = {
    "pop": "R---..R-R-..5-8-",
    "root8": "R-R-R-R-R-R-R-a-",
    "root16": "RRRRRRRRRRRRRRRR",
    "gallop": "R-RRR-RRR-RRR-RR",
    "walking": "R---3---5---a---",
    "lazy": "R-----..R-..5-a-",
    "offbeat": "..R-..R-..R-..R-",
    "octaves": "R.8.R.8.R.8.R.8.",
    "whole": "R---------------",
    "two": "R-----..5-----a-",
    "sub": "R------...R---..",
    "boogie": "R-R-3-3-5-6-5-3-",
    "reggae": "R-..R-3-5---..a-",
    "slap": "R.R..8..R..85.a.",
    "tumbao": "R-....5-..8---a-",
}

STRUCK = {
    "pop": ("block", "X---..x-..x-x-.."),
    "push": ("block", "X-----x---x-x---"),
    "power8": ("power", "X-x-x-x-X-x-x-x-"),
    "gallop": ("power", "X-xxX-xxX-xxX-xx"),
    "charleston": ("block", "X-....x-........"),
    "sparse": ("block", "..x---....x-...."),
    "stabs": ("block", "X..X..X...X..X.."),
    "offbeat": ("block", "..X-..X-..X-..X-"),
    "swell": ("block", "X---------------"),
    "sustain": ("block", "X---------------"),
    "strum8": ("strum", "X---x-x-..x-x-x-"),
    "shuffle": ("power", "X-x-X-x-X-x-X-x-"),
    "skank": ("block", "..X...X...X...X."),
    "boom_chick": ("strum", "....X-......X-x-"),
    "scratch": ("block", "x.xX.xx.x.xX.xxX"),
    "bossa": ("block", "X-..x-..X-x-..x-"),
    "montuno": ("block", "X.x.xX.xX.x.xX.x"),
    "bubble": ("block", ".x.x.x.x.x.x.x.x"),
}

BROKEN = {
    "arp8": "0-1-2-1-3-2-1-2-",
    "arp16": "0123210301232103",
    "alberti": "0-2-1-2-0-2-1-2-",
    "roll": "0213021302130213",
    "drops": "3-----..1-----2-",
    "bells": "3---..2-....1---",
}
"""Three-note chords wrap round: tone 3 is the lowest one an octave up."""
