"""libvterm as a person's terminal: what a client wrote, read by a terminal that is not ours, place by place. It is called
through ctypes, so that nothing has to be compiled."""

import ctypes
import itertools

COLOUR_INDEXED, COLOUR_STANDARD = 1, 6


class Position(ctypes.Structure):
    _fields_ = [("row", ctypes.c_int), ("column", ctypes.c_int)]


class Attributes(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint, bits)
        for name, bits in [
            ("bold", 1), ("underline", 2), ("italic", 1), ("blink", 1), ("reverse", 1), ("strike", 1),
            ("font", 4), ("dwl", 1), ("dhl", 2),
        ]
    ]


class Cell(ctypes.Structure):
    _fields_ = [
        ("characters", ctypes.c_uint32 * 6), ("width", ctypes.c_char), ("attributes", Attributes),
        ("foreground", ctypes.c_uint8 * 4), ("background", ctypes.c_uint8 * 4),
    ]


def load():
    library = ctypes.CDLL("libvterm.so.0")
    pointer, number = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in [
        ("vterm_new", pointer, [number, number]), ("vterm_free", None, [pointer]),
        ("vterm_set_utf8", None, [pointer, number]), ("vterm_obtain_screen", pointer, [pointer]),
        ("vterm_obtain_state", pointer, [pointer]), ("vterm_screen_reset", None, [pointer, number]),
        ("vterm_screen_enable_altscreen", None, [pointer, number]),
        ("vterm_input_write", ctypes.c_size_t, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
        ("vterm_screen_get_cell", number, [pointer, Position, ctypes.POINTER(Cell)]),
        ("vterm_state_get_cursorpos", None, [pointer, ctypes.POINTER(Position)]),
    ]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Oracle:
    library = None

    def __init__(self, columns, rows):
        Oracle.library = Oracle.library or load()
        self.columns, self.rows = columns, rows
        self.terminal = self.library.vterm_new(rows, columns)
        self.library.vterm_set_utf8(self.terminal, 1)
        self.screen = self.library.vterm_obtain_screen(self.terminal)
        self.library.vterm_screen_enable_altscreen(self.screen, 1)
        self.library.vterm_screen_reset(self.screen, 1)

    def close(self):
        self.library.vterm_free(self.terminal)

    def feed(self, data):
        self.library.vterm_input_write(self.terminal, data, len(data))

    def cursor(self):
        place = Position()
        self.library.vterm_state_get_cursorpos(self.library.vterm_obtain_state(self.terminal), ctypes.byref(place))
        return place.row, place.column

    def row(self, row):
        """Each character of a row with how it is drawn, without plain blanks at the end."""
        places, cell = [], Cell()
        for column in range(self.columns):
            self.library.vterm_screen_get_cell(self.screen, Position(row, column), ctypes.byref(cell))
            first = cell.characters[0]
            if first == 0xFFFFFFFF:  # the right half of a wide character
                continue
            look = ("", "", colour(cell.background)) if first == 0 else (
                attributes(cell.attributes), colour(cell.foreground), colour(cell.background))
            for number in cell.characters:
                if number == 0 and first != 0:
                    break
                places.append((chr(number) if number else " ", look))
                if first == 0:
                    break
        return without_blanks(places)


def without_blanks(places):
    while places and places[-1] == (" ", ("", "", "")):
        places.pop()
    return places


def attributes(found):
    names = [name for name in ("bold", "italic", "blink", "reverse", "strike") if getattr(found, name)]
    return " ".join(names + ([f"underline {found.underline}"] if found.underline else []))


def colour(data):
    if data[0] & COLOUR_STANDARD:
        return ""
    return str(data[1]) if data[0] & COLOUR_INDEXED else f"{data[1]},{data[2]},{data[3]}"


def shown(line):
    """A line of `look --json` in the same form, without what libvterm does not know: dim, hidden, overlined."""
    places = []
    for run in line["runs"]:
        look = style(run["sgr"])
        places += [(character, look) for character in run["text"]]
    return without_blanks(places)


def style(numbers):
    names, colours, parts = [], {38: "", 48: ""}, iter(numbers.split(";"))
    words = {1: "bold", 3: "italic", 5: "blink", 7: "reverse", 9: "strike"}
    underline = ""
    for part in parts:
        if ":" in part:
            if part.startswith("4:"):
                underline = f"underline {part[2:]}"
            continue
        number = int(part)
        if number in words:
            names.append(words[number])
        elif number == 4:
            underline = "underline 1"
        elif number in colours:
            kind = next(parts)
            colours[number] = next(parts) if kind == "5" else ",".join(next(parts) for _ in range(3))
        for base, first in ((30, 0), (40, 0), (90, 8), (100, 8)):
            if base <= number < base + 8:
                colours[38 if base in (30, 90) else 48] = str(number - base + first)
    return " ".join(names + ([underline] if underline else [])), colours[38], colours[48]


def differences(oracle, report):
    """The rows that differ, each with the first place that does: wanted and seen; and the cursor."""
    found = {}
    for number, line in enumerate(report["lines"]):
        wanted, seen = shown(line), oracle.row(number)
        if wanted != seen:
            end = ("", ("", "", ""))
            both = list(itertools.zip_longest(wanted, seen, fillvalue=end))
            found[number] = next((column, a, b) for column, (a, b) in enumerate(both) if a != b)
    cursor = report["cursor"]["row"], report["cursor"]["column"]
    if cursor != oracle.cursor():
        found["cursor"] = (cursor, oracle.cursor())
    return found
