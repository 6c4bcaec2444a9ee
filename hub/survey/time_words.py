"""Words for spans of time in a reply, in Finnish, Swedish and English, as `hub.survey.words.key` compares them."""

from __future__ import annotations

from hub.survey.words import COURTESY, bag, phrases

_UNITS = {
    1: "min mins m minuutti minuuttia minuutin minsa minuter minut minute minutes",
    60: "h t tunti tuntia tunnin timme timmar tim hour hours hr hrs",
    450: "pv päivä päivää päivän työpäivä työpäivää työpäivän htp dag dagar arbetsdag arbetsdagar d day days workdays",
    2250: "vko viikko viikkoa viikon työviikko vecka veckor arbetsvecka week weeks",
}
MINUTES_OF = {word: minutes for minutes, group in _UNITS.items() for word in group.split()}
"""Minutes of a unit. A working day is 7.5 hours and a week five of them, as in Finnish office work."""

_SPANS = {
    15: """
        vartti
        vartin
        varttitunti
        kvart
        en kvart
        a quarter
        quarter of an hour
        a quarter of an hour
    """,
    30: """
        puoli tuntia
        puolituntia
        puol tuntia
        puolisen tuntia
        halvtimme
        en halvtimme
        halv timme
        en halv timme
        half hour
        half an hour
        a half hour
    """,
    45: """
        kolme varttia
        tre kvart
        three quarters of an hour
    """,
    60: """
        tunti
        tunnin
        en timme
        an hour
    """,
    90: """
        puolitoista tuntia
        puoltoista tuntia
        en och en halv timme
        halvannan timme
        an hour and a half
        one and a half hours
    """,
    225: """
        puoli päivää
        puolipäivää
        puoli työpäivää
        halv dag
        en halv dag
        en halv arbetsdag
        half day
        half a day
        a half day
    """,
    450: """
        päivä
        päivän
        työpäivä
        työpäivän
        koko päivä
        koko päivän
        en dag
        en hel dag
        hela dagen
        en arbetsdag
        a day
        a whole day
        a full day
        a working day
        the whole day
    """,
    2250: """
        viikko
        viikon
        työviikko
        en vecka
        a week
    """,
}
SPANS = {phrase: minutes for minutes, lines in _SPANS.items() for phrase in phrases(lines)}
"""Spans of time that have a name, in minutes."""
COUPLE = phrases("""
    pari
    parisen
    par
    ett par
    couple
    couple of
    a couple
    a couple of
""")
"""What stands for about two."""
NO_TIME = phrases("""
    0
    nolla
    ei yhtään
    ei mitään
    ei lainkaan
    ei ollenkaan
    ei juuri yhtään
    en yhtään
    ei mennyt
    ei mennyt yhtään
    ei mennyt hukkaan
    ei hukkaan
    noll
    ingen
    ingen alls
    ingen tid
    inget
    inget alls
    ingenting
    inte alls
    inte någon
    zero
    none
    none at all
    nothing
    nothing at all
    no time
    no time at all
    no working time
    no work time
    not at all
    not any
""")
ABOUT = bag("""
    noin n suunnilleen ehkä arviolta ainakin vähintään reilu reilun vajaa vajaan yli alle max enintään melkein
    ca cirka circa ungefär kanske minst drygt knappt över under nästan typ
    about around approx approximately maybe perhaps over almost nearly least probably roughly
""")
"""They make a span of time a rough one."""
BEFORE_SPAN = bag("""
    meni kului menetin menetimme hukkaantui tuhlaantui yhteensä aikaa työaikaa
    det tog gick jag vi förlorade totalt sammanlagt tid arbetstid
    it took i we lost wasted total in
""")
_AFTER_SPAN = bag("""
    hukkaan hukassa suurinpiirtein
    åt till spillo förlorad förlorades
    of my our work working time altogether at
""")
AFTER_SPAN = _AFTER_SPAN | BEFORE_SPAN | ABOUT | COURTESY
"""What may stand before and after a span of time. Anything else may make it something different: "2 h a day"."""
