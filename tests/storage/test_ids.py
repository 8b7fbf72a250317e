"""One random id names a job, and every file of it, and sorts by time."""

from itertools import product
from uuid import RFC_4122, UUID

import pytest

from storage.ids import (
    MAX_ITEMS,
    MAX_LINES,
    OutputId,
    Part,
    bare,
    is_batch_id,
    is_file_id,
    is_job_id,
    line_job_id,
    line_of_job,
    minted_ms,
    new_batch_id,
    new_file_id,
    new_job_id,
    output_id,
    split_output_id,
)


def test_a_job_id_is_a_uuid_of_version_7_whose_low_16_bits_are_free() -> None:
    for _ in range(100):
        id = UUID(new_job_id())
        assert (id.version, id.variant) == (7, RFC_4122)
        assert id.int & 0xFFFF == 0


def test_ids_sort_by_the_time_they_were_made() -> None:
    times = [0, 1, 255, 256, 1_700_000_000_000, 1_700_000_000_001, (1 << 48) - 1]
    ids = [new_job_id(ms) for ms in times]
    assert ids == sorted(ids)
    assert [minted_ms(id) for id in ids] == times


def test_ids_of_one_millisecond_are_all_different() -> None:
    assert len({new_job_id(1_700_000_000_000) for _ in range(10_000)}) == 10_000


def test_every_random_bit_of_an_id_is_used() -> None:
    ids = [UUID(new_job_id(0)).int for _ in range(300)]
    ever = 0
    always = ~0
    for id in ids:
        ever, always = ever | id, always & id
    assert (ever & ~always).bit_count() == 58


@pytest.mark.parametrize("item", [1, 2, 255, 256, MAX_ITEMS])
@pytest.mark.parametrize("part", list(Part))
def test_an_output_id_names_its_job_its_item_and_its_part(item: int, part: Part) -> None:
    job = new_job_id()
    id = output_id(job, item, part)
    assert split_output_id(id) == OutputId(job, item, part)
    assert not is_job_id(id)
    assert minted_ms(id) == minted_ms(job)


def test_the_outputs_of_a_job_have_ids_of_their_own() -> None:
    job = new_job_id()
    ids = {output_id(job, item, part) for item, part in product(range(1, MAX_ITEMS + 1), Part)}
    assert len(ids) == MAX_ITEMS * len(Part)


def test_a_job_id_is_no_output_id() -> None:
    assert split_output_id(new_job_id()) is None


def test_an_unknown_part_is_no_output() -> None:
    assert split_output_id(new_job_id()[:-4] + "001e") is None


@pytest.mark.parametrize("text", ["", "song", "0" * 31, "g" * 32, "../../etc/passwd", "é" * 36, "x" * 10_000])
def test_what_is_not_an_id_is_refused(text: str) -> None:
    assert split_output_id(text) is None
    assert not is_job_id(text)


def test_an_output_id_is_understood_however_a_client_writes_uuids() -> None:
    job = new_job_id()
    id = output_id(job, 1)
    for spelling in (id.upper(), id.replace("-", ""), f"{{{id}}}", f"urn:uuid:{id}"):
        assert split_output_id(spelling) == OutputId(job, 1, Part.MAIN)


def test_a_job_id_has_one_spelling() -> None:
    id = new_job_id()
    assert is_job_id(id)
    assert not is_job_id(id.replace("-", ""))
    assert not is_job_id(f"{{{id}}}")


@pytest.mark.parametrize("line", [1, 2, 65_536, 100_000, MAX_LINES])
def test_the_job_of_a_line_follows_from_its_batch(line: int) -> None:
    batch = new_batch_id()
    job = line_job_id(batch, line)
    assert is_job_id(job)
    assert (UUID(job).version, UUID(job).variant) == (7, RFC_4122)
    assert line_of_job(batch, job) == line
    assert minted_ms(job) == minted_ms(batch)
    assert line_of_job(new_batch_id(), job) is None
    assert line_of_job(batch, output_id(job, 1)) is None


def test_no_other_job_is_taken_for_a_line() -> None:
    batch = new_batch_id()
    assert line_of_job(batch, bare(batch)) is None
    assert not [job for job in (new_job_id() for _ in range(1_000)) if line_of_job(batch, job)]
    jobs = [line_job_id(batch, line) for line in range(1, 1_000)]
    assert jobs == sorted(set(jobs))


def test_ids_of_batches_and_files_say_what_they_are_and_sort_by_age() -> None:
    times = [0, 1, 1_700_000_000_000, 1_700_000_000_001]
    batches = [new_batch_id(ms) for ms in times]
    assert batches == sorted(batches)
    assert [minted_ms(id) for id in batches] == times
    file = new_file_id()
    assert (is_batch_id(batches[0]), is_file_id(batches[0]), is_batch_id(file), is_file_id(file)) == (
        True,
        False,
        False,
        True,
    )
    assert not is_file_id(file.upper())
    assert not is_file_id(file + "\n")
    assert UUID(bare(file)).version == 7
    assert len({new_batch_id(0) for _ in range(1_000)} | {new_file_id() for _ in range(1_000)}) == 2_000


def test_ids_that_are_made_one_after_the_other_sort_so() -> None:
    ids = [new_job_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
