"""Scripts that ride along: ReActor's positional arguments, and scripts that are switched off."""

from typing import Any

import pytest

from api.dialects.webui.bodies import Txt2Img
from api.dialects.webui.scripts import SLOTS, Riding, riding
from storage.addresses import Guard
from storage.catalog import Catalog
from storage.errors import AddressRefused, InvalidRequest, RequestError
from tests.api.images import data_uri, picture

FACE = data_uri(picture())
DOCUMENTED: list[Any] = [
    FACE, True, "0", "0", "inswapper_128.onnx", "CodeFormer", 1, True, "4x_NMKD-Superscale-SP_178000_G", 1.5, 1, False,
    True, 1, 0, 0, False, 0.5, False, False, "CPU", False, 0, "None", "", None, False, False, 0.6, 2, "tab_single",
]  # fmt: skip


def ridden(scripts: dict[str, Any], **body: Any) -> Riding:
    return riding(Txt2Img(alwayson_scripts=scripts, **body), Catalog(), Guard())


def reactor(*args: Any) -> Riding:
    return ridden({"reactor": {"args": [*args]}})


def changed(**slots: Any) -> list[Any]:
    """The documented arguments, some of them others (`s14=1`)."""
    args = [*DOCUMENTED]
    for slot, arg in slots.items():
        args[int(slot[1:])] = arg
    return args


def test_all_of_reactors_arguments_are_read() -> None:
    assert len(DOCUMENTED) == len(SLOTS)
    found = reactor(*DOCUMENTED)
    assert found.faceswap == {
        "source_faces_index": [0],
        "face_index": [0],
        "det_thresh": 0.6,
        "det_maxnum": 2,
        "restorer_visibility": 1,
        "scale": 1.5,
        "upscaler": "realesr-animevideov3",
        "in_source": False,
        "in_generated": True,
    }
    assert found.source
    assert (found.source.field, found.source.data) == ("alwayson_scripts.reactor.args.0", picture())
    assert found.echo == {"reactor": {"args": [None, *DOCUMENTED[1:]]}}


def test_a_short_list_is_legal_and_null_is_the_default() -> None:
    least = {
        "source_faces_index": [0],
        "face_index": [0],
        "det_thresh": 0.5,
        "det_maxnum": 0,
        "restorer_visibility": 1.0,
    }
    places = {"in_source": False, "in_generated": True}
    assert reactor(FACE, True).faceswap == {**least, **places}
    assert reactor(FACE, True, *[None] * 29).faceswap == {**least, **places}
    assert reactor(FACE, True, "1,0", " 2 , 1 ").faceswap == {
        **least, "source_faces_index": [1, 0], "face_index": [2, 1], **places,
    }  # fmt: skip


def test_titles_are_told_apart_by_their_letters_alone() -> None:
    for title in ("ReActor", "REACTOR", "reactor"):
        assert ridden({title: {"args": [FACE, True]}}).faceswap


def test_a_swap_that_is_off_is_none() -> None:
    for args in ([], [FACE], [FACE, False], ["", False], changed(s11=False, s12=False), changed(s1=0)):
        assert reactor(*args).faceswap is None


def test_no_restorer_and_no_upscaler_are_none() -> None:
    for none in ("None", "none", ""):
        found = reactor(*changed(s5=none, s8=none)).faceswap
        assert found
        assert found["restorer_visibility"] == 0
        assert "scale" not in found


def test_numbers_come_as_clients_write_them() -> None:
    found = reactor(*changed(s1=1, s6=0.25, s9=2, s11=1, s12=0, s28=0.7, s29=3.0)).faceswap
    assert found
    assert (found["restorer_visibility"], found["scale"], found["det_thresh"], found["det_maxnum"]) == (0.25, 2, 0.7, 3)
    assert (found["in_source"], found["in_generated"]) == (True, False)


def test_what_changes_nothing_is_named() -> None:
    assert reactor(*changed(s7=False, s17=0.9)).ignored == (
        "alwayson_scripts.reactor.args.7",
        "alwayson_scripts.reactor.args.17",
    )


