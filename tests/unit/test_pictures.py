"""A picture of a terminal has what was printed, and is told from one of another text, whatever its numbers."""

from lab.pictures import draw, form, text_of

PRINTED = "\x1b[1mwebha\x1b[0m, \x1b[32mquorate\x1b[0m, view 1.13\r\n\r\n<webserv>  “started” on node1 for 12 s\r\n"


def test_a_picture_shows_what_was_printed() -> None:
    drawn = draw(PRINTED, "node1: standfast status", "standfast-status")
    shown = text_of(drawn).replace("\u00a0", " ")
    assert form(shown) == form("webha, quorate, view 1.13\n\n<webserv>  “started” on node1 for 12 s\n")
    assert "node1:&#160;standfast&#160;status" in drawn


def test_numbers_names_and_ends_of_lines_are_no_other_form() -> None:
    assert form("node1 answered 12 s ago") == form("node3 answered\n  3 min  ago")
    assert form("view 1.13, 2.2 s") == form("view 24.105, 800 ms")


def test_another_word_is_another_form() -> None:
    assert form("node1 is lost") != form("node1 is fenced")
    assert form("next attempt in 2 s.") != form("2 failed.")
