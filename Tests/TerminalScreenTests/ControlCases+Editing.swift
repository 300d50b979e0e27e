// The cases of erasing, inserting and deleting, of modes, of reports, and of what is dropped.

extension ControlCase {
    private static let three = "abc\r\ndef\r\nghi␛[2;2H"
    private static let region = "1\r\n2\r\n3\r\n4␛[2;3r"

    static let editing: [ControlCase] =
        [
            pass("DCH", "DefaultParam", "abcde␛[1;2H␛[P", "acde", at: [1, 2]),
            pass("DCH", "ExplicitParam", "abcde␛[1;2H␛[2P", "ade"),
            pass("DCH", "WorksOutsideTopBottomMargin", "abcde␛[2;3r␛[1;2H␛[99P", "a"),
            pass("ICH", "DefaultParam", "abcde␛[1;2H␛[@", "a bcde", at: [1, 2]),
            pass("ICH", "ExplicitParam", "abcde␛[1;2H␛[2@", "a  bcde"),
            pass("ICH", "ScrollOffRightEdge", "abcde␛[1;3H␛[2@", "ab  c", size: [5, 2]),
            pass("ICH", "ScrollEntirelyOffRightEdge", "abcde␛[1;1H␛[99@", "", size: [5, 2]),
            pass("ECH", "DefaultParam", "abcde␛[1;2H␛[X", "a cde", at: [1, 2]),
            pass("ECH", "ExplicitParam", "abcde␛[1;2H␛[2X", "a  de"),
            pass("ECH", "IgnoresScrollRegion", "abcde␛[2;3r␛[1;2H␛[X", "a cde"),
            pass("ECH", "OutsideScrollRegion", "abcde␛[2;3r␛[1;2H␛[99X", "a"),
            pass("DL", "DefaultParam", "1\r\n2\r\n3␛[2;3H␛[M", "1|3", at: [2, 1]),
            pass("DL", "ExplicitParam", "1\r\n2\r\n3\r\n4␛[2;1H␛[2M", "1|4"),
            pass("DL", "DeleteMoreThanVisible", "1\r\n2\r\n3␛[2;1H␛[99M", "1"),
            pass("DL", "InScrollRegion", "\(region)␛[2;1H␛[M", "1|3||4", size: [5, 4]),
            pass("DL", "OutsideScrollRegion", "\(region)␛[1;1H␛[M", "1|2|3|4", size: [5, 4]),
            pass("IL", "DefaultParam", "1\r\n2\r\n3␛[2;3H␛[L", "1||2|3", at: [2, 1]),
            pass("IL", "ExplicitParam", "1\r\n2\r\n3␛[2;1H␛[2L", "1|||2|3"),
            pass("IL", "ScrollsOffBottom", "1\r\n2\r\n3␛[2;1H␛[99L", "1", size: [5, 3]),
            pass("IL", "RespectsScrollRegion", "\(region)␛[2;1H␛[L", "1||2|4", size: [5, 4]),
            pass("IL", "RespectsScrollRegion_Over", "\(region)␛[2;1H␛[99L", "1|||4", size: [5, 4]),
            pass("IL", "AboveScrollRegion", "\(region)␛[1;1H␛[L", "1|2|3|4", size: [5, 4]),
            pass("DECIC", "DefaultParam", "\(three)␛['}", "a bc|d ef|g hi", at: [2, 2]),
            pass("DECIC", "ExplicitParam", "\(three)␛[2'}", "a  bc|d  ef|g  hi"),
            pass("DECIC", "CursorWithinTopBottom", "\(three)␛[2;3r␛[2;2H␛['}", "abc|d ef|g hi"),
            pass(
                "DECIC",
                "IsNoOpWhenCursorBeginsOutsideScrollRegion",
                "\(three)␛[2;3r␛[1;2H␛['}",
                "abc|def|ghi"
            ),
            pass("DECIC", "ScrollOffRightEdge", "\(three)␛[1;2H␛['}", "a b|d e|g h", size: [3, 3]),
            pass("DECIC", "ScrollEntirelyOffRightEdge", "\(three)␛[1;1H␛[99'}", "", size: [3, 3]),
            pass("DECDC", "DefaultParam", "\(three)␛['~", "ac|df|gi", at: [2, 2]),
            pass("DECDC", "ExplicitParam", "\(three)␛[2'~", "a|d|g"),
            pass("DECDC", "CursorWithinTopBottom", "\(three)␛[2;3r␛[2;2H␛['~", "abc|df|gi"),
            pass(
                "DECDC",
                "IsNoOpWhenCursorBeginsOutsideScrollRegion",
                "\(three)␛[2;3r␛[1;2H␛['~",
                "abc|def|ghi"
            ),
            pass("DECDC", "DeleteAll", "\(three)␛[1;1H␛[99'~", ""),
            pass("REP", "DefaultParam", "a␛[b", "aa", at: [1, 3]),
            pass("REP", "ExplicitParam", "a␛[3b", "aaaa"),
            pass("REP", "RespectsTopBottomMargins", "\(region)␛[3;4Ha␛[3b", "1|3  aa|aa|4", size: [5, 4]),
            pass("DECALN", "FillsScreen", "␛#8", "EEE|EEE", size: [3, 2]),
            pass("DECALN", "MovesCursorHome", "␛[5;5H␛#8", at: [1, 1]),
            pass("DECALN", "ClearsMargins", "␛[1;2r␛#8␛[2;1H\n", at: [3, 1], size: [3, 3]),
        ] + erasing("ED", "", "J") + erasing("DECSED", "?", "J") + lineErasing("EL", "")
        + lineErasing("DECSEL", "?")

