"""Finnish, Swedish and English: which one a person reads, and the catalogues.

English stands in the code and the templates; the catalogues are read from their sources at start, so that there is
nothing to compile and nothing to forget.
"""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

from babel.core import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from fastapi import Request

Language = Literal["fi", "sv", "en"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
NAMES: Final[Mapping[Language, str]] = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
"""Each language by its own name, as the switch shows it."""

LOCALES: Final[Mapping[Language, str]] = {"fi": "fi_FI", "sv": "sv_FI", "en": "en_GB"}
"""How numbers and dates are written: Swedish as in Finland, English as in Europe."""

LANGUAGE_COOKIE: Final = "askelma_lang"
_DEFAULT: Final[Language] = "fi"
_FOLDER: Final = Path(__file__).parent / "locale"


def translatable(text: str) -> str:
    """Mark `text` (English) for the catalogues, where it is written far from where it is shown; return it as it is."""
    return text


def known_language(name: str | None) -> Language | None:
    """Return `name` if it is a language of ours."""
    return next((language for language in LANGUAGES if language == name), None)


def language_of(request: Request) -> Language:
    """Return the language to answer in: that of `?lang=`, else the choice kept, else the browser's, else Finnish."""
    chosen = known_language(request.query_params.get("lang")) or known_language(request.cookies.get(LANGUAGE_COOKIE))
    return chosen or _negotiated(request.headers.get("accept-language", "")) or _DEFAULT


def _negotiated(header: str) -> Language | None:
    wanted = sorted((_weighed(part) for part in header.split(",") if part.strip()), key=lambda pair: -pair[0])
    names = [name for weight, name in wanted if weight > 0]
    return known_language(negotiate_locale(names, LANGUAGES, sep="-"))


def _weighed(part: str) -> tuple[float, str]:
    name, _, parameter = part.strip().partition(";")
    weight = parameter.strip().removeprefix("q=")
    try:
        return (float(weight) if weight else 1.0), name.strip()
    except ValueError:
        return 0.0, name


def translations(language: Language) -> NullTranslations:
    """Read the catalogue of `language`; English needs none."""
    if language == "en":
        return NullTranslations()
    with (_FOLDER / language / "LC_MESSAGES" / "askelma.po").open("rb") as source:
        catalogue = read_po(source, locale=LOCALES[language], domain="askelma", abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="askelma")
