"""In which language the model excuses itself, and when it need not."""

import pytest

from workers.engines.chat.languages import ONLY_ENGLISH, excuse

ASKED = {
    "zh": "你好！请写一首关于大海的诗。",
    "ja": "海についての詩を書いてください。",
    "ko": "바다에 대한 시를 써 주세요.",
    "ar": "اكتب لي قصيدة عن البحر.",
    "fa": "لطفاً یک شعر درباره پنجره بنویسید.",
    "he": "כתוב לי שיר על הים.",
    "ru": "Напиши стихотворение о море.",
    "uk": "Напиши вірш про моє рідне місто.",
    "el": "Γράψε ένα ποίημα για τη θάλασσα.",
    "hi": "समुद्र के बारे में एक कविता लिखो।",
    "th": "เขียนบทกวีเกี่ยวกับทะเล",
    "en": "ზღვაზე ლექსი დაწერე",  # Georgian, of which we know no sentence
}


def said(*turns: str) -> str | None:
    return excuse(
        [{"role": role, "content": turn} for role, turn in zip(("user", "assistant") * 5, turns, strict=False)]
    )


@pytest.mark.parametrize("language", ASKED)
def test_it_excuses_itself_in_the_asker_s_language(language: str) -> None:
    assert said(ASKED[language]) == ONLY_ENGLISH[language]


@pytest.mark.parametrize(
    "text",
    [
        "Write a poem in Japanese about rain.",
        "Translate 'good morning' into Chinese, please",
        "Can you speak Russian?",
        "answer in simplified Chinese",
    ],
)
def test_who_asks_in_english_for_another_script_is_told_in_english(text: str) -> None:
    assert said(text) == ONLY_ENGLISH["en"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Write a poem about the sea.",
        "What does 你好 mean when somebody says it to me in the street?",
        "Qu'est-ce que la mer ?",
        "1 + 1 = ?",
        "🌊🌊🌊",
        "Who were the Greek gods? Name three Chinese dishes.",
        "Solve α + β = 10 for the angle given in the lecture.",
    ],
)
def test_it_tries_what_it_can_read(text: str) -> None:
    assert said(text) is None


def test_the_last_question_tells() -> None:
    assert said(ASKED["zh"], "抱歉", "Fine: say hello in English.") is None
    assert said("Hello", "Hi!", ASKED["ko"]) == ONLY_ENGLISH["ko"]