    private static func erasing(_ control: String, _ prefix: String, _ final: String) -> [ControlCase] {
        let start = "␛[\(prefix)"
        let margins = "\(three)␛[1;2r␛[2;2H"
        return [
            pass(control, "Default", "\(three)\(start)\(final)", "abc|d", at: [2, 2]),
            pass(control, "0", "\(three)\(start)0\(final)", "abc|d"),
            pass(control, "1", "\(three)\(start)1\(final)", "|  f|ghi"),
            pass(control, "2", "\(three)\(start)2\(final)", "", at: [2, 2]),
            pass(control, "3", "\(three)\(start)3\(final)", "abc|def|ghi"),
            pass(control, "0_WithScrollRegion", "\(margins)\(start)0\(final)", "abc|d"),
            pass(control, "1_WithScrollRegion", "\(margins)\(start)1\(final)", "|  f|ghi"),
            pass(control, "2_WithScrollRegion", "\(margins)\(start)2\(final)", ""),
        ]
    }

    private static func lineErasing(_ control: String, _ prefix: String) -> [ControlCase] {
        let start = "␛[\(prefix)"
        return [
            pass(control, "Default", "abcde␛[1;3H\(start)K", "ab", at: [1, 3]),
            pass(control, "0", "abcde␛[1;3H\(start)0K", "ab"),
            pass(control, "1", "abcde␛[1;3H\(start)1K", "   de"),
            pass(control, "2", "abcde␛[1;3H\(start)2K", ""),
            pass(control, "IgnoresScrollRegion", "abcde␛[3;5r␛[1;3H\(start)2K", ""),
        ]
    }

