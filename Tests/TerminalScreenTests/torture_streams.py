"""Streams written by hand, each about one thing that terminals get wrong; read by record-streams.

A stream should leave its result on the screen: what is tried goes to rows of its own, so that a test names the row.
"""

ESC = "\x1b"
CSI = ESC + "["


def at(row, column=1):
    return f"{CSI}{row};{column}H"


def sgr(*codes):
    return CSI + ";".join(str(code) for code in codes) + "m"


def fill(columns=80, rows=24):
    """Every cell holds a letter of its row, so that whatever moves is seen."""
    lines = [at(row) + "".join(chr(65 + (row * 7 + column) % 26) for column in range(columns)) for row in range(1, rows + 1)]
    return "".join(lines)


def numbered(rows=24):
    return "".join(f"{at(row)}line {row}: {'abcdefghij' * 3}" for row in range(1, rows + 1))


def scroll_region():
    text = numbered() + f"{CSI}5;10r" + at(10) + "\nA\nB\nC" + at(5) + f"{ESC}Mup{ESC}M{ESC}Mup3"
    text += at(3) + "\n\n\nfrom above into it" + at(20) + "\n" * 9 + "below" + at(1) + f"{ESC}M{ESC}Mabove"
    text += f"{CSI}12;18r" + at(14) + f"{CSI}2S" + f"{CSI}1T" + at(13, 3) + f"{CSI}2L" + at(16, 3) + f"{CSI}1M"
    return text + f"{CSI}20;20r{CSI}23;21r{CSI}0;0r" + at(24) + "last\nscrolled"


def scroll_region_limits():
    text = numbered() + f"{CSI}3;6r" + at(4, 9) + f"{CSI}99A<" + at(4, 9) + f"{CSI}99B<" + at(9, 9) + f"{CSI}99A>" + at(2, 9) + f"{CSI}99B>"
    text += at(10) + f"{CSI}3L" + "not in the region" + at(11) + f"{CSI}3M" + at(4) + f"{CSI}99L" + at(6) + f"{CSI}99M"
    text += f"{CSI}22;99r" + at(23) + f"{CSI}L" + "to the end" + at(24) + "\nx" + f"{CSI}r" + f"{CSI}15;16r" + at(16) + "\r\n1\r\n2\r\n3" + at(15) + f"{CSI}5T"
    return text + f"{CSI}r" + at(8, 40) + "after"


def edits_outside_region():
    text = numbered() + f"{CSI}8;12r" + at(3, 6) + f"{CSI}3@" + "i" + at(4, 6) + f"{CSI}3P" + "d" + at(5, 6) + f"{CSI}3X" + at(20, 6) + f"{CSI}4h" + "irm" + f"{CSI}4l"
    return text + at(9, 6) + f"{CSI}3@" + at(10, 6) + f"{CSI}3P" + at(12, 6) + f"{CSI}3'}}" + at(22, 9) + f"{CSI}2'}}" + at(23, 9) + f"{CSI}2'~"


def origin_mode():
    """Mode 6 is dropped by the filter: the terminal must count from the top."""
    return numbered() + f"{CSI}5;10r{CSI}?6h" + at(1) + "top" + at(3, 5) + "third" + f"{CSI}?6l" + at(2) + "second" + f"{CSI}r"


def insert_delete_lines():
    text = fill()
    for row, what in ((2, "L"), (5, "3L"), (9, "M"), (12, "2M"), (23, "9L"), (20, "0M")):
        text += at(row, 10) + sgr(42) + CSI + what + "*" + sgr(0)
    return text


def insert_delete_characters():
    text = fill()
    for row, (column, what) in enumerate([(1, "@"), (10, "5@"), (78, "9@"), (80, "@"), (10, "P"), (10, "7P"), (75, "99P"), (80, "P"), (5, "0P"), (5, "0@")], 1):
        text += at(row, column) + sgr(41) + CSI + what + sgr(0) + "*"
    for row, (column, what) in enumerate([(5, "4X"), (79, "9X"), (1, "0X"), (80, "X"), (1, "999X")], 12):
        text += at(row, column) + sgr(44, 1) + CSI + what + sgr(0) + "#"
    return text + at(20, 80) + "Z" + f"{CSI}@" + at(21, 80) + "Z" + f"{CSI}P" + at(22, 80) + "Z" + f"{CSI}X" + "w"


