"""One face put in another's place: warped mesh to mesh, matched in colour, blended in."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.errors import InvalidRequest
from workers.engines.base import Report
from workers.engines.picture import upscale
from workers.engines.picture.faces import Face, Points, find

Pixels = NDArray[np.uint8]
# The outline of the face in MediaPipe's mesh, but for the forehead: above the brows hair and fringes begin.
_OUTLINE = (
    127, 162, 21, 54, 68, 104, 69, 108, 151, 337, 299, 333, 298, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379,
    378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234,
)  # fmt: skip

# The inner edge of the lips, from corner to corner along the upper lip and back.
_MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_CLOSED = 0.06
"""How wide, in parts of its width, a mouth may be open and count as closed."""


class Terms(NamedTuple):
    """Which faces (counted from the left), and when a face is good enough."""

    source_faces: list[int]
    target_faces: list[int]
    threshold: float
    most_faces: int
    most_yaw_deg: float
    restored: float  # how much of the swapped face is redrawn by the upscaler, 0..1


class Swapped(NamedTuple):
    image: Image.Image
    boxes: list[tuple[int, int, int, int]]


def swap(
    source: Image.Image, target: Image.Image, terms: Terms, report: Report, called: str = "target image"
) -> Swapped:
    """The target, for callers by the name `called`, with its faces replaced by the source's, in the order given; a
    single source face replaces all.

    Raises InvalidRequest naming the picture that has no such face, or one turned too far.
    """
    donors = _chosen(source, "source", "source image", terms.source_faces, terms)
    report(0.25)
    places = _chosen(target, "target", called, terms.target_faces, terms)
    report(0.5)
    pixels = np.asarray(target)
    boxes = []
    for index, place in enumerate(places):
        donor = donors[min(index, len(donors) - 1)]
        pixels = _put(np.asarray(source), donor.mesh, pixels, place.mesh)
        left, top = place.mesh.min(axis=0)
        right, bottom = place.mesh.max(axis=0)
        box = (
            max(0, int(left)),
            max(0, int(top)),
            min(target.width, int(right) + 1),
            min(target.height, int(bottom) + 1),
        )
        boxes.append(box)
        pixels = _restored(pixels, place.mesh, box, terms.restored) if terms.restored else pixels
        report(0.5 + 0.4 * (index + 1) / len(places))
    return Swapped(Image.fromarray(pixels), boxes)


def _chosen(image: Image.Image, name: str, called: str, wanted: list[int], terms: Terms) -> list[Face]:
    """The faces with these numbers. Raises InvalidRequest."""
    faces = find(image, terms.threshold)
    if not faces:
        raise InvalidRequest(f"no face was found in the {called}", field=f"{name}_image")
    if terms.most_faces and len(faces) > terms.most_faces:
        surest = sorted(faces, key=lambda face: -face.score)[: terms.most_faces]
        faces = sorted(surest, key=lambda face: face.box[0])
    chosen = []
    for number in wanted:
        if number >= len(faces):
            raise InvalidRequest(
                f"the {called} has {len(faces)} faces, counted from 0: there is no face {number}",
                field=f"{name}_faces_index" if name == "source" else "face_index",
            )
        if abs(faces[number].yaw_deg) > terms.most_yaw_deg:
            raise InvalidRequest(
                f"face {number} in the {called} is turned by {abs(faces[number].yaw_deg):.0f} degrees;"
                f" at most {terms.most_yaw_deg:g} look right",
                field=f"{name}_image",
            )
        chosen.append(faces[number])
    return chosen


def _put(source: Pixels, donor: Points, target: Pixels, place: Points) -> Pixels:
    """The donor's face at the place of another."""
    import cv2

    warped, covered = _warped(source, donor, target.shape, place)
    mask: Pixels = np.zeros(target.shape[:2], np.uint8)
    cv2.fillPoly(mask, [place[list(_OUTLINE)].round().astype(np.int32)], 255)
    mask &= covered
    if _opening(place) > _CLOSED > _opening(donor):  # stretched lips are no teeth: the target keeps its own
        cv2.fillPoly(mask, [place[list(_MOUTH)].round().astype(np.int32)], 0)
    rim = max(3, int(np.ptp(place[:, 0]) * 0.045)) | 1
    mask = np.asarray(cv2.erode(mask, np.ones((rim, rim), np.uint8)), np.uint8)
    if not mask.any():
        return target
    matched = _matched(warped, target, mask > 0)
    rows, columns = np.nonzero(mask)
    middle = (int(columns.min() + columns.max()) // 2, int(rows.min() + rows.max()) // 2)
    laid = np.where(mask[..., None] > 0, matched, target)
    # OpenCV overwrites the mask it is given.
    blended = cv2.seamlessClone(laid, target, mask.copy(), middle, cv2.NORMAL_CLONE)
    soft = cv2.GaussianBlur(mask, (0, 0), rim * 0.6)[..., None] / np.float32(255)
    mixed = soft * (0.7 * blended.astype(np.float32) + 0.3 * matched) + (1 - soft) * target
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


def _opening(mesh: Points) -> float:
    """How far a mouth is open, beside its width."""
    left, right, upper, lower = (mesh[number] for number in (78, 308, 13, 14))
    return float(np.hypot(*(lower - upper)) / max(1e-6, np.hypot(*(right - left))))


def _warped(source: Pixels, donor: Points, shape: tuple[int, ...], place: Points) -> tuple[Pixels, Pixels]:
    """The source bent so that its mesh lies on the other, triangle by triangle; and the pixels that this covers."""
    import cv2

    height, width = shape[:2]
    map_x, map_y = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    covered = np.zeros((height, width), np.uint8)
    for corners in _triangles(place):
        there, here = place[corners].astype(np.float32), donor[corners].astype(np.float32)
        left, top = np.maximum(np.floor(there.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(there.max(axis=0)).astype(int) + 1, (width, height))
        if right <= left or bottom <= top:
            continue
        inside = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillConvexPoly(inside, np.round(there - (left, top)).astype(np.int32), 1)
        back = cv2.getAffineTransform(there, here)
        x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
        chosen = inside > 0
        map_x[top:bottom, left:right][chosen] = (back[0, 0] * x + back[0, 1] * y + back[0, 2])[chosen]
        map_y[top:bottom, left:right][chosen] = (back[1, 0] * x + back[1, 1] * y + back[1, 2])[chosen]
        covered[top:bottom, left:right][chosen] = 255
    bent = cv2.remap(source, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(bent, np.uint8), covered


def _triangles(points: Points) -> list[list[int]]:
    """Delaunay's triangles over the points, as their numbers."""
    import cv2

    left, top = np.floor(points.min(axis=0)).astype(int) - 5
    wide, high = np.ceil(np.ptp(points, axis=0)).astype(int) + 12
    plane = cv2.Subdiv2D((int(left), int(top), int(wide), int(high)))
    numbers: dict[tuple[float, float], int] = {}
    for number, (x, y) in enumerate(points.astype(np.float32)):
        plane.insert((float(x), float(y)))
        numbers[round(float(x), 2), round(float(y), 2)] = number
    corners = [
        [numbers.get((round(float(flat[at]), 2), round(float(flat[at + 1]), 2))) for at in (0, 2, 4)]
        for flat in plane.getTriangleList()
    ]
    return [[number for number in three if number is not None] for three in corners if None not in three]


def _matched(warped: Pixels, target: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    """The warped face in the light and the skin tone of the one it replaces: mean and spread in CIE L*a*b*."""
    import cv2

    ours = cv2.cvtColor(warped, cv2.COLOR_RGB2LAB).astype(np.float32)
    theirs = cv2.cvtColor(target, cv2.COLOR_RGB2LAB).astype(np.float32)
    for channel in range(3):
        mine, its = ours[..., channel][inside], theirs[..., channel][inside]
        most, least = (1.05, 0.6) if channel == 0 else (0.9, 0.5)  # more colour turns skin blue
        scale = float(np.clip(its.std() / (mine.std() + 1e-5), least, most))
        ours[..., channel] = (ours[..., channel] - mine.mean()) * scale + its.mean()
    return np.asarray(cv2.cvtColor(np.clip(ours, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB), np.uint8)


def _restored(pixels: Pixels, mesh: Points, box: tuple[int, int, int, int], share: float) -> Pixels:
    """The face upscaled and brought back to its size: sharper, smoother. A mild restorer; there is no better here."""
    import cv2

    left, top, right, bottom = box
    if min(right - left, bottom - top) < 16:
        return pixels
    face = Image.fromarray(pixels[top:bottom, left:right])
    redrawn: Any = upscale.upscale(face, 2, upscale.NETWORK, lambda _: None).resize(face.size, Image.Resampling.LANCZOS)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [mesh[list(_OUTLINE)].round().astype(np.int32)], 255)
    rim = max(3, (right - left) // 20) | 1
    soft = cv2.GaussianBlur(cv2.erode(mask, np.ones((rim, rim), np.uint8)), (0, 0), rim * 0.5)[top:bottom, left:right]
    weight = soft[..., None] / np.float32(255) * share
    out = pixels.copy()
    out[top:bottom, left:right] = np.asarray(redrawn) * weight + pixels[top:bottom, left:right] * (1 - weight) + 0.5
    return out