    static let modes: [ControlCase] = [
        pass("SM", "IRM", "abc␛[1;2H␛[4hX", "aXbc"),
        pass("SM", "IRM_TruncatesAtRightMargin", "abcde␛[1;2H␛[4hX", "aXbcd", size: [5, 2]),
        pass("SM", "IRM_DoesNotWrapUnlessCursorAtMargin", "abcde␛[1;1H␛[4hXY", "XYabc", size: [5, 2]),
        pass("RM", "IRM", "abc␛[1;2H␛[4hX␛[4lY", "aXYc"),
        pass("DECSET", "DECAWM", "␛[?7labcdefg", "abcdg", size: [5, 2]),
        pass("DECSET", "DECAWM_on", "␛[?7l␛[?7habcdefg", "abcde|fg", size: [5, 2]),
        pass("DECSET", "DECAWM_CursorAtRightMargin", "␛[?7labcde␛[?7hf", "abcde|f", size: [5, 2]),
        pass("DECSET", "DECAWM_TabDoesNotWrapAround", "\t\t\t\t\t\t\t\t\t\t\t\tx", at: [1, 80]),
        pass("DECSET", "ALTBUF", "abc␛[?47h␛[Hxyz␛[?47l", "abc"),
        pass("DECSET", "ALTBUF_kept", "abc␛[?47h␛[Hxyz␛[?47l␛[?47h", "xyz"),
        pass("DECSET", "OPT_ALTBUF", "abc␛[?1047h␛[Hxyz␛[?1047l␛[?1047h", ""),
        pass("DECSET", "OPT_ALTBUF_CURSOR", "abc␛[2;3H␛[?1049h␛[5;5Hxyz␛[?1049l", "abc", at: [2, 3]),
        pass("DECSET", "SaveRestoreCursor", "␛[2;3H␛[?1048h␛[H␛[?1048l", at: [2, 3]),
        pass("DECSTR", "DECSC", "␛[5;6H␛7␛[!p␛[H␛8", at: [1, 1]),
        pass("DECSTR", "IRM", "␛[4h␛[!pab␛[1;1HX", "Xb"),
        pass("DECSTR", "DECAWM", "␛[?7l␛[!pabcdefg", "abcde|fg", size: [5, 2]),
        pass("DECSTR", "STBM", "\(region)␛[!p␛[4;1H\n", "2|3|4", size: [5, 4]),
        pass("DECSTR", "CursorStaysPut", "␛[5;6H␛[!p", at: [5, 6]),
        pass("RIS", "ClearsScreen", "abc␛c", ""),
        pass("RIS", "CursorToOrigin", "␛[5;5H␛c", at: [1, 1]),
        pass("RIS", "ResetTabs", "␛[3g␛c\t", at: [1, 9]),
        pass("RIS", "ExitAltScreen", "abc␛[?47hxyz␛c␛[?47l", ""),
        pass("RIS", "RemoveMargins", "␛[2;3r␛c␛[3;1H\n", at: [4, 1]),
        pass("CharacterSets", "LineDrawing", "␛(0lqk␛(Bq", "┌─┐q"),
        pass("CharacterSets", "ShiftOutAndIn", "␛)0\u{E}x\u{F}x", "│x"),
        pass("CharacterSets", "SingleShift", "␛*0␛Nqq", "─q"),
        pass("CharacterSets", "British", "␛(A#␛(B#", "£#"),
        pass("DECDWL", "HalfAsManyColumns", "␛#6abcdef", "abc|def", size: [6, 3]),
        pass("Text", "CombiningMarks", "e\u{301}x", "e\u{301}x", at: [1, 3]),
        pass("Text", "WideWrapsWhole", "abcd漢", "abcd|漢", at: [2, 3], size: [5, 2]),
        pass("Text", "HalfOfWideIsErased", "漢字␛[1;2Hx", " x字"),
        deviates(
            "DECSED",
            "Default_Protection",
            "␛[1\"qabc␛[0\"q␛[1;1H␛[?J",
            "",
            "DECSCA does not pass, so that nothing is protected; the same holds for all cases `_Protection`"
        ),
        deviates(
            "DECSEL",
            "Default_Protection",
            "␛[1\"qabc␛[0\"q␛[1;1H␛[?K",
            "",
            "as for DECSED"
        ),
    ]