def alternate(mode):
    text = numbered(12) + at(6, 20) + sgr(31, 1) + f"{CSI}?{mode}h" + "alternate" + at(3, 3) + "three" + sgr(0) + f"{CSI}4;6r"
    text += f"{CSI}?{mode}l" + "back" + sgr(0) + "\r\nnext" + f"{CSI}r" + at(15) + "region gone"
    text += f"{CSI}?{mode}h" + at(2, 2) + sgr(33) + "what is left here?" + at(9, 30) + f"{CSI}?{mode}h" + "twice"
    return text


def alternate_back(mode):
    return alternate(mode) + f"{CSI}?{mode}l" + "main" + f"{CSI}?{mode}l" + "again"


def alternate_mixed():
    text = numbered(8) + at(5, 5) + f"{ESC}7" + f"{CSI}?1049h" + at(1) + "one" + f"{ESC}7" + at(10, 10) + f"{CSI}?47l" + "A" + f"{CSI}?1047h" + "B"
    return text + f"{ESC}8" + "C" + f"{CSI}?1049l" + "D" + f"{CSI}?1048h" + at(20) + f"{CSI}?1048l" + "E"


def save_restore():
    text = at(3, 10) + sgr(1, 32, 44) + f"{ESC}(0" + f"{ESC}7" + at(10) + sgr(0) + f"{ESC}(B" + "plain q" + f"{ESC}8" + "lqk" + f"{ESC}(B" + sgr(0)
    text += at(5, 5) + f"{CSI}s" + at(12) + "x" + f"{CSI}u" + "restored" + f"{ESC}8" + "again qqq" + f"{ESC}(B" + sgr(0)
    text += at(6, 80) + "E" + f"{ESC}7" + at(8) + "elsewhere" + f"{ESC}8" + "F" + sgr(0)
    text += at(14, 1) + f"{CSI}?7l" + f"{ESC}7" + f"{CSI}?7h" + f"{ESC}8" + "w" * 85 + f"{CSI}?7h"
    return text + at(24, 70) + f"{ESC}7" + f"{CSI}2J" * 0 + f"{ESC}8" + "end"


def restore_unsaved():
    return "text" + sgr(7) + f"{ESC}8" + "home" + at(9, 9) + f"{CSI}u" + "u"


def repeat():
    text = "a" + f"{CSI}5b" + "\r\n" + "三" + f"{CSI}3b" + "\r\n" + sgr(31) + "x" + sgr(32) + f"{CSI}4b" + sgr(0)
    text += "\r\n" + "y" * 78 + f"{CSI}9b" + "\r\nz\r\n" + f"{CSI}3b" + "|" + "\r\n" + "e\u0301" + f"{CSI}2b" + "|"
    return text + "\r\nq" + f"{CSI}b" + f"{CSI}b" + f"{CSI}0b" + at(15) + "n" + at(16) + f"{CSI}3b" + at(23, 79) + "ok" + f"{CSI}200b"


def tab_stops():
    text = "\ta\tb\r\n12345678\tc\r\n" + "\t" * 20 + "end\r\n" + f"{CSI}3g" + "\tx\r\n"
    text += "".join(f"{CSI}{column}G{ESC}H" for column in (5, 6, 30, 80)) + "\r\n\ta\tb\tc\td\te" + "\r\n" + f"{CSI}6G{CSI}g" + "\r\t1\t2\r\n"
    text += f"{CSI}2I" + "two" + f"{CSI}Z" + "<" + f"{CSI}9Z" + "first" + f"{CSI}99I" + "!" + "\r\n"
    text += at(12, 80) + "P" + "\t" + "Q" + at(14, 79) + "ab" + f"{CSI}Z" + "B" + at(16) + f"{CSI}1g{CSI}2g" + "\tstill"
    return text + sgr(41) + at(18) + "\tcoloured gap?" + sgr(0)


