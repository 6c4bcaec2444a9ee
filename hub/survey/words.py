"""Words that mean something in a reply, in Finnish, Swedish and English, as `reading` compares them: lower case."""

OPT_OUT = frozenset({
    # what phone networks and mail programs teach people
    "stop", "stopall", "unsubscribe", "optout", "cancel", "end", "quit",
    "lopeta", "lopettakaa", "peru", "peruuta", "peruuttakaa", "poista", "poistakaa", "seis",
    "stopp", "sluta", "avsluta", "avbryt", "avregistrera",
})  # fmt: skip

COURTESY = frozenset({"kiitos", "kiitoksia", "ole", "hyvä", "please", "thanks", "tack", "snälla"})

NUMBERS = {
    "yksi": 1, "yks": 1, "ykkönen": 1, "ett": 1, "en": 1, "etta": 1, "one": 1,
    "kaksi": 2, "kaks": 2, "kakkonen": 2, "två": 2, "tva": 2, "tvåa": 2, "two": 2,
    "kolme": 3, "kolmonen": 3, "tre": 3, "trea": 3, "three": 3,
    "neljä": 4, "nelja": 4, "nelonen": 4, "fyra": 4, "four": 4,
    "viisi": 5, "viis": 5, "viitonen": 5, "vitonen": 5, "fem": 5, "femma": 5, "five": 5,
}  # fmt: skip

UNITS = (
    r"min|minuut\w*|minut\w*|h|t|tunti\w*|tunnin|hours?|timm\w*|pv|päiv\w*|days?|dag|dagar|vko|viikko\w*|viikon|"
    r"weeks?|veck\w*|kk|kuukau\w*|months?|månad\w*|vuo\w*|years?|år|kerta|kertaa|kerran|times?|gång\w*|x|kpl|st|"
    r"eur\w*|€|%"
)
"""A pattern of what makes a number before it a count: "5 days" is not a rating."""