    static let styles: [ControlCase] = [
        pass(sgr: "Bold", "1", "0;1"), pass(sgr: "Bold_off", "1;22", "0"),
        pass(sgr: "Dim", "2", "0;2"), pass(sgr: "Dim_off", "2;22", "0"),
        pass(sgr: "Italic", "3", "0;3"), pass(sgr: "Italic_off", "3;23", "0"),
        pass(sgr: "Underline", "4", "0;4"), pass(sgr: "Underline_off", "4;24", "0"),
        pass(sgr: "Underline_double", "21", "0;4:2"), pass(sgr: "Underline_curly", "4:3", "0;4:3"),
        pass(sgr: "Underline_dotted", "4:4", "0;4:4"), pass(sgr: "Underline_dashed", "4:5", "0;4:5"),
        pass(sgr: "Underline_none", "4;4:0", "0"), pass(sgr: "Blink", "5", "0;5"),
        pass(sgr: "Blink_fast", "6", "0;5"), pass(sgr: "Blink_off", "5;25", "0"),
        pass(sgr: "Reverse", "7", "0;7"), pass(sgr: "Reverse_off", "7;27", "0"),
        pass(sgr: "Hidden", "8", "0;8"), pass(sgr: "Hidden_off", "8;28", "0"),
        pass(sgr: "Strike", "9", "0;9"), pass(sgr: "Strike_off", "9;29", "0"),
        pass(sgr: "Overline", "53", "0;53"), pass(sgr: "Overline_off", "53;55", "0"),
        pass(sgr: "Foreground", "31", "0;31"), pass(sgr: "Foreground_bright", "97", "0;97"),
        pass(sgr: "Foreground_256", "38;5;200", "0;38;5;200"),
        pass(sgr: "Foreground_256_colons", "38:5:200", "0;38;5;200"),
        pass(sgr: "Foreground_true", "38;2;1;2;3", "0;38;2;1;2;3"),
        pass(sgr: "Foreground_true_colons", "38:2:1:2:3", "0;38;2;1;2;3"),
        pass(sgr: "Foreground_true_space", "38:2::1:2:3", "0;38;2;1;2;3"),
        pass(sgr: "Foreground_off", "31;39", "0"), pass(sgr: "Background", "41", "0;41"),
        pass(sgr: "Background_bright", "107", "0;107"), pass(sgr: "Background_256", "48;5;99", "0;48;5;99"),
        pass(sgr: "Background_true", "48;2;1;2;3", "0;48;2;1;2;3"), pass(sgr: "Background_off", "41;49", "0"),
        pass(sgr: "Underline_colour", "58;5;9", "0;58:5:9"),
        pass(sgr: "Underline_colour_true", "58:2::1:2:3", "0;58:2::1:2:3"),
        pass(sgr: "Underline_colour_off", "58;5;9;59", "0"),
        pass(sgr: "Several", "1;4;31;44", "0;1;4;31;44"), pass(sgr: "Reset", "1;4;31;0", "0"),
        pass(sgr: "Reset_empty", "1;4;31m␛[", "0"), pass(sgr: "Unknown", "999;1", "0;1"),
    ]

    static let reports: [ControlCase] = [
        pass("DA", "NoParameter", "␛[c", "", replies: "␛[?62;22c"),
        pass("DA", "0", "␛[0c", "", replies: "␛[?62;22c"),
        pass("DECID", "Basic", "␛Z", "", replies: "␛[?62;22c"),
        pass("DSR", "Ready", "␛[5n", "", replies: "␛[0n"),
        pass("DSR", "CursorPosition", "␛[5;7H␛[6n", "", replies: "␛[5;7R"),
    ]

    private static let sides =
        "without side margins nothing of it can be tried: the mode cannot be undone "
        + "without moving the cursor"
    private static let asks = "the terminal would type an answer"
    private static let rectangles = "reads or writes parts of the screen that no program needs"