def tab_stops_reset():
    return f"{CSI}3g" + "\tnone" + f"{ESC}c" + "\tback\r\n" + f"{CSI}3g{CSI}!p\tsoft"


def attributes():
    text = ""
    for code in [1, 2, 3, 4, 5, 6, 7, 8, 9, 21, 53]:
        text += sgr(code) + f"on {code:2}" + sgr(0) + "  "
    text += "\r\n"
    for on, off in [(1, 22), (2, 22), (3, 23), (4, 24), (5, 25), (7, 27), (8, 28), (9, 29), (21, 24), (53, 55)]:
        text += sgr(on) + "on" + sgr(off) + "off" + sgr(0) + " "
    text += "\r\n" + sgr(1, 3, 4, 5, 7, 9) + "all" + sgr(22) + "a" + sgr(23) + "b" + sgr(24) + "c" + sgr(25) + "d" + sgr(27) + "e" + sgr(29) + "f" + sgr()
    text += "\r\n" + sgr(1) + "bold" + CSI + "m" + "plain" + CSI + ";1m" + "bold" + CSI + "1;m" + "plain" + sgr(4, "", 1) + "bold" + CSI + "0m"
    text += "\r\n" + sgr(1, 31) + "red" + sgr(39) + "bold" + sgr(22, 41) + "on" + sgr(49) + "off" + sgr(99, 200, 1234, 3) + "unknown ones" + sgr(0)
    return text + "\r\n" + sgr(4) + "under" + sgr("4:0") + "none" + sgr(4) + "   spaces   " + sgr(0) + "|" + sgr(1, 4, 7) + "\r\nover lines\r\n\r\nstill" + sgr(0)


def underlines():
    text = ""
    for kind in range(6):
        text += sgr(f"4:{kind}") + f"kind {kind}" + sgr(24) + " "
    text += "\r\n" + sgr("4:3", "58:2::255:0:0") + "curly red" + sgr(59) + "curly" + sgr(0) + " " + sgr(58, 5, 9, 4) + "underline, red" + sgr(0)
    text += "\r\n" + sgr("58:5:1") + "no line" + sgr(4) + "line" + sgr(0) + " " + sgr(58, 2, 1, 2, 3, 3) + "italic" + sgr(0) + sgr(21) + "double" + sgr("4:1") + "single" + sgr(0)
    return text + "\r\n" + sgr("4:9") + "unknown kind" + sgr(0) + sgr("4:") + "empty" + sgr(0) + sgr("4:3", 4) + "single" + sgr("4:3:1") + "more" + sgr(0)


def colours():
    text = ""
    for base in (30, 40, 90, 100):
        text += "".join(sgr(base + n) + f" {base + n} " + sgr(0) for n in range(8)) + "\r\n"
    for row in range(4):
        text += "".join(sgr(48, 5, row * 64 + n) + " " for n in range(64)) + sgr(0) + "\r\n"
    text += "".join(sgr(38, 2, n * 8, 255 - n * 8, n) + "#" for n in range(32)) + sgr(0) + "\r\n"
    text += "".join(sgr(f"38:2::{n * 8}:{n}:9") + "#" for n in range(32)) + sgr(0) + "\r\n"
    text += sgr("38:5:200") + "indexed" + sgr("48:5:17") + "both" + sgr("48:2::1:2:3") + "rgb" + sgr(39) + "no fg" + sgr(49) + "none" + "\r\n"
    text += sgr(38, 5, 1, 48, 2, 9, 8, 7, 1, 4) + "six things" + sgr(0) + sgr("38:5:3", 1, "48:5:4") + "mixed" + sgr(0) + "\r\n"
    return text + sgr(38, 5, 300) + "too great" + sgr(0) + sgr(1, 38, 5) + "cut" + sgr(0) + sgr(38, 9, 1) + "unknown" + sgr(0) + sgr(38, 5, "") + "empty" + sgr(0)


