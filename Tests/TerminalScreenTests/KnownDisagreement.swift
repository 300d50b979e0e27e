// Where another terminal is wrong, or chose otherwise, row by row. What xterm does decides (ctlseqs, ECMA-48).

/// A stream on which another terminal shows something else than the model.
struct KnownDisagreement {
    enum Oracle: String {
        case libvterm
        case tmux
        case xterm
    }

    let stream: String
    let oracle: Oracle
    /// What differs, exactly: rows from 0, then `cursor`, `visible`, `alternate`.
    let places: [String]
    let why: String

    private init(_ stream: String, _ oracle: Oracle, _ places: String, _ why: String) {
        self.stream = stream
        self.oracle = oracle
        self.places = places.split(separator: " ").map(String.init)
        self.why = why
    }

    /// What is known to differ; nothing when the two agree.
    static func places(_ stream: String, _ oracle: Oracle) -> [String] {
        all.first { $0.stream == stream && $0.oracle == oracle }?.places ?? []
    }

    static let all: [KnownDisagreement] = [
        Self(
            "torture-alignment",
            .libvterm,
            "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
            "DECALN draws with the pen and leaves the cursor; xterm: without attributes, from home"
        ),
        Self("torture-alternate-1047", .libvterm, "1", "clears when entering too; xterm when leaving"),
        Self(
            "torture-alternate-1049-back",
            .libvterm,
            "8 14 cursor",
            "1049 l on the main screen does nothing; in xterm it restores the cursor"
        ),
        Self(
            "torture-alternate-1049",
            .tmux,
            "1",
            "entering twice does nothing; in xterm 1049 h clears again"
        ),
        Self("torture-alternate-47-back", .libvterm, "1 2 5 8", "does not know mode 47"),
        Self(
            "torture-alternate-47",
            .libvterm,
            "0 1 2 3 4 5 6 7 8 9 10 11 14 alternate",
            "does not know mode 47"
        ),
        Self(
            "torture-alternate-47",
            .tmux,
            "2 5",
            "1049 and 47 have no screen to come back to; what was drawn there is gone"
        ),
        Self("torture-alternate-mixed", .libvterm, "0 4 9 cursor", "does not know mode 47"),
        Self("torture-alternate-mixed", .tmux, "4 19 cursor", "does not know mode 1048"),
        Self(
            "torture-attributes",
            .libvterm,
            "0",
            "does not know SGR 6; xterm's DECRQSS reports it as blinking"
        ),
        Self("torture-attributes", .xterm, "0 1", "prints hidden text as blanks"),
        Self(
            "torture-broken-text",
            .libvterm,
            "1",
            "U+FFFE is drawn as U+FFFD, and a mark on a mark is dropped"
        ),
        Self("torture-broken-text", .tmux, "1", "U+FFFE is dropped"),
        Self(
            "torture-broken-text",
            .xterm,
            "1",
            "bidirectional marks and U+FEFF are dropped, U+FFFE is drawn as U+FFFD"
        ),
        Self("torture-colours-odd", .libvterm, "1 2", "missing and short colours become white"),
        Self("torture-colours", .libvterm, "9 10 12", "the empty part of 38:2:: is read as red"),
        Self(
            "torture-columns",
            .tmux,
            "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
            "does not know DECIC and DECDC"
        ),
        Self(
            "torture-combining",
            .libvterm,
            "5 6 11 19 21",
            "a mark on a wide character, six marks at most, Hangul letters that join"
        ),
        Self(
            "torture-combining",
            .xterm,
            "6 10 19 21",
            "two marks at most, no characters without width, no mark where the cursor was moved to"
        ),
        Self("torture-cursor-moves", .tmux, "2 4 17", "does not know HPR, and HPA, VPR; BS at the margin"),
        Self("torture-edits-outside-region", .libvterm, "2 3", "ICH and DCH do nothing outside the region"),
        Self("torture-edits-outside-region", .tmux, "7 8 9 10 11", "does not know DECIC and DECDC"),
        Self("torture-emoji", .libvterm, "9 13 cursor", "its table of widths is older than these emoji"),
        Self(
            "torture-emoji",
            .tmux,
            "1 13 cursor",
            "its table of widths is older than these emoji, and a cell has fewer bytes"
        ),
        Self(
            "torture-emoji",
            .xterm,
            "1 6 9 cursor",
            "its table of widths is older than these emoji, and joiners are dropped"
        ),
        Self("torture-erase-display", .tmux, "11", "does not know DECSED and DECSEL"),
        Self(
            "torture-insert-delete-characters",
            .libvterm,
            "21 22 cursor",
            "ICH, DCH and ECH leave a pending wrap; xterm ends it"
        ),
        Self(
            "torture-insert-delete-characters",
            .tmux,
            "2 19 20 21 22 cursor",
            "ICH, DCH and ECH leave a pending wrap; xterm ends it"
        ),
        Self(
            "torture-insert-delete-lines",
            .libvterm,
            "1 4 8 11 19 21 cursor",
            "IL and DL leave the column; in xterm, as in DEC STD 070, they go to the first"
        ),
        Self(
            "torture-insert-delete-lines",
            .tmux,
            "1 4 8 11 19 21 cursor",
            "IL and DL leave the column; in xterm, as in DEC STD 070, they go to the first"
        ),
        Self(
            "torture-insert-mode",
            .libvterm,
            "4 11",
            "a wide character moves the rest by more than two; DECSTR leaves IRM on"
        ),
        Self(
            "torture-insert-mode",
            .tmux,
            "3 7 11",
            "in the last column IRM moves nothing; does not know DECSTR"
        ),
        Self("torture-line-drawing", .libvterm, "1", "draws U+2A7D for U+2264, U+2A7E for U+2265"),
        Self("torture-line-drawing", .tmux, "1", "does not know DECSTR"),
        Self("torture-modes", .libvterm, "0 1 alternate", "obeys only the first mode of several"),
        Self(
            "torture-repeat",
            .libvterm,
            "0 1 2 3 4 5 6 7 12 14 15 20 21 22 23 cursor",
            "repeats a wide character once too little"
        ),
        Self(
            "torture-repeat",
            .tmux,
            "0 1 2 3 4 5 6 7 12 14 20 21 22 23 cursor",
            "repeats also behind controls; xterm, only what stands directly before"
        ),
        Self(
            "torture-reset-alternate",
            .libvterm,
            "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 cursor",
            "RIS clears the screen behind the alternate one only in xterm"
        ),
        Self(
            "torture-reset-alternate",
            .tmux,
            "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 cursor",
            "RIS clears the screen behind the alternate one only in xterm"
        ),
        Self("torture-reset-hard", .libvterm, "0 6 cursor visible", "RIS keeps what DECSC saved"),
        Self(
            "torture-reset-soft",
            .libvterm,
            "0 4 5 6 7 8 11 cursor visible",
            "DECSTR resets less, and keeps what DECSC saved"
        ),
        Self("torture-reset-soft", .tmux, "0 4 5 6 7 8 11 cursor visible", "does not know DECSTR"),
        Self(
            "torture-restore-unsaved",
            .libvterm,
            "0 8 cursor visible",
            "DECRC without DECSC brings black on black without a cursor"
        ),
        Self(
            "torture-save-restore",
            .libvterm,
            "2 4 5 6 11",
            "DECSC saves neither character sets nor a pending wrap"
        ),
        Self("torture-save-restore", .tmux, "5 6", "DECSC does not save a pending wrap"),
        Self(
            "torture-scroll-region-limits",
            .libvterm,
            "0 2",
            "CUU and CUD stop at the region only from inside"
        ),
        Self("torture-scroll-region-limits", .tmux, "9 22", "IL and DL work outside the region"),
        Self(
            "torture-scroll-region",
            .tmux,
            "0 1 2 3 4 5 6 7 8 9 10 13 14 15 16 17 18 19 20 21 22 23",
            "RI and IL outside the region"
        ),
        Self("torture-tab-stops", .tmux, "9", "CBT from a pending wrap"),
        Self(
            "torture-tab-stops",
            .xterm,
            "13 14",
            "CBT leaves a pending wrap although the cursor goes elsewhere; libvterm and tmux end it"
        ),
        Self("torture-underlines", .libvterm, "0 1 2", "does not know 4:4 and 4:5"),
        Self("torture-wide-margin", .libvterm, "3 4 5", "a wide character wraps also without autowrap"),
        Self(
            "torture-wide-margin",
            .xterm,
            "4",
            "without autowrap a wide character takes the place of a wide one in the last columns"
        ),
        Self(
            "torture-wide-overwritten",
            .libvterm,
            "0 1 2 3 4 5 6 8 9 10 13 15 18",
            "of a wide character whose half is overwritten the other half stays"
        ),
        Self(
            "torture-wide-overwritten",
            .tmux,
            "0 3 4 5 6 8 9 10 15",
            "of a wide character whose half is overwritten the other half stays"
        ),
        Self(
            "torture-wide-overwritten",
            .xterm,
            "15",
            "the left half of a wide character stays in the last column"
        ),
        Self(
            "torture-wide",
            .libvterm,
            "12",
            "of a wide character whose half is overwritten the other half stays"
        ),
        Self(
            "torture-wrap-and-1",
            .tmux,
            "1 8 9 19",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-2",
            .libvterm,
            "1 2 4 5 7 8 10 11 13 14 16 17",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-2",
            .tmux,
            "1 2 4 5 7 8 10 11 13 14 16 17 19 20 cursor",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-3",
            .libvterm,
            "19 20 cursor",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-3",
            .tmux,
            "0 1 5 6 16 17 19 20 cursor",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-4",
            .libvterm,
            "1",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-4",
            .tmux,
            "1 4",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-5",
            .libvterm,
            "2",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-5",
            .tmux,
            "2 10",
            "what leaves a pending wrap, or ends it: xterm shows what the model shows"
        ),
        Self(
            "torture-wrap-and-6",
            .xterm,
            "1 2",
            "CBT leaves a pending wrap although the cursor goes elsewhere; libvterm and tmux end it"
        ),
        Self("torture-wrap", .libvterm, "10 11 12 13 19", "a wide character wraps also without autowrap"),
        Self(
            "torture-wrap",
            .tmux,
            "6 7 10 11 12 13",
            "LF leaves the column behind the last; a pending wrap without autowrap"
        ),
        Self("torture-wrap", .xterm, "19", "no mark where the cursor was moved to"),
        Self("vttest-double", .libvterm, "6 8", "the right half of a line that becomes double-sized is lost"),
        Self("vttest-double", .tmux, "10 11 12", "does not know double-sized lines"),
        Self(
            "vttest-screen",
            .libvterm,
            "0 11 12 23 cursor",
            "CUD from above the region does not stop at its end"
        ),
        Self(
            "vttest-scroll",
            .libvterm,
            "11 15",
            "CUD from above the region does not stop at its end, and DEC Special Graphics"
        ),
        Self(
            "vttest-vt102",
            .tmux,
            "0 1 2 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
            "IL works outside the region"
        ),
    ]
}
