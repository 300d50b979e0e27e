"""Wide characters moved, overwritten and cut at the margin through curses; each key goes on to the next page."""

import curses
import locale

locale.setlocale(locale.LC_ALL, "")


def main(screen):
    for row in range(9):
        screen.addstr(row, row % 3, "漢字かな交じり文"[: 8 - row % 3] * 2)
    screen.refresh()
    screen.getch()
    for row in range(9):
        screen.addstr(row, 5 + row, "ab" * (row % 4 + 1))
    screen.refresh()
    screen.getch()
    window = curses.newwin(6, 21, 2, 9)
    window.box()
    window.addstr(1, 1, "한국어 日本語")
    window.addstr(2, 1, "e\u0301a\u0308 naïve")
    window.addstr(3, 2, "中" * 9)
    window.refresh()
    screen.getch()
    window.mvwin(3, 10)
    screen.touchwin()
    screen.noutrefresh()
    window.touchwin()
    window.noutrefresh()
    curses.doupdate()
    screen.getch()


curses.wrapper(main)