def colours_odd():
    text = sgr("38:2:10:20:30") + "without the empty one" + sgr(0) + "\r\n" + sgr("48;2;;;") + "empties" + sgr(0) + "\r\n"
    text += sgr("38;2;300;1;2") + "too great" + sgr(0) + "\r\n" + sgr("38:2") + "short" + sgr(0) + sgr("38;2;1;2") + "shorter" + sgr(0) + "\r\n"
    return text + sgr(";".join(["1"] * 14), 4) + "fifteen" + sgr(0)


def many_numbers():
    return sgr(";".join(["1"] * 15), 4) + "sixteen" + sgr(0) + "\r\n" + sgr(";".join(["0"] * 24), 7) + "twenty-five" + sgr(0)


def alignment():
    return "x" * 100 + sgr(7) + f"{CSI}5;10r" + at(8, 8) + f"{ESC}#8" + "here" + sgr(0) + at(10) + "\nscrolls?" + at(24) + "\nend"


def line_drawing():
    every = "".join(chr(code) for code in range(0x60, 0x7F))
    text = every + "\r\n" + f"{ESC}(0{every}{ESC}(B\r\n" + f"{ESC})0" + "\x0elqqk\x0f lqqk\r\n" + f"{ESC}(A#pounds{ESC}(B# \r\n"
    text += f"{ESC}(0" + "ABC 123 _" + "三é" + f"{ESC}(B\r\n" + f"{ESC}*0{ESC}Nqqq{ESC}+0{ESC}Oxxx\r\n"
    return text + "\x0e" + "x" + f"{ESC}c" + "x\x0ex\r\n" + f"{ESC}(0" + f"{CSI}!p" + "qx" + f"{ESC}(0" + "q" + f"{ESC}(1a{ESC}(2a{ESC}(B"


def wrap():
    text = "a" * 80 + "b\r\n" + "c" * 79 + "三" + "d\r\n" + "e" * 80 + "\r\n" + "next\r\n" + "f" * 80 + "\n" + "below" + "\r\n"
    text += f"{CSI}?7l" + "0123456789" * 9 + "END" + "\r\n" + "g" * 79 + "三四" + "\r\n" + "h" * 80 + f"{CSI}?7h" + "i" + "\r\n"
    return text + "j" * 80 + f"{CSI}?7l" + "k" + f"{CSI}?7h" + "l" + at(24, 80) + "YZ" + at(20, 80) + "\u0301" + "m" * 81


# What stands between the last column and the next character: does the wrap still happen?
BETWEEN = [
    ("BS", "\b"), ("CR", "\r"), ("LF", "\n"), ("TAB", "\t"), ("SGR", sgr(1)), ("CUF", CSI + "C"), ("CUB", CSI + "D"), ("EL0", CSI + "K"),
    ("EL1", CSI + "1K"), ("ED0", CSI + "J"), ("ICH", CSI + "@"), ("DCH", CSI + "P"), ("ECH", CSI + "X"), ("SC RC", ESC + "7" + ESC + "8"),
    ("RI", ESC + "M"), ("IND", ESC + "D"), ("NEL", ESC + "E"), ("CUP", at(22, 80)), ("CHA", CSI + "80G"), ("HPR", CSI + "a"), ("IL", CSI + "L"),
    ("DL", CSI + "M"), ("VPR", CSI + "e"), ("SU", CSI + "S"), ("DECSTBM", CSI + "r"), ("awm", CSI + "?7l" + CSI + "?7h"), ("BEL", "\a"),
    ("cursor", CSI + "?25l" + CSI + "?25h"), ("REP", CSI + "b"), ("combining", "\u0308"), ("HTS", ESC + "H"), ("irm", CSI + "4h" + CSI + "4l"),
    ("VPA", CSI + "11d"), ("CUU", CSI + "A"), ("CUD", CSI + "B"), ("CBT", CSI + "Z"), ("SI", "\x0f"), ("DECSCUSR", CSI + "2 q"),
]


def wrap_and(names):
    text = ""
    for turn, (name, between) in enumerate(entry for entry in BETWEEN if entry[0] in names):
        text += at(2 + turn * 3) + (name + "." * 80)[:79] + "@" + between + "X"
    return text


