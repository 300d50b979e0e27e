"""Windows, borders, pads, colours and attributes through curses; each key goes on to the next page."""

import curses
import locale

locale.setlocale(locale.LC_ALL, "")


def main(screen):
    curses.start_color()
    curses.use_default_colors()
    for n in range(1, 8):
        curses.init_pair(n, n, -1)
        curses.init_pair(n + 8, 0, n)
    screen.bkgd(" ", curses.color_pair(12))
    screen.border()
    screen.refresh()
    boxes = [curses.newwin(8, 30, 2 + 3 * n, 4 + 12 * n) for n in range(4)]
    for n, box in enumerate(boxes):
        box.bkgd(" ", curses.color_pair(n + 9))
        box.box()
        box.addstr(1, 2, f"window {n}", curses.A_BOLD)
        box.addstr(2, 2, "reverse", curses.A_REVERSE)
        box.addstr(3, 2, "under 三国", curses.A_UNDERLINE | curses.color_pair(n + 1))
        box.refresh()
    screen.getch()
    for n, box in enumerate(boxes):
        box.mvwin(1 + 2 * n, 44 - 10 * n)
        screen.touchwin()
        screen.noutrefresh()
        for other in boxes:
            other.touchwin()
            other.noutrefresh()
        curses.doupdate()
    screen.getch()
    pad = curses.newpad(60, 100)
    for row in range(59):
        pad.addstr(row, 0, "".join(chr(33 + (row + column) % 90) for column in range(99)), curses.color_pair(row % 7 + 1))
    for top in (0, 10, 30, 29):
        pad.refresh(top, top, 4, 5, 20, 70)
    screen.getch()
    screen.clear()
    for row, attribute in enumerate((curses.A_DIM, curses.A_BLINK, curses.A_STANDOUT, curses.A_ITALIC, curses.A_BOLD | curses.A_REVERSE)):
        screen.addstr(3 + row, 10, f"attribute {attribute:x}", attribute)
    screen.hline(12, 3, curses.ACS_HLINE, 60)
    screen.vline(4, 60, curses.ACS_VLINE, 12)
    screen.addch(12, 60, curses.ACS_PLUS)
    screen.refresh()
    screen.getch()


curses.wrapper(main)
