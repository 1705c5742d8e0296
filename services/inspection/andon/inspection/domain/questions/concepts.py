"""The words that questions are made of, and what each means; longer phrases come before shorter ones."""

import re

_HOW = r"how (?:(?:is|are|was|were|did|does|do|has|have) )?(?:(?:things|it|we|the line|\|) )*"
_MEAN_TIME = (
    r"(?:average|mean|avg|typical) (?:inspection |cycle |processing |judging |total )?"
    r"(?:time|duration|latency)s?(?: (?:per|of|for|of an?|for an?) (?:part|inspection))?"
)

CONCEPTS: dict[str, tuple[str, ...]] = {
    "per_station": (
        r"(?:by|per|for each|at each|at every|for every|each|every) (?:station|line)s?",
        r"(?:at|for|of|across|on) (?:all|the) (?:stations|lines)",
    ),
    "summary": (
        rf"{_HOW}(?:doing|going|performing|performed|perform|gone)",
        r"summary|summari[sz]e|overview|statistics|stats|status|report|figures",
        r"how (?:good|bad|well)",
    ),
    "trend": (
        r"trends?|trending|going up or down|going down or up|up or down|better or worse",
        r"(?:going|gone) (?:up|down)|(?:getting|gotten|got|become) (?:better|worse)",
        r"increas(?:e|es|ed|ing)|decreas(?:e|es|ed|ing)|improv(?:e|es|ed|ing)|worsen(?:s|ed|ing)?",
        r"rising|falling|ris(?:e|en)|fallen|dropp(?:ed|ing)|declin(?:ed|ing)|chang(?:ed|ing)",
    ),
    "time": (
        _MEAN_TIME,
        r"(?:inspection|cycle|processing) times?|latency|how (?:long|fast|quick|quickly)",
    ),
    "average": (r"on average",),
    "common": (r"most (?:common|frequent|often|frequently)|commonest|main|biggest|predominant|usual",),
    "pass_rate": (r"pass(?:ing|ed)? rates?|(?:first pass )?yield|quality rate|success rate",),
    "fail_rate": (r"(?:fail(?:ure|ed|ing)?|reject(?:ion|ed)?|defect|defective|scrap|fault) rates?",),
    "uncertain_rate": (r"uncertain(?:ty)? rates?",),
    "share": (r"percentages?|percent|share|fraction|proportion|ratio",),
    "worst": (r"(?:worst|poorest)(?: performing)?",),
    "best": (r"best(?: performing)?",),
    "low": (r"lowest|least|fewest|minimum|smallest",),
    "high": (r"highest|most|maximum|largest|greatest|top",),
    "slow": (r"slowest",),
    "quick": (r"fastest|quickest",),
    "last": (r"last|latest|most recent|newest",),
    "count": (r"how many|how much|how often|total number of|numbers? of|counts? of|amount of|counts?|total",),
    "exist": (r"(?:were|are|is|was) there(?: any)?|any",),
    "breakdown": (
        r"(?:by|per|for each) (?:class|type|kind|defect type|defect class|category|defect)",
        r"kinds? of|types? of|breakdown",
    ),
    "list": (r"list|which|what|show",),
    "failures": (r"failures?|rejects|rejections?|fails",),
    "failed": (r"fail|failed|failing|rejected|reject|bad|nok|scrapped|scrap|defective|faulty",),
    "passed": (r"pass|passed|passes|passing|good|ok|okay|accepted",),
    "uncertain": (r"uncertain|unsure|undecided|doubtful|borderline",),
    "defects": (r"defects?|flaws?|faults?|anomalies|detections?|classes|class",),
    "parts": (
        r"parts?|inspections?|pieces?|items?|units?|products?|results?",
        r"inspected|judged|checked|examined|processed|inspect|judge|check|made|produced",
    ),
    "stations": (r"stations?|lines",),
    "line": (r"line",),
}

PATTERNS = tuple((name, re.compile(rf"\b(?:{'|'.join(each)})(?!\w)")) for name, each in CONCEPTS.items())

_FILLERS_TEXT = """
    the a an of were was is are be been being found detected seen recorded counted there did do does done we i
    you me us our on at in for from to during over with have has had got get give tell show please can
    could would what which when how all overall it its that see happened happens come came find occurred
    occur occurs happen took take takes taken
"""
FILLERS = frozenset[str](_FILLERS_TEXT.split())
"""Words that change nothing about what is asked."""

AND = frozenset[str](("and", "or"))

RANKS = ("worst", "best", "low", "high", "slow", "quick")
RATES = ("pass_rate", "fail_rate", "uncertain_rate")

_WORDS = re.compile(r"[a-z]{2,}")
TAKEN = frozenset[str](word for _, each in PATTERNS for word in _WORDS.findall(each.pattern)) | FILLERS | AND
"""Words with a meaning of their own."""

_GENERIC_TEXT = """
    defect defects flaw flaws fault faults fail fails failure failures pass passes good bad ok part parts
    inspection inspections station stations line lines uncertain detection detections
"""
GENERIC = frozenset[str](_GENERIC_TEXT.split())
"""Names of classes that would change what a common word asks for."""