def erase_with_background():
    text = fill()
    for row, (column, what) in enumerate([(10, "K"), (10, "1K"), (10, "2K"), (80, "K"), (1, "1K"), (40, "5X"), (40, "3P"), (40, "3@"), (5, "0K"), (5, "9K")], 1):
        text += at(row, column) + sgr(0, 40 + row % 8, 4, 7) + CSI + what
    text += sgr(0, 43) + at(14, 1) + f"{CSI}L" + sgr(44) + f"{CSI}M" + sgr(45) + f"{CSI}16;20r" + f"{CSI}2S" + sgr(46) + f"{CSI}1T" + f"{CSI}r"
    return text + sgr("48;2;1;2;3") + at(22, 40) + f"{CSI}J" + sgr(0) + at(24, 1) + sgr(48, 5, 100) + "\n" + sgr(0)


def erase_display():
    return fill() + at(5, 30) + sgr(42) + f"{CSI}1J" + at(20, 30) + sgr(43, 1) + f"{CSI}0J" + sgr(0) + at(12, 12) + f"{CSI}3J" + "3" + f"{CSI}4J" + "4" + f"{CSI}?K" + "s" + f"{CSI}?1K"


def erase_all():
    return fill() + at(5, 30) + sgr(44) + f"{CSI}2J" + "stays here" + sgr(0) + f"{CSI}22J" + at(9) + f"{CSI}3J" + "x"


def insert_mode():
    text = fill(rows=8) + at(2, 10) + f"{CSI}4h" + "INSERT" + at(3, 78) + "ABCDEF" + at(5, 10) + "三四" + at(6, 79) + "三" + at(7, 80) + "ab"
    text += at(1, 5) + sgr(7) + "x" + sgr(0) + f"{CSI}4l" + "over" + at(12) + f"{CSI}4h" + "b" + at(12) + "a\u0301" + at(12) + "\ttab" + f"{ESC}c"
    return fill(rows=8) + text.replace(f"{ESC}c", f"{CSI}!p") + at(12, 2) + "soft reset"


def reverse_index():
    text = numbered() + at(1) + f"{ESC}M" * 3 + "top" + at(12, 5) + f"{ESC}M" + "eleven" + f"{ESC}D" + "down" + f"{ESC}E" + "next"
    text += at(24, 10) + f"{ESC}D" + "index" + f"{ESC}E" + "nel" + "\x0bVT" + "\x0cFF" + sgr(41) + at(1) + f"{ESC}M" + sgr(0)
    return text


def resets(sequence):
    text = fill() + f"{CSI}5;9r" + sgr(1, 31, 44) + f"{ESC}(0" + f"{CSI}4h{CSI}?7l{CSI}?25l{CSI}?1h" + at(7, 70) + f"{ESC}7"
    return text + sequence + "after qqq" + "z" * 30 + "\n\n\n\nlow" + f"{ESC}8" + "saved"


def reset_on_alternate():
    return numbered() + f"{CSI}?1049h" + "alt" + f"{ESC}c" + "clean" + f"{CSI}?1049l" + "main?"


def soft_reset_on_alternate():
    return numbered(9) + at(5, 5) + f"{CSI}?1049h" + "alt" + sgr(7) + f"{CSI}!p" + "soft" + f"{CSI}?1049l" + "main"


def strings():
    """All of these are dropped by the filter, but for the link."""
    text = f"{ESC}]0;title\a" + "a" + f"{ESC}]2;{'t' * 5000}{ESC}\\" + "b" + f"{ESC}]52;c;aGVsbG8=\a" + "c" + f"{ESC}P1$r0m{ESC}\\" + "d" + f"{ESC}_Gf=100;AAAA{ESC}\\" + "e"
    text += f"{ESC}]8;;https://example.org/{ESC}\\link{ESC}]8;;{ESC}\\" + "f" + f"{ESC}]8;id=a;file:///etc/passwd\aplain{ESC}]8;;\a" + f"{ESC}^pm{ESC}\\" + f"{ESC}kname{ESC}\\"
    return text + "\r\n" + f"{ESC}]8;id=1;http://x.org/{'p' * 1500}{ESC}\\" + "long link over " + "w" * 70 + f"{ESC}]8;;{ESC}\\" + "g" + f"{ESC}]0;cut\x18cancelled" + f"{ESC}]1;cut{CSI}1mbold" + sgr(0)


