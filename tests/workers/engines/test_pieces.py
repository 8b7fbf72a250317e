from pathlib import Path

from workers.engines.pieces import Pieces, piece


def test_pieces_are_found_by_their_number_and_empty_ones_are_none(tmp_path: Path) -> None:
    left = Pieces(tmp_path)
    for data in (b"one", b"", b"two"):
        left.leave(data)
    assert [piece(tmp_path, number) for number in (1, 2, 3)] == [b"one", b"two", None]


def test_a_piece_that_is_half_written_is_not_found(tmp_path: Path) -> None:
    left = Pieces(tmp_path)
    left.leave(b"one")
    drafts = [path.name for path in tmp_path.iterdir()]
    assert drafts == ["piece-0001"]
    (tmp_path / ".piece-0002.part").write_bytes(b"tw")
    assert piece(tmp_path, 2) is None
