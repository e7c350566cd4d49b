"""What the name of a column, key, element or tag says about its values: a number, a birth, a name of somebody, or a count."""

from __future__ import annotations

import functools
import re
from enum import Enum, auto


class Meaning(Enum):
    """What the values of a field are."""

    PLAIN = auto()
    """The name does not tell."""
    COUNT = auto()
    """A count, size, time or checksum: seven digits there are nobody's number."""
    PARTICIPANT = auto()
    """Numbers of people in a study; only those of seven digits are told from pseudonyms."""
    HOSPITAL_NUMBER = auto()
    """Numbers of people elsewhere, of any length."""
    BIRTH = auto()
    BIRTH_PART = auto()
    """The year or month alone."""
    NAME = auto()


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
# Fields 34 and 52 are year and month of birth, as the three kinds of UK Biobank's tables name them.
_BIRTH_FIELD = re.compile(
    r"(?:participant\.)?(?:(?:34|52)-\d+\.\d+|f\.(?:34|52)\.\d+\.\d+|p(?:34|52)(?:_i\d+)?(?:_a\d+)?)", re.IGNORECASE
)
_BIRTH = re.compile(r"birth|^dob$|^born|^geb$|^geburt|^geboren|naissance|nacimiento|nascita|^yob$")
_BIRTH_WORDS = {"dob", "born", "geb", "yob"}
_NO_DATE = re.compile(r"weight|place|country|order|rate|type|mode|location|length|defect|certificate|cohort|sex|age")
_PARTS = {"year", "month", "yob", "yyyy", "mm", "jahr", "monat"}
_PERSON = r"(?:patient|participant|person|subject|physician|doctor|clinician|operator|technician|nurse|mother|father|relative)"
_NAME = re.compile(
    rf"(?:(?:family|given|first|last|middle|maiden|fore|sur|christian)|{_PERSON}s?(?:full|last|first|middle|family|given)?)names?$"
    r"|^(?:nachname|vorname|familienname|geburtsname|prenom|nomdefamille|apellidos?|cognome)$"
)
_OF_A_PERSON = re.compile(_PERSON)
_PARTS_OF_A_NAME = {"family", "given", "first", "last", "middle", "prefix", "surname"}
_AUTHORS = {"author", "authors", "contributor", "contributors", "creator", "creators", "maintainer", "maintainers", "contrib"}
_HOSPITAL_NUMBER = re.compile(
    r"(?:^|patient)(?:mrn|ssn)$|^nhs(?:id|no|nr|num|number)?$|hospital(?:id|no|nr|number)$|medicalrecord(?:id|no|nr|number)?$"
    r"|patients?(?:ids?|no|nr|num|numbers?)$|^accessionnumber$|^personid$"
)
_PARTICIPANT = re.compile(
    r"^(?:f|participant)?eids?$|^[fi]?id$|^ids$|^iid$|^pid$|^idp$|^subjids?$|^caseids?$|^individuals?(?:ids?)?$"
    r"|(?:participant|subject|patient|person)s?(?:ids?|no|nr|num|numbers?|keys?|codes?)?$"
)
_COUNT = re.compile(
    r"bytes?|[kmg]ib|sizes?|counts?|totals?|params?|parameters|seeds?|samples|steps?|tokens|offsets?|sha|md5|hash(?:es)?|digest"
    r"|checksum|crc|versions?|revision|build|times?|timestamp|duration|seconds|[mnu]s|hz|rate|len|length|width|height|epochs?"
    r"|iter(?:ation)?s?|lines|rows|records|start|stop|memory|capacity|shape|dims?|port|inode|mtime|checkpoint|ckpt|serial|slurm|jobs?|jobid"
    r"|pmid|pmc|doi|arxiv|isbn|issn|issues?|pull"
)
_COUNT_BEFORE = {"num", "n", "nb", "nr", "max", "min"}
_SAYS_NOTHING = {"value", "values", "v", "text", "data", "date", "id", "extension", "#text"}


@functools.lru_cache(maxsize=1 << 16)
def meaning(path: tuple[str, ...]) -> Meaning:
    """What the values of a field are, by its own name and, where that says too little, by those around it, outermost first."""
    names = path
    own = _alone(names[-1])
    while len(names) > 1 and own in {Meaning.PLAIN, Meaning.PARTICIPANT} and names[-1].lower() in _SAYS_NOTHING:
        outer = _alone(names[-2])
        if outer in {Meaning.PLAIN, Meaning.COUNT}:
            break
        names, own = names[:-1], outer
    if own is Meaning.PLAIN and len(names) > 1:
        own = _inside(names)
    if own is Meaning.NAME and any(not _AUTHORS.isdisjoint(_words(name)) for name in names[:-1]):
        return Meaning.PLAIN
    return own


def _inside(names: tuple[str, ...]) -> Meaning:
    last, outer = "".join(_words(names[-1])), _alone(names[-2])
    if outer is Meaning.COUNT:
        return Meaning.COUNT
    if outer is Meaning.BIRTH and last in _PARTS:
        return Meaning.BIRTH_PART
    joined = ["".join(_words(name)) for name in names[:-1]]
    if last in {"name", "names"} and any(_OF_A_PERSON.search(name) for name in joined):
        return Meaning.NAME
    return Meaning.NAME if last in _PARTS_OF_A_NAME and joined[-1] in {"name", "names"} else Meaning.PLAIN


@functools.lru_cache(maxsize=1 << 16)
def _alone(name: str) -> Meaning:
    words = _words(name)
    joined = "".join(words)
    if _BIRTH_FIELD.fullmatch(name.strip()):
        return Meaning.BIRTH_PART
    if (_BIRTH.search(joined) or not _BIRTH_WORDS.isdisjoint(words)) and not _NO_DATE.search(joined):
        return Meaning.BIRTH_PART if not _PARTS.isdisjoint(words) else Meaning.BIRTH
    if _NAME.search(joined):
        return Meaning.NAME
    if any(map(_COUNT.fullmatch, words)) or (len(words) > 1 and words[0] in _COUNT_BEFORE):
        return Meaning.COUNT
    if _HOSPITAL_NUMBER.search(joined):
        return Meaning.HOSPITAL_NUMBER
    return Meaning.PARTICIPANT if _PARTICIPANT.search(joined) else Meaning.PLAIN


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