REFUSED: list[tuple[list[Any], int, str]] = [
    (["", True], 0, "a picture with the face"),
    ([7, True], 0, "a text is wanted"),
    (["%%%", True], 0, "Base64"),
    (changed(s1="yes"), 1, "true or false"),
    (changed(s1=float("nan")), 1, "true or false"),
    (changed(s2="0,0"), 2, "named once"),
    (changed(s2="-1"), 2, "0 to 99"),
    (changed(s3="0;1"), 3, "0 to 99"),
    (changed(s3=[True]), 3, "0 to 99"),
    (changed(s3="100"), 3, "0 to 99"),
    (changed(s3={"a": 1}), 3, "0 to 99"),
    (changed(s4="/models/insightface/inswapper_128.onnx"), 4, "a path on the server"),
    (changed(s4="C:\\models\\inswapper_128.onnx"), 4, "a path on the server"),
    (changed(s4="hyperswap"), 4, "hyperswap"),
    (changed(s5="RestoreFormer"), 5, "None, CodeFormer, GFPGAN"),
    (changed(s6=1.5), 6, "0 to 1"),
    (changed(s8="SwinIR"), 8, "R-ESRGAN 4x+"),
    (changed(s9=9), 9, "1 to 4"),
    (changed(s9=10**400), 9, "a number"),
    (changed(s9=float("inf")), 9, "a number"),
    (changed(s10=0.5), 10, "has to be 1"),
    (changed(s14=1), 14, "gender"),
    (changed(s15=2), 15, "gender"),
    (changed(s16=True), 16, "not kept"),
    (changed(s22=1), 22, "has to be 0"),
    (changed(s22=2), 22, "has to be 0"),
    (changed(s23="elena.safetensors"), 23, "no face models"),
    (changed(s24="/etc"), 24, "a folder on the server"),
    (changed(s25=["x"]), 25, "one source picture"),
    (changed(s28=0), 28, "0.1 to 0.99"),
    (changed(s29=101), 29, "0 to 100"),
    (changed(s29=1.5), 29, "a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "slot", "said"), REFUSED)
def test_an_argument_that_will_not_do_is_named_by_its_place(args: list[Any], slot: int, said: str) -> None:
    with pytest.raises(RequestError) as refused:
        reactor(*args)
    assert refused.value.field == f"alwayson_scripts.reactor.args.{slot}"
    assert said in str(refused.value)


def test_a_source_that_lies_in_a_private_place_is_refused() -> None:
    with pytest.raises(AddressRefused) as refused:
        reactor("http://169.254.169.254/latest/meta-data", True)
    assert refused.value.field == "alwayson_scripts.reactor.args.0"


def test_scripts_that_are_switched_off_may_ride_along() -> None:
    unit = {"enabled": False, "image": "", "module": "canny"}
    for scripts in (
        {"ADetailer": {"args": [False]}},
        {"ADetailer": {"args": [False, {"ad_model": "face_yolov8n.pt"}]}},
        {"ADetailer": {"args": [True, False, {"ad_model": "None"}]}},
        {"ControlNet": {"args": []}},
        {"controlnet": {"args": [unit, unit]}},
        {"animatediff": {"args": [False]}},
        {"animatediff": {"args": [{"enable": False}]}},
        {"roop": {"args": ["", False]}},
        {"ADetailer": {}, "ControlNet": None},
    ):
        assert ridden(scripts).faceswap is None


def test_a_script_that_is_on_or_unknown_is_not_found() -> None:
    for scripts, title in (
        ({"ADetailer": {"args": [True, {"ad_model": "face_yolov8n.pt"}]}}, "ADetailer"),
        ({"ADetailer": {"args": [{"ad_model": "face_yolov8n.pt"}]}}, "ADetailer"),
        ({"ControlNet": {"args": [{"image": "", "module": "canny"}]}}, "ControlNet"),
        ({"ControlNet": {"args": [{"enabled": True}]}}, "ControlNet"),
        ({"animatediff": {"args": [{"enable": True}]}}, "AnimateDiff"),
        ({"roop": {"args": [FACE, True]}}, "roop"),
        ({"Dynamic Prompts v2": {"args": []}}, "Dynamic Prompts v2"),
    ):
        with pytest.raises(InvalidRequest, match=f"^Script '{title}' not found"):
            ridden(scripts)
    with pytest.raises(InvalidRequest, match=r"^Script 'X/Y/Z plot' not found$"):
        ridden({}, script_name="X/Y/Z plot", script_args=[1])


def test_what_is_no_list_of_arguments_is_refused() -> None:
    for given in ([], "x", {"args": "x"}, {"args": [0] * 201}):
        with pytest.raises(InvalidRequest, match="is wanted") as refused:
            ridden({"reactor": given})
        assert refused.value.field == "alwayson_scripts.reactor.args"
    with pytest.raises(InvalidRequest, match="at most 32"):
        ridden({str(number): {"args": []} for number in range(33)})