    static let withheld: [ControlCase] = [
        dropped("DECSET", "DECLRMM, and all cases with left and right margins", "␛[?69h", sides),
        dropped("DECSLRM", "all cases", "␛[5;10s", sides),
        dropped(
            "DECSET",
            "DECOM, and all cases in origin mode",
            "␛[?6h",
            "cannot be undone without moving the cursor"
        ),
        dropped("DECSET", "DECCOLM, Allow80To132", "␛[?3h␛[?40h", "resizes the person's window"),
        dropped(
            "DECSET",
            "ReverseWraparound, MoreFix, and all cases of BS and CUB with it",
            "␛[?45h␛[?1045h␛[?41h",
            "no program of today uses it"
        ),
        dropped("DECSET", "DECNCSM", "␛[?95h", "goes with DECCOLM"),
        dropped("SM", "LNM", "␛[20h", "changes what the Enter key sends"),
        dropped(
            "DECSCA",
            "all cases, and ISO protection (SPA, EPA)",
            "␛[1\"q␛V␛W",
            "no program of today uses it"
        ),
        dropped("DECBI, DECFI", "all cases", "␛6␛9", "goes with side margins"),
        dropped(
            "DECCRA, DECERA, DECFRA, DECSERA, DECCARA, DECRARA",
            "all cases",
            "␛[1;1;2;2;1;5;5;1$v␛[1;1;2;2$z␛[65;1;1;2;2$x␛[1;1;2;2${␛[1;1;2;2;1$r␛[1;1;2;2;1$t",
            rectangles
        ),
        dropped("DECRQCRA", "all cases", "␛[1;1;1;1;2;2*y", asks),
        dropped("DA2, DA3, XTVERSION", "all cases", "␛[>c␛[=c␛[>q", asks),
        dropped("DECDSR", "all cases", "␛[?6n␛[?15n␛[?25n␛[?26n␛[?53n␛[?62n␛[?63;1n␛[?75n␛[?85n", asks),
        dropped("DECRQM", "all cases", "␛[4$p␛[?7$p", asks),
        dropped("DECRQSS", "all cases", "␛P$qm␛\\", asks),
        dropped("DECSCL", "all cases", "␛[61\"p", "would switch 8-bit controls on"),
        dropped(
            "S8C1T",
            "all cases, and 8-bit controls",
            "␛ G␛ F\u{84}\u{8D}\u{9B}",
            "bytes that terminals read in two ways"
        ),
        dropped(
            "XtermWinops",
            "all cases",
            "␛[3;0;0t␛[8;10;20t␛[14t␛[21t␛[22;0t␛[23;0t",
            "windows and titles are the person's"
        ),
        dropped(
            "SMTitle, titles",
            "all cases",
            "␛[>0t␛]0;x␛\\␛]2;x\u{7}␛]l␛\\",
            "windows and titles are the person's"
        ),
        dropped("XtermSave", "all cases", "␛[?1s␛[?1r", "modes that were saved are not known here"),
        dropped(
            "ChangeColor, ChangeDynamicColor, ChangeSpecialColor, ResetColor, ResetSpecialColor",
            "all cases",
            "␛]4;1;?␛\\␛]4;1;rgb:f/f/f␛\\␛]10;?␛\\␛]5;0;red␛\\␛]104␛\\␛]105␛\\␛]110␛\\",
            "the palette is the person's, and asking for it would be answered"
        ),
        dropped(
            "ManipulateSelectionData",
            "all cases",
            "␛]52;c;eA==␛\\␛]52;c;?␛\\",
            "the clipboard is the person's"
        ),
        dropped(
            "APC, PM, SOS, DCS",
            "all cases",
            "␛_x␛\\␛^x␛\\␛Xx␛\\␛Pfoo␛\\",
            "strings for the terminal itself"
        ),
        dropped("SM", "KAM, SRM", "␛[2h␛[12h", "locks the keyboard, or echoes in the terminal"),
        dropped("VT52 mode", "vttest 7", "␛[?2l", "another language altogether"),
        dropped("Printing", "MC", "␛[5i␛[?5i␛[4i", "writes files or to a printer"),
    ]
}

extension VTTestPart {
    static let all = [
        VTTestPart(menu: "1", what: "cursor movements", streams: ["vttest-cursor"]),
        VTTestPart(menu: "2", what: "screen features", streams: ["vttest-screen", "vttest-scroll"]),
        VTTestPart(menu: "3", what: "character sets", streams: ["vttest-characters"]),
        VTTestPart(menu: "4", what: "lines of double size", streams: ["vttest-double"]),
        VTTestPart(
            menu: "8",
            what: "VT102: inserting and deleting",
            streams: ["vttest-vt102", "vttest-vt102-wide"]
        ),
    ]
}
