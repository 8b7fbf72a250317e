"""Faces in a picture: where they are, 468 points of each, and how far each is turned.

MediaPipe's models, run by OpenCV: BlazeFace's full-range detector (192 pixels square, one anchor for each of 48 × 48
cells) and the face mesh (192 pixels square). Source: MediaPipe, "Face Detection" and "Face Mesh" model cards.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.engines import assets

_SIDE, _CELLS = 192, 48
_OVERLAP = 0.3
_PRESENT = 0.5
_CLASSIC = 1  # OpenCV 5's own engine hides one of the two outputs of each of these networks
Points = NDArray[np.float64]


class Face(NamedTuple):
    """`box` is left, top, width, height; `eyes` the right and the left one; `mesh` the 468 points; all in pixels."""

    box: tuple[float, float, float, float]
    score: float
    mesh: Points
    yaw_deg: float


def find(image: Image.Image, threshold: float) -> list[Face]:
    """The faces surer than `threshold` (0..1), from left to right. Raises EngineFailed if the models are not here."""
    assets.need("cv2", "finding faces")
    pixels = np.asarray(image)
    found = _detected(pixels, threshold, (0, 0))
    if max(image.size) > 2.5 * _SIDE:  # small faces are lost when a large picture is made small: look at parts as well
        for left, top, right, bottom in _parts(*image.size):
            found += _detected(pixels[top:bottom, left:right], threshold, (left, top))
    faces = [face for box, eyes, score in _distinct(found) if (face := _meshed(pixels, box, eyes, score))]
    return sorted(faces, key=lambda face: face.box[0])


_Found = tuple[tuple[float, float, float, float], Points, float]


def _parts(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Four overlapping squares, or so."""
    w, h = round(width * 0.62), round(height * 0.62)
    return [(x, y, x + w, y + h) for x in (0, width - w) for y in (0, height - h)]


def _detected(pixels: NDArray[np.uint8], threshold: float, offset: tuple[int, int]) -> list[_Found]:
    """Boxes, the two eyes and scores. Boxes are in parts of the input's side, from the middle of their cell."""
    import cv2

    height, width = pixels.shape[:2]
    side = max(height, width)
    square = np.zeros((side, side, 3), np.uint8)
    square[:height, :width] = pixels
    shrunk = cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    net = _detector()
    net.setInput((shrunk.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
    raw, told = net.forward(["reshaped_classifier_face_4", "reshaped_regressor_face_4"])
    scores = 1 / (1 + np.exp(-np.clip(raw.reshape(-1), -80, 80)))
    cells = (np.indices((_CELLS, _CELLS))[::-1].reshape(2, -1).T + 0.5) / _CELLS
    found: list[_Found] = []
    for index in np.flatnonzero(scores > threshold):
        numbers = told.reshape(-1, 16)[index] / _SIDE
        x, y = (numbers[:2] + cells[index]) * side + offset
        w, h = numbers[2:4] * side
        eyes = (numbers[4:8].reshape(2, 2) + cells[index]) * side + offset
        found.append(((float(x - w / 2), float(y - h / 2), float(w), float(h)), eyes, float(scores[index])))
    return found


def _distinct(found: list[_Found]) -> list[_Found]:
    """The surest of those that overlap."""
    import cv2

    if not found:
        return []
    boxes, scores = [list(box) for box, _, _ in found], [score for _, _, score in found]
    kept = np.array(cv2.dnn.NMSBoxes(boxes, scores, 0.0, _OVERLAP)).reshape(-1)
    return [found[int(index)] for index in kept]


def _meshed(
    pixels: NDArray[np.uint8], box: tuple[float, float, float, float], eyes: Points, score: float
) -> Face | None:
    """The mesh, fitted twice: the second time around the points found at first. None if there is no face after all."""
    import cv2

    middle = np.array((box[0] + box[2] / 2, box[1] + box[3] / 2))
    turn, side = _tilt(eyes), max(box[2], box[3]) * 1.5
    mesh = np.zeros((468, 3))
    for _ in range(2):
        into = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), turn, _SIDE / side)
        into = into + np.column_stack((np.zeros((2, 2)), _SIDE / 2 - middle))
        crop = cv2.warpAffine(pixels, into, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
        net = _mesher()
        net.setInput((crop.astype(np.float32) / 255).transpose(2, 0, 1)[None])
        presence, points = net.forward(["conv2d_30", "conv2d_20"])
        if 1 / (1 + np.exp(-float(presence.reshape(-1)[0]))) < _PRESENT:
            return None
        crop_points = points.reshape(468, 3).astype(np.float64)
        flat = cv2.transform(crop_points[None, :, :2], cv2.invertAffineTransform(into))[0]
        mesh = np.column_stack((flat, crop_points[:, 2] * side / _SIDE))
        middle, turn = (flat.min(axis=0) + flat.max(axis=0)) / 2, _tilt(flat[[33, 263]])
    return Face(box, score, mesh[:, :2], _yaw(mesh))


def _tilt(eyes: Points) -> float:
    across = eyes[1] - eyes[0]
    return float(np.degrees(np.arctan2(across[1], across[0])))


def _yaw(mesh: Points) -> float:
    """How far the head is turned to a side, in degrees: from the depths of its two cheeks (points 234 and 454)."""
    across = mesh[454] - mesh[234]
    return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))


@cache
def _detector() -> Any:
    return _loaded("face_detection_full_range.tflite")


@cache
def _mesher() -> Any:
    return _loaded("face_landmark.tflite")


def _loaded(name: str) -> Any:
    path = assets.FACES.require() / name
    import cv2

    cv2.setNumThreads(1)
    if cv2.__version__.startswith("4."):
        return cv2.dnn.readNetFromTFLite(str(path))
    return cv2.dnn.readNetFromTFLite(str(path), _CLASSIC)