def synchronized():
    text = f"{CSI}?2026h" + numbered() + f"{CSI}?2026l" + at(3) + f"{CSI}?2026h" + "begun, not ended"
    return text


def controls_inside():
    text = f"{CSI}2\bC" + "a" + f"{CSI}\r5C" + "b" + f"{CSI}1\n0C" + "c" + f"{CSI}3\x18d" + f"{CSI}4\x1aE" + f"{CSI}{ESC}[2Cf" + f"{ESC}\r\nMg"
    text += "\r\n" + f"{CSI}?1;2;3zx" + f"{CSI}1 2y" + f"{CSI}<5z" + f"{CSI}9999999999C" + "|" + "\r" + f"{CSI}0000000003Ch" + f"{CSI}1:2Cj" + f"{CSI};5Hk" + f"{CSI};;Hl"
    return text + at(9) + f"{ESC}Z{ESC}\x7f[3Cm" + f"{CSI}3\x7fCn" + "\x00\x01\x05\x7fo" + f"{ESC} Fp{ESC}%Gq{ESC}%@r" + "\x84\x85" + "s\u0085t\u009b2Cu"


def cursor_moves():
    text = at(12, 40) + "O"
    for row, (what, mark) in enumerate([("5A", "a"), ("5B", "b"), ("9C", "c"), ("30D", "d"), ("2E", "e"), ("3F", "f"), ("70G", "g"), ("3d", "h"), ("2e", "i"), ("4a", "j"), ("10`", "k"), ("3;9f", "l")]):
        text += CSI + what + mark
    text += at(0, 0) + "1" + at(99, 99) + "2" + f"{CSI}99A" + "3" + f"{CSI}99D" + "4" + f"{CSI}0C" + "5" + f"{CSI}0A" + f"{CSI}d" + f"{CSI}G" + "6" + f"{CSI}9999E" + "7" + f"{CSI}9999F" + "8"
    return text + at(20, 79) + "\b\b\b9" + "\r" + "\b" + "0" + at(21) + "\bx" + at(15, 80) + "\n" + "y" + at(18, 80) + "z\b!"


def columns():
    return fill() + at(5, 10) + sgr(41) + f"{CSI}3'}}" + at(8, 40) + sgr(42) + f"{CSI}2'~" + sgr(0) + f"{CSI}10;12r" + at(11, 60) + f"{CSI}'}}" + f"{CSI}r"


def wide_characters():
    lines = ["漢字かな交じり文。", "한국어 테스트", "ｆｕｌｌｗｉｄｔｈ ﾊﾝｶｸ", "a三b四c五", "、。「」", "𠀀𠀁 ext B", "㈠㊀㋿ ⑴①"]
    return "\r\n".join(lines) + "\r\n" + "三" * 45 + "\r\n" + "x" + "三" * 45 + "\r\n" + sgr(44) + "三四" + sgr(0, 4) + "五" + sgr(0) + "\r\n" + "a\t三\t四\b\bX"


def wide_overwritten():
    text = ""
    for row in range(1, 13):
        text += at(row) + "三四五六七"
    text += at(1, 2) + "x" + at(2, 3) + "x" + at(3, 2) + "國" + at(4, 4) + f"{CSI}P" + at(5, 3) + f"{CSI}P" + at(6, 2) + f"{CSI}@" + at(7, 4) + f"{CSI}K" + at(8, 4) + f"{CSI}1K"
    text += at(9, 2) + f"{CSI}2X" + at(10, 3) + f"{CSI}X" + at(11, 2) + f"{CSI}4h" + "i" + f"{CSI}4l" + at(12, 1) + f"{CSI}2P"
    return text + at(14, 79) + "三" + at(14, 80) + "x" + at(15, 78) + "三" + at(15, 10) + f"{CSI}@" + at(16, 79) + "三" + at(16, 5) + f"{CSI}@" + at(17, 80) + "三" + at(19, 79) + "三" + at(19, 79) + "y"


