"""Words of a wish to get no more surveys, or to get them again, in Finnish, Swedish and English.

They are what phone networks and mail programs teach people, and what people write who were never taught.
"""

from __future__ import annotations

from hub.survey.words import bag, phrases

OPT_OUT = bag("""
    stop stopall unsubscribe optout revoke cancel end quit
    lopeta lopettakaa peru peruuta peruuttakaa poista poistakaa seis
    stopp stoppa sluta avsluta avbryt avregistrera
""")
"""Words that end all surveys. They count on a line that holds nothing but them, thanks and a bare answer."""

OPT_OUT_OBJECTS = bag("""
    kysely kyselyt kyselyitä kyselyiden viesti viestit viestejä viestien lähettäminen lähettämisen nämä näitä näiden
    pois minut minulle mulle
    enkät enkäter enkäterna inga fler sms smsa meddelanden skicka dessa detta till mig
    survey surveys message messages text texts texting sending spamming these all me you pls opt out
""")
"""What may stand beside such a word and belongs to it."""

OPT_OUT_LINES = phrases("""
    älä lähetä
    älkää lähettäkö
    älä lähetä näitä
    älkää lähettäkö näitä
    älä lähetä mulle näitä
    älkää lähettäkö mulle näitä
    älä lähetä minulle näitä
    älkää lähettäkö minulle näitä
    älä lähetä enää
    älkää lähettäkö enää
    älä lähetä näitä enää
    älkää lähettäkö näitä enää
    älkää lähettäkö enää viestejä
    älkää lähettäkö enää kyselyitä
    ei kyselyitä
    ei enää kyselyitä
    kyselyt pois
    ei enää viestejä
    ei enää näitä
    ei viestejä
    en halua näitä
    en halua näitä viestejä
    en halua näitä kyselyitä
    en halua kyselyitä
    en halua enää näitä
    en halua enää kyselyitä
    en halua enää näitä kyselyitä
    en halua enää viestejä
    poista minut listalta
    poistakaa minut listalta
    skicka inte fler
    skicka inte fler enkäter
    skicka inga fler enkäter
    inga enkäter
    inga fler enkäter
    inga sms
    inga fler sms
    inga fler meddelanden
    vill inte ha fler enkäter
    vill inte ha fler sms
    jag vill inte ha fler enkäter
    jag vill inte ha fler sms
    jag vill inte ha dessa
    ta bort mig
    ta bort mig från listan
    opt out
    opt me out
    do not send these
    do not send any more
    don't send any more
    don't text me
    don't text me again
    do not text me
    do not text me again
    don't contact me
    do not contact me
    stop it
    no more surveys
    no more texts
    no more messages
    no more sms
    leave me alone
    remove me
    remove me from your list
    take me off
    take me off your list
""")
"""Whole lines that say the same without such a word."""

OPT_IN = bag("start unstop optin resubscribe aloita aloittakaa starta börja")
"""Words that allow surveys again. They count only when nothing but thanks stands beside them."""
