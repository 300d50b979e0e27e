"""Scroll regions, and lines and characters inserted and deleted through curses; each key goes on to the next page."""

import curses


def main(screen):
    screen.idlok(True)
    screen.idcok(True)
    screen.scrollok(True)
    for row in range(23):
        screen.addstr(row, 0, f"row {row:2} " + chr(65 + row) * (10 + row * 2))
    screen.refresh()
    screen.setscrreg(5, 15)
    for n in range(6):
        screen.move(15, 0)
        screen.addstr(f"\nscrolled in {n}")
        screen.refresh()
    screen.getch()
    for n in range(4):
        screen.scroll(-1)
        screen.addstr(5, 3, f"from above {n}")
        screen.refresh()
    screen.getch()
    for row in (2, 9, 18):
        screen.move(row, 4)
        screen.insertln()
        screen.refresh()
        screen.move(row + 2, 4)
        screen.deleteln()
        screen.refresh()
    screen.getch()
    for row in range(0, 22, 3):
        screen.insstr(row, 6, "INSERTED")
        screen.refresh()
        screen.move(row + 1, 2)
        for _ in range(3):
            screen.delch()
        screen.refresh()
    screen.getch()
    screen.move(10, 5)
    screen.clrtoeol()
    screen.move(17, 20)
    screen.clrtobot()
    screen.refresh()
    screen.getch()


curses.wrapper(main)