def wide_margin():
    return "x" * 39 + "三" + "\r\n" + "y" * 38 + "三" + "z" + "\r\n" + f"{CSI}?7l" + "w" * 39 + "三" + "|" + "\r\n" + "v" * 38 + "三" + "四" + f"{CSI}?7h" + at(10, 40) + "三" + "last"


def combining():
    lines = ["e\u0301 a\u0308 n\u0303 o\u0302\u0323", "\u0301alone", "x" * 79 + "e\u0301", "y" * 80 + "\u0308" + "z", "三\u3099 か\u3099", "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307 many"]
    lines += ["हिन्दी", "ไทยกำ", "שָׁלוֹם", "a\u200bb\u200cc\u00add\u2060e", "\u1100\u1161\u11a8 jamo", "a\ufe0f \u263a\ufe0e \u2764\ufe0f|"]
    return "\r\n".join(lines) + at(20, 10) + "\u0301" + "after a move" + at(22, 5) + "q" + f"{CSI}3D" + "\u0308" + "w"


def emoji():
    lines = ["😀😃|", "👨‍👩‍👧‍👦|", "👍🏽|", "🇩🇪🇫🇷|", "❤️|❤|", "1️⃣|", "🏳️‍🌈|", "⌚⏰☕♿|", "✔✖☺|", "🥰🦀🧑🏽‍💻|", "…—–•·|", "⠋⠙⠹█▓▒░▏|", "ẞßﬁ|", "\U0001fae8\U0001fa77|"]
    return "\r\n".join(lines)


def line_attributes():
    """Double-sized lines: the filter lets them pass, and the text must stay."""
    return f"{ESC}#3double top\r\n{ESC}#4double bottom\r\n{ESC}#6wide\r\n{ESC}#5single" + "\r\n" + "三" + f"{ESC}#6" + "x" + f"{ESC}#5"


def broken_text():
    text = b"a\xffb\xc3\x28c\xe4\xb8d\xf0\x9f\x98e\xed\xa0\x80f\xc0\xafg\xf5h\xe4\xb8\x1b[31mred\x1b[0m\xc3"
    return text + b"\r\n\xe2\x80\xaebidi\xe2\x80\xac\xe2\x81\xa6x\xe2\x81\xa9 \xef\xbb\xbfbom \xc2\xa0nbsp\xef\xbf\xbe\r\n\xf0\x9f"


def long_lines():
    return "".join(chr(33 + n % 90) for n in range(3000)) + sgr(36) + "".join(chr(0x4E00 + n) for n in range(300)) + sgr(0) + "\r\n" * 2 + "end"


def modes_left_on():
    return f"{CSI}?5h" + "reverse video" + f"{CSI}?5l" + "\r\n" + f"{CSI}?25l" + "hidden cursor" + f"{CSI}?1000h{CSI}?1006h{CSI}?2004h{CSI}?1004h" + f"{ESC}=" + f"{CSI}>1u{CSI}>4;2m{CSI}=1;1u" + "\r\n" + f"{CSI}?1;1049;7h" + "two of them"


