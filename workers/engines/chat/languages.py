"""What the model cannot write, said in the asker's language. It knows English, and no script but the Latin one."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

ONLY_ENGLISH: Mapping[str, str] = {
    "en": "I can only write English: this gateway's built-in model is a very small one and knows no other language. "
    "Please ask me in English, or ask for a model of one of the gateway's accounts.",
    "zh": "抱歉，我只会英文：这个网关的内置模型非常小，不会其他语言。请用英文提问，或者选用网关账户提供的其他模型。",
    "ja": "申し訳ありませんが、英語でしかお答えできません。このゲートウェイの内蔵モデルはとても小さく、"
    "ほかの言語を扱えません。英語で質問していただくか、ゲートウェイのアカウントが提供する別のモデルをお使いください。",
    "ko": "죄송하지만 저는 영어로만 답할 수 있습니다. 이 게이트웨이의 내장 모델은 매우 작아서 다른 언어를 모릅니다. "
    "영어로 질문하시거나 게이트웨이 계정이 제공하는 다른 모델을 사용해 주세요.",
    "ar": "عذرًا، لا أستطيع الكتابة إلا بالإنجليزية: النموذج المدمج في هذه البوابة صغير جدًا ولا يعرف لغة أخرى. "
    "يُرجى طرح سؤالك بالإنجليزية، أو اختيار نموذج آخر من حسابات البوابة.",
    "fa": "متأسفم، من فقط می‌توانم به انگلیسی بنویسم: مدل داخلی این درگاه بسیار کوچک است و زبان دیگری نمی‌داند. "
    "لطفاً به انگلیسی بپرسید یا مدل دیگری از حساب‌های درگاه را انتخاب کنید.",
    "he": "מצטער, אני יכול לכתוב רק באנגלית: המודל המובנה של השער הזה קטן מאוד ואינו מכיר שפה אחרת. "
    "אפשר לשאול באנגלית, או לבחור מודל אחר מהחשבונות של השער.",
    "ru": "Извините, я могу писать только по-английски: встроенная модель этого шлюза очень мала и не знает других "
    "языков. Задайте вопрос по-английски или выберите модель одного из аккаунтов шлюза.",
    "uk": "Вибачте, я можу писати лише англійською: вбудована модель цього шлюзу дуже мала й не знає інших мов. "
    "Поставте запитання англійською або виберіть модель одного з акаунтів шлюзу.",
    "el": "Λυπάμαι, μπορώ να γράφω μόνο στα αγγλικά: το ενσωματωμένο μοντέλο αυτής της πύλης είναι πολύ μικρό και δεν "
    "γνωρίζει άλλη γλώσσα. Ρωτήστε στα αγγλικά ή επιλέξτε άλλο μοντέλο από τους λογαριασμούς της πύλης.",
    "hi": "क्षमा करें, मैं केवल अंग्रेज़ी में लिख सकता हूँ: इस गेटवे का अंतर्निहित मॉडल बहुत छोटा है और कोई दूसरी भाषा नहीं जानता। "
    "कृपया अंग्रेज़ी में पूछें, या गेटवे के खातों का कोई दूसरा मॉडल चुनें।",
    "th": "ขออภัย ฉันเขียนได้เฉพาะภาษาอังกฤษ เพราะโมเดลในตัวของเกตเวย์นี้มีขนาดเล็กมากและไม่รู้จักภาษาอื่น "
    "โปรดถามเป็นภาษาอังกฤษ หรือเลือกโมเดลอื่นจากบัญชีของเกตเวย์",
}

_SCRIPTS = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
"""The first word of a letter's Unicode name → the language it is most often in. Of all others we speak English."""

_TELLTALES = (("ru", "uk", "іїєґ"), ("ar", "fa", "پچژگ"))
"""Letters that the one language lacks and the other has."""

_NAMES = (
    "chinese mandarin cantonese japanese korean arabic persian farsi urdu hebrew russian ukrainian bulgarian greek "
    "hindi bengali tamil telugu marathi thai georgian armenian"
).split()
_WANTED = re.compile(
    rf"\b(?:(?:in|into|to)\s+(?:\w+\s+)?|(?:speak|write|answer in|reply in)\s+)(?:{'|'.join(_NAMES)})\b", re.IGNORECASE
)


def excuse(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The answer to a question that wants what the model cannot write; None where it may try."""
    asked = next((str(each["content"]) for each in reversed(messages) if each["role"] == "user"), "")
    language = _language(asked)
    if language is None and _WANTED.search(asked):
        language = "en"
    return ONLY_ENGLISH[language] if language else None


def _language(text: str) -> str | None:
    """The language of a text that is mostly in another script than the Latin one."""
    scripts = Counter(
        unicodedata.name(letter, "").partition(" ")[0].partition("-")[0] for letter in text if letter.isalpha()
    )
    latin = scripts.pop("LATIN", 0) + scripts.pop("FULLWIDTH", 0)
    if sum(scripts.values()) <= latin / 4:  # a Han character is a word, a Latin one is a letter
        return None
    if scripts["HIRAGANA"] + scripts["KATAKANA"]:  # Japanese is written with Han characters too
        return "ja"
    language = _SCRIPTS.get(scripts.most_common(1)[0][0], "en")
    for usual, other, letters in _TELLTALES:
        if language == usual and any(letter in text for letter in letters):
            return other
    return language
