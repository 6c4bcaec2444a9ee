"""Surveys for the tests of the pages: the built-in ones, and some with every kind of question, also to begin with."""

from __future__ import annotations

from tests.surveys import surveys

BUILTIN = surveys()
CLOSING = BUILTIN["closing"]
PLACE = BUILTIN["place"]
ODD = surveys("""
[questions.nps]
kind = "nps"
text = { fi = "Suosittelisitko?", sv = "Skulle du rekommendera?", en = "Would you recommend us?" }
hint = { en = "To a colleague" }

[questions.easy]
kind = "ces"
text = { fi = "Oli helppoa.", sv = "Det var lätt.", en = "It was easy." }

[questions.way]
kind = "choice"
text = { fi = "Miten?", sv = "Hur?", en = "How?" }
[questions.way.options.phone]
text = { fi = "Puhelin", sv = "Telefon", en = "Phone" }
[questions.way.options."<mail>"]
text = { fi = "Posti", sv = "Post", en = "Mail" }

[questions."a.b c\\"<x>"]
kind = "text"
text = { fi = "Miksi?", sv = "Varför?", en = "Why?" }

[questions.sad]
kind = "rating"
better = "lower"
minimum = 0
maximum = 3
text = { fi = "Harmi?", sv = "Synd?", en = "How bad?" }

[surveys.nps]
questions = ["nps", "easy", "way", "a.b c\\"<x>", "lost_time", "three"]

[surveys.choice]
questions = ["way", "comment"]

[surveys.words]
questions = ["comment"]

[surveys.items]
questions = ["three"]

[surveys.sad]
questions = ["sad", "factors"]

[surveys.english]
questions = ["nps"]
languages = ["en"]
""")
