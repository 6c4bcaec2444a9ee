"""The survey in words: what is asked, in which language, and what an answer in words says. Pure; no I/O."""
