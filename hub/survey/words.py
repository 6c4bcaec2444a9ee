"""Words that mean something in a reply, in Finnish, Swedish and English.

`hub.survey.reading` compares them in lower case and without punctuation. Words that mean different things in two of the
languages stand only under the language they are read in: "en" is "I do not" in Finnish and "one" in Swedish, "no" is
"well" in Finnish, "jo" is "already" in Finnish and "yes" in Swedish.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping


def key(word: str) -> str:
    """A word without case, width and punctuation, to compare it. Cut, as no known word is that long."""
    folded = word[:40].casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", folded).casefold()
    return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))


def keys(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared."""
    return tuple(filter(None, map(key, text.split())))


def bag(text: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(text.split())


def phrases(lines: str) -> frozenset[tuple[str, ...]]:
    """A set of phrases, one a line, as `keys` gives them."""
    return frozenset(keys(line) for line in lines.splitlines() if line.strip())


def _valued(groups: Mapping[float, str]) -> dict[str, float]:
    return {word: value for value, group in groups.items() for word in group.split()}


# --- words that say nothing by themselves ---

THANKS = bag("""
    kiitos kiitoksia kiitokset kiitti kiits
    tack tackar
    thanks thank thx ty cheers
""")
COURTESY = THANKS | bag("ole hyvä olkaa hyvät snälla please")
"""Thanks and please."""

SMALL_TALK = COURTESY | bag("""
    hei heippa moi moikka terve selvä ok okei jees paljon kovasti samoin viestistä avusta palvelusta nopeasta hyvästä
    hej hejsan hallå okej så mycket för hjälpen servicen detsamma
    hi hello hey okay you a lot so much very for the your help service welcome
""")
"""A reply of nothing but these answers no question: thanks, greetings, "got it"."""

DECLINES = phrases("""
    ei kiitos
    en halua vastata
    en vastaa
    en jaksa vastata
    nej tack
    jag vill inte svara
    vill inte svara
    no thanks
    no thank you
    no thx
    i do not want to answer
    i don't want to answer
""")
"""Whole replies of somebody who does not want to be asked more now."""

# --- numbers ---

_NUMBERS = {
    0: "nolla noll zero",
    1: "yksi yks ykkönen ett etta one",
    2: "kaksi kaks kakkonen två tva tvåa two",
    3: "kolme kolmonen tre trea three",
    4: "neljä nelja nelonen fyra four",
    5: "viisi viis viitonen vitonen fem femma five",
    6: "kuusi kuus kuutonen kutonen sex sexa six",
    7: "seitsemän seittemän seiska sju sjua seven",
    8: "kahdeksan kaheksan kasi åtta eight",
    9: "yhdeksän yheksän ysi nio nia nine",
    10: "kymmenen kymppi tio tia ten",
}
NUMBERS = {word: number for number, group in _NUMBERS.items() for word in group.split()}
"""Number words from 0 to 10 that are no other word in any of the languages."""
NUMBERS_OF: Mapping[str, Mapping[str, int]] = {"sv": {"en": 1}}
"""Those that are number words in one language only."""

BEFORE_NUMBER = bag("""
    arvosana arvosanani arvosanaksi vastaus vastaukseni numero numeroksi annan antaisin laitan sanoisin
    täysi täys täydet
    betyg betyget mitt jag ger svar siffra en ett det är
    rating score answer my i id give would say it is a
""")
"""Words that introduce a number and say nothing more."""

_OUT_OF = {3: "kolmesta", 4: "neljästä", 5: "viidestä", 6: "kuudesta", 7: "seitsemästä", 10: "kymmenestä"}
OUT_OF = {word: number for number, word in _OUT_OF.items()}
"""Finnish for "out of five"."""

UNITS = (
    r"min|minuut\w*|minut\w*|h|t|tunti\w*|tunnin|hours?|timm\w*|pv|päiv\w*|days?|dag|dagar|vko|viikko\w*|viikon|"
    r"weeks?|veck\w*|kk|kuukau\w*|months?|månad\w*|vuo\w*|years?|år|kerta|kertaa|kerran|times?|gång\w*|x|kpl|st|"
    r"eur\w*|€|%|henkilöä|ihmistä|käyttäjää|konetta|tietokonetta|tulostinta|näyttöä|tikettiä|pyyntöä|puhelua|yritystä|"
    r"viestiä|personer|användare|datorer|skrivare|skärmar|ärenden|samtal|försök|people|persons|users|computers|laptops|"
    r"printers|screens|tickets|calls|attempts|tries|emails|of"
)
"""A pattern of what makes a number before it a count: "5 days" is not a rating."""

POINTS = bag("tähteä tähti stjärnor stjärna stars star pistettä piste poäng points point")
"""What a rating may be counted in."""

# --- a rating in words ---

_LEVELS = {
    1.0: """
        erinomainen erinomaista erinomaisesti loistava loistavaa loistavasti mahtava mahtavaa mahtavasti
        täydellinen täydellistä täydellisesti huippu huippua upea upeaa upeasti kiitettävä kiitettävää kiitettävästi
        loisto ihana ihanaa
        utmärkt utmärkta toppen jättebra perfekt fantastisk fantastiskt suverän suveränt strålande superbra kanonbra
        kanon underbar underbart
        excellent great perfect fantastic amazing awesome brilliant superb outstanding wonderful lovely
    """,
    0.75: """
        hyvä hyvää hyvin hieno hienoa hienosti mukava mukavaa kiva kivaa tyytyväinen
        nopea nopeaa nopeasti sujuva sujuvaa sujuvasti ystävällinen ystävällistä asiantunteva asiantuntevaa
        bra god gott fint trevlig trevligt nöjd prima snabb snabbt snabba vänlig vänligt
        good nice satisfied happy fast quick friendly helpful
    """,
    0.5: """
        ok okei okay ookoo jees kohtalainen kohtalaista kohtalaisesti keskinkertainen keskinkertaista
        kohtuullinen kohtuullista kohtuullisesti tyydyttävä tyydyttävää tyydyttävästi menettelee menetteli
        okej hyfsad hyfsat sådär medelmåttig medelmåttigt godkänd godkänt
        average soso fine decent satisfactory
    """,
    0.25: """
        huono huonoa huonosti heikko heikkoa heikosti kehno kehnoa kehnosti tyytymätön välttävä välttävää pettynyt
        dålig dåligt svag svagt missnöjd besviken
        bad badly poor poorly unsatisfied dissatisfied unhappy disappointed disappointing
    """,
    0.0: """
        surkea surkeaa surkeeta surkeasti kamala kamalaa kamalasti hirveä hirveää hirveetä hirveästi onneton onnetonta
        alaarvoinen alaarvoista paska paskaa
        usel uselt urusel uruselt hemsk hemskt urdålig urdåligt jättedålig jättedåligt värdelös värdelöst skit
        terrible awful horrible dreadful worst useless rubbish crap
    """,
}
LEVELS = _valued(_LEVELS)
"""How good a word is, from 0 to 1. It counts when a reply holds only such words of one degree and the fillers below."""

STRONGLY = bag("todella tosi erittäin super mycket väldigt very really extremely")
"""They make "good" and "bad" the best and the worst."""

FILLERS = bag("""
    ihan aivan oikein oli se palvelu palvelua palvelunne kaikki meni sujui toimi mielestäni ja aika melko varsin
    palveltu hoidettu hoidettiin asiakaspalvelu asiakaspalvelua
    helt det var är service servicen allt gick fungerade tycker jag och ganska bemötande hjälp
    it was is the your all everything went worked quite pretty just i think and rather fairly support
""") | STRONGLY | SMALL_TALK - {"ok", "okei", "okej", "okay", "jees", "hyvä"}  # fmt: skip
"""Words that may stand beside a word of degree. There is no "not" among them."""

_EMOJI_LEVELS = {
    1.0: "😍 🤩 🥰 💯 🏆 ❤ 🧡 💛 💚 💙 💜 👏 🙌",
    0.75: "👍 👌 🙂 😊 😀 😃 😄 😁 ☺ :) :-) :D :-D =)",
    0.5: "😐 😑 :| :-|",
    0.25: "👎 🙁 ☹ 😞 😟 😔 😒 😕 😢 :( :-( =(",
    0.0: "😡 😠 🤬 😤 💩",
}
EMOJI_LEVELS = _valued(_EMOJI_LEVELS)
"""How good a sign is, from 0 to 1."""

# --- yes and no ---

YES = {
    "fi": bag("""
        k kyllä kylla kyl kyll joo juu jep jepp jees jes joop juup yes yep tottakai tietysti toki todellakin
        ehdottomasti
    """),
    "sv": bag("j ja jo japp jepp jadå jodå jajamän jovisst yes yep absolut självklart såklart visst"),
    "en": bag("y yes yep yeah yea yup yess sure absolutely definitely certainly indeed"),
}
NO = {
    "fi": bag("e ei en eipä eii emme nope"),
    "sv": bag("n nej nä nää näe nejdå nix nope inte no"),
    "en": bag("n no nope nah not"),
}
NEEDS_MORE = bag("inte not")
"""They say no only with a word after them that bears it out: "inte än", "not yet"."""
NOT_ELSEWHERE = {
    "fi": bag("no en jo j y n on"),
    "sv": bag("en k e y"),
    "en": bag("en jo e k j inte"),
}
"""Words of the other languages that prove nothing in a conversation in this one."""
BEFORE_YES_NO = {"fi": bag("no noh"), "sv": bag("nå nåja"), "en": bag("well")}
"""Words that may precede a yes or no in a language."""

AFTER_YES = {
    "fi": bag("""
        on oli kaikki kunnossa hyvin hienosti nopeasti heti lopulta vihdoin ratkesi ratkes ratkennut toimii ihan täysin
        kokonaan se asia nyt taas
    """),
    "sv": bag("""
        det allt är gjorde löstes löst känns så löste sig har blev nu helt den ärendet snabbt fint bra äntligen då
        fungerar funkar igen
    """),
    "en": bag("""
        it was is did has been all good everything solved resolved fixed works now fully completely quickly finally
        well i do we again
    """),
}
AFTER_NO = {
    "fi": bag("""
        ratkennut ratkennu ratkea ratkaistu toimi toiminut toiminu selvinnyt korjaantunut onnistunut onnistunu vielä
        vieläkään edelleenkään valitettavasti
        todellakaan suinkaan ollenkaan lainkaan yhtään täysin kokonaan oikein ihan ole ollut oo ollu se asia tunnu
        tuntunut
    """),
    "sv": bag("""
        det den är har inte än ännu alls riktigt helt löstes löst tyvärr ärendet gjorde blev känns
        fortfarande trasig trasigt"""),
    "en": bag("""
        it was is did has not yet at all really entirely completely fully solved resolved fixed unfortunately sorry way
        still broken dont doesnt isnt wasnt hasnt work i do
    """),
}
"""Words that bear out a yes or no before them: "ei ratkennut" is a no, "ei mitään valittamista" (no complaints) not."""
DECISIVE = bag("""
    ratkesi ratkennut ratkea ratkaistu toimi toimii toiminut selvinnyt korjaantunut onnistunut
    löstes löst solved resolved fixed works
""")
"""Those of them after which anything may follow."""
SOLVED = {
    "fi": bag(
        "ratkesi ratkes ratkennut ratkaistu toimii hoitui hoidettu kunnossa onnistui selvisi korjaantui korjattu"
    ),
    "sv": bag("löst löstes fungerar funkar ordnat fixat åtgärdat"),
    "en": bag("solved resolved fixed works working sorted done"),
}
"""Words that answer by themselves whether a matter was solved: "det är löst"."""
UNSOLVED = {
    "fi": bag("ei eivät rikki kesken"),
    "sv": bag("inte ej nej trasig trasigt olöst"),
    "en": bag("no not isnt wasnt hasnt doesnt didnt broken unsolved unresolved"),
}
"""Words that make a no of it."""
NEVER_UNSOLVED = bag("ratkesi ratkes toimii hoitui onnistui selvisi korjaantui works")
"""Those that no grammar lets stand beside a "not": a no before them is about something else."""
BESIDE_SOLVED = {
    "fi": bag("asia asiani homma vika ongelma tämä se jäi valitettavasti edelleen yhä"),
    "sv": bag("ärendet problemet felet det är blev har tyvärr fortfarande"),
    "en": bag("it its the issue problem request is was has been unfortunately sadly still"),
}
"""Words that may stand beside either."""
SADLY = bag("valitettavasti vielä vieläkään tyvärr ännu unfortunately sadly")
"""Words after which a bare "no" is one: "valitettavasti ei"."""
CONJUNCTIONS = bag("ja mutta koska vaan kun sillä och men eftersom för utan and but because as since")
"""Words that begin another thought, after which anything may follow."""
YES_SIGNS, NO_SIGNS = bag("👍 👌 ✅ ✔ ☑"), bag("👎 ❌ ✖")

# --- corrections ---

CORRECTING = bag("tarkoitin eiku eikun korjaus korjaan menade rättelse meant correction")
"""Words that say that a number beside them corrects an earlier one."""
REGRETTING = bag("siis hups oho sori sorry anteeksi förlåt ursäkta oops")
"""Words that say so where no number was asked for."""
_BESIDE_CORRECTION = bag("""
    ei kun piti olla pitäisi väärin näppäilyvirhe meni laitoin oikea vastaus arvosana numero on se
    jag skulle vara det fel siffra betyg rätt är
    i mean my mistake should be have been it to wrong number is that
""")
BESIDE_CORRECTION = _BESIDE_CORRECTION | CORRECTING | REGRETTING | COURTESY
"""Words that may stand beside them."""

# --- choosing, and the three-part question ---

AND = bag("ja sekä och samt and plus")
NOTHING = phrases("""
    e
    ei
    ei ole
    ei oo
    ei ole mitään
    ei oo mitään
    ei mitään
    ei muuta
    ei nyt
    ei tällä kertaa
    eipä
    en
    n
    nej
    nej inget
    nej inget annat
    nej inget särskilt
    nej ingenting
    nä
    inget
    inget annat
    inget särskilt
    ingenting
    inte just nu
    no
    no thank you
    no nothing
    nope
    nah
    nothing
    nothing else
    nothing at the moment
    none
    not now
    not really
    not right now
""")
"""Whole replies, thanks aside, that say there is nothing to order, to repair or to tell."""
PROBLEM = (
    r"ei\s+(?:\w+\s+)?(?:toimi|aukea|käynnisty|onnistu)\w*|rikki|hajonnut|hajosi|jumissa|"
    r"(?:fungerar|funkar|startar|öppnas)\s+(?:\w+\s+)?inte|trasig\w*|sönder|"
    r"(?:does|do|did|is|are|was)(?:n['’]t|\s+not)\s+(?:\w+\s+)?(?:work|start|open)\w*|broken|out\s+of\s+order"
)
"""A pattern of what makes a sentence one about something that does not work."""
ORDER = (
    r"tilata|tilaisin|tilaisimme|tilaus:|tarvitsisin|tarvitsisimme|tarvitsen|tarvitsemme|"
    r"beställa|beställning:|jag\s+behöver|vi\s+behöver|skulle\s+behöva|"
    r"to\s+order|order:|order\s+(?:a|an|new|some|more|one|two)(?!\w)|i\s+need|we\s+need|"
    r"would\s+like\s+(?:a|an|new|to\s+have|to\s+get)(?!\w)"
)
"""A pattern of what makes a sentence an order or a wish for something."""
NEGATIONS = {
    "fi": bag("en ei emme eivät"),
    "sv": bag("inte inget inga ingen ej"),
    "en": bag("no not nothing dont without"),
}
"""Words that turn an order into none: "I do not need anything"."""