TABLE = [
    ("scroll-region", "80x24", "DECSTBM: scrolling in it, above and below", scroll_region),
    ("scroll-region-limits", "80x24", "DECSTBM: where the cursor stops, lines inserted outside", scroll_region_limits),
    ("edits-outside-region", "80x24", "ICH, DCH, ECH, DECIC, IRM outside the scroll region", edits_outside_region),
    ("origin-mode", "80x24", "DECOM, which the filter drops", origin_mode),
    ("insert-delete-lines", "80x24", "IL and DL with a background", insert_delete_lines),
    ("insert-delete-characters", "80x24", "ICH, DCH, ECH, also beyond the margin", insert_delete_characters),
    ("alternate-47", "80x24", "mode 47", lambda: alternate(47)),
    ("alternate-1047", "80x24", "mode 1047", lambda: alternate(1047)),
    ("alternate-1049", "80x24", "mode 1049", lambda: alternate(1049)),
    ("alternate-47-back", "80x24", "mode 47, left again", lambda: alternate_back(47)),
    ("alternate-1047-back", "80x24", "mode 1047, left again", lambda: alternate_back(1047)),
    ("alternate-1049-back", "80x24", "mode 1049, left again", lambda: alternate_back(1049)),
    ("alternate-mixed", "80x24", "modes 47, 1047, 1048 and 1049 mixed with DECSC", alternate_mixed),
    ("save-restore", "80x24", "DECSC, DECRC, SCOSC, SCORC", save_restore),
    ("restore-unsaved", "80x24", "DECRC without DECSC", restore_unsaved),
    ("repeat", "80x24", "REP", repeat),
    ("tab-stops", "80x24", "HT, HTS, TBC, CHT, CBT", tab_stops),
    ("tab-stops-reset", "80x24", "tab stops after resets", tab_stops_reset),
    ("attributes", "80x24", "SGR: attributes on and off", attributes),
    ("underlines", "80x24", "SGR: kinds and colours of underlines", underlines),
    ("colours", "80x24", "SGR: colours in every form", colours),
    ("colours-odd", "80x24", "SGR: colours that are cut short, or too great", colours_odd),
    ("many-numbers", "80x24", "SGR with more numbers than libvterm has room for", many_numbers),
    ("alignment", "80x24", "DECALN", alignment),
    ("line-drawing", "80x24", "character sets, SI, SO, SS2, SS3", line_drawing),
    ("wrap", "80x24", "autowrap on and off", wrap),
    *[
        (f"wrap-and-{number}", "80x24", "what a pending wrap survives: " + " ".join(names), lambda names=names: wrap_and(names))
        for number, names in enumerate([[name for name, _ in BETWEEN[start : start + 7]] for start in range(0, len(BETWEEN), 7)], 1)
    ],
    ("erase-background", "80x24", "erased cells take the background colour", erase_with_background),
    ("erase-display", "80x24", "ED 0, 1, 3 and unknown ones", erase_display),
    ("erase-all", "80x24", "ED 2 with a background", erase_all),
    ("insert-mode", "80x24", "IRM", insert_mode),
    ("reverse-index", "80x24", "RI, IND, NEL, VT, FF at the edges", reverse_index),
    ("reset-soft", "80x24", "DECSTR", lambda: resets(f"{CSI}!p")),
    ("reset-hard", "80x24", "RIS", lambda: resets(f"{ESC}c")),
    ("reset-alternate", "80x24", "RIS on the alternate screen", reset_on_alternate),
    ("reset-soft-alternate", "80x24", "DECSTR on the alternate screen", soft_reset_on_alternate),
    ("strings", "80x24", "OSC, DCS, APC, PM; links", strings),
    ("synchronized", "80x24", "mode 2026, begun and not ended", synchronized),
    ("controls-inside", "80x24", "controls inside sequences, unknown and broken sequences", controls_inside),
    ("cursor-moves", "80x24", "every move of the cursor, and where it stops", cursor_moves),
    ("columns", "80x24", "DECIC and DECDC", columns),
    ("wide", "80x24", "wide characters of many scripts", wide_characters),
    ("wide-overwritten", "80x24", "halves of wide characters overwritten, moved, erased", wide_overwritten),
    ("wide-margin", "40x10", "wide characters at the right margin", wide_margin),
    ("combining", "80x24", "combining and other characters without width", combining),
    ("emoji", "80x24", "emoji: joined, with variation selectors, flags", emoji),
    ("line-attributes", "80x24", "double-sized lines", line_attributes),
    ("broken-text", "80x24", "what is not UTF-8, bidirectional marks", broken_text),
    ("long-lines", "40x10", "lines over many rows, scrolling", long_lines),
    ("modes", "80x24", "modes that change nothing of the grid", modes_left_on),
]


def streams():
    """(name, size, what it is, bytes) of each."""
    for name, size, about, make in TABLE:
        text = make()
        yield f"torture-{name}", size, about, text if isinstance(text, bytes) else text.encode()
