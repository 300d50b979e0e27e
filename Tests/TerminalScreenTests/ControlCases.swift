// The cases: cursor, margins and scrolling. Those of editing, modes and reports are in ControlCases+Editing.swift.

extension ControlCase {
    static let all = moving + scrolling + editing + modes + styles + reports + withheld

    private static let moving: [ControlCase] = [
        pass("BS", "Basic", "␛[1;3H\u{8}", at: [1, 2]),
        pass("BS", "NoWrapByDefault", "␛[3;1H\u{8}", at: [3, 1]),
        pass(
            "BS",
            "CursorStartsInDoWrapPosition",
            "␛[1;9Hab\u{8}X",
            "        Xb",
            at: [1, 10],
            size: [10, 2]
        ),
        pass("CBT", "OneTabStopByDefault", "␛[1;17H␛[Z", at: [1, 9]),
        pass("CBT", "ExplicitParameter", "␛[1;25H␛[2Z", at: [1, 9]),
        pass("CBT", "StopsAtLeftEdge", "␛[2;25H␛[5Z", at: [2, 1]),
        pass("CBT", "IgnoresRegion", "␛[5;30r␛[7;9H␛[Z", at: [7, 1]),
        pass("CHA", "DefaultParam", "␛[3;5H␛[G", at: [3, 1]),
        pass("CHA", "ExplicitParam", "␛[3;5H␛[10G", at: [3, 10]),
        pass("CHA", "OutOfBoundsLarge", "␛[3;5H␛[9999G", at: [3, 80]),
        pass("CHA", "ZeroParam", "␛[3;5H␛[0G", at: [3, 1]),
        pass("CHA", "IgnoresScrollRegion", "␛[5;10r␛[2;5H␛[1G", at: [2, 1]),
        pass("CHT", "OneTabStopByDefault", "␛[I", at: [1, 9]),
        pass("CHT", "ExplicitParameter", "␛[2I", at: [1, 17]),
        pass("CHT", "IgnoresScrollingRegion", "␛[5;10r␛[7;1H␛[I", at: [7, 9]),
        pass("CNL", "DefaultParam", "␛[5;3H␛[E", at: [6, 1]),
        pass("CNL", "ExplicitParam", "␛[6;5H␛[2E", at: [8, 1]),
        pass("CNL", "StopsAtBottomLine", "␛[6;5H␛[99E", at: [24, 1]),
        pass("CNL", "StopsAtBottomLineWhenBegunBelowScrollRegion", "␛[4;5r␛[7;3H␛[99E", at: [24, 1]),
        pass("CNL", "StopsAtBottomMarginInScrollRegion", "␛[2;4r␛[3;3H␛[99E", at: [4, 1]),
        pass("CPL", "DefaultParam", "␛[5;3H␛[F", at: [4, 1]),
        pass("CPL", "ExplicitParam", "␛[6;5H␛[2F", at: [4, 1]),
        pass("CPL", "StopsAtTopLine", "␛[6;5H␛[99F", at: [1, 1]),
        pass("CPL", "StopsAtTopLineWhenBegunAboveScrollRegion", "␛[4;5r␛[3;3H␛[99F", at: [1, 1]),
        pass("CPL", "StopsAtTopMarginInScrollRegion", "␛[2;4r␛[3;3H␛[99F", at: [2, 1]),
        pass("CR", "Basic", "␛[3;3H\r", at: [3, 1]),
        pass("CUB", "DefaultParam", "␛[5;3H␛[D", at: [5, 2]),
        pass("CUB", "ExplicitParam", "␛[5;4H␛[2D", at: [5, 2]),
        pass("CUB", "StopsAtLeftEdge", "␛[5;4H␛[99D", at: [5, 1]),
        pass("CUD", "DefaultParam", "␛[5;3H␛[B", at: [6, 3]),
        pass("CUD", "ExplicitParam", "␛[5;3H␛[2B", at: [7, 3]),
        pass("CUD", "StopsAtBottomLine", "␛[5;3H␛[99B", at: [24, 3]),
        pass("CUD", "StopsAtBottomLineWhenBegunBelowScrollRegion", "␛[4;5r␛[7;3H␛[99B", at: [24, 3]),
        pass("CUD", "StopsAtBottomMarginInScrollRegion", "␛[2;4r␛[3;3H␛[99B", at: [4, 3]),
        pass("CUF", "DefaultParam", "␛[5;3H␛[C", at: [5, 4]),
        pass("CUF", "ExplicitParam", "␛[5;3H␛[2C", at: [5, 5]),
        pass("CUF", "StopsAtRightSide", "␛[5;3H␛[99C", at: [5, 80]),
        pass("CUP", "DefaultParams", "␛[6;3H␛[H", at: [1, 1]),
        pass("CUP", "RowOnly", "␛[6;3H␛[2H", at: [2, 1]),
        pass("CUP", "ColumnOnly", "␛[6;3H␛[;2H", at: [1, 2]),
        pass("CUP", "ZeroIsTreatedAsOne", "␛[6;3H␛[0;0H", at: [1, 1]),
        pass("CUP", "OutOfBoundsParams", "␛[99;99H", at: [24, 80]),
        pass("CUU", "DefaultParam", "␛[5;3H␛[A", at: [4, 3]),
        pass("CUU", "ExplicitParam", "␛[5;3H␛[2A", at: [3, 3]),
        pass("CUU", "StopsAtTopLine", "␛[5;3H␛[99A", at: [1, 3]),
        pass("CUU", "StopsAtTopLineWhenBegunAboveScrollRegion", "␛[4;5r␛[3;3H␛[99A", at: [1, 3]),
        pass("CUU", "StopsAtTopMarginInScrollRegion", "␛[2;4r␛[3;3H␛[99A", at: [2, 3]),
        pass("HPA", "DefaultParams", "␛[3;6H␛[`", at: [3, 1]),
        pass("HPA", "StopsAtRightEdge", "␛[5;6H␛[99`", at: [5, 80]),
        pass("HPA", "DoesNotChangeRow", "␛[5;6H␛[2`", at: [5, 2]),
        pass("HPR", "DefaultParams", "␛[3;6H␛[a", at: [3, 7]),
        pass("HPR", "StopsAtRightEdge", "␛[5;6H␛[99a", at: [5, 80]),
        pass("HPR", "DoesNotChangeRow", "␛[5;6H␛[2a", at: [5, 8]),
        pass("HVP", "DefaultParams", "␛[6;3H␛[f", at: [1, 1]),
        pass("HVP", "RowOnly", "␛[6;3H␛[2f", at: [2, 1]),
        pass("HVP", "ColumnOnly", "␛[6;3H␛[;2f", at: [1, 2]),
        pass("HVP", "ZeroIsTreatedAsOne", "␛[6;3H␛[0;0f", at: [1, 1]),
        pass("HVP", "OutOfBoundsParams", "␛[99;99f", at: [24, 80]),
        pass("VPA", "DefaultParams", "␛[6;5H␛[d", at: [1, 5]),
        pass("VPA", "StopsAtBottomEdge", "␛[6;5H␛[99d", at: [24, 5]),
        pass("VPA", "DoesNotChangeColumn", "␛[6;5H␛[2d", at: [2, 5]),
        pass("VPR", "DefaultParams", "␛[6;5H␛[e", at: [7, 5]),
        pass("VPR", "StopsAtBottomEdge", "␛[6;5H␛[99e", at: [24, 5]),
        pass("VPR", "DoesNotChangeColumn", "␛[6;5H␛[2e", at: [8, 5]),
        pass("HT", "StopsEveryEightColumns", "\ta\tb", "        a       b", at: [1, 18]),
        pass("HTS", "Basic", "␛[3g␛[1;20H␛H␛[1;1H\t", at: [1, 20]),
        pass("TBC", "Default", "␛[1;9H␛[g␛[1;1H\t", at: [1, 17]),
        pass("TBC", "0", "␛[1;9H␛[0g␛[1;1H\t", at: [1, 17]),
        pass("TBC", "3", "␛[3g\t", at: [1, 80]),
        pass("TBC", "NoOp", "␛[1;10H␛[g␛[1;1H\t", at: [1, 9]),
        pass("SaveRestoreCursor", "Basic", "␛[5;6H␛7␛[1;1H␛8", at: [5, 6]),
        pass("SaveRestoreCursor", "MoveToHomeWhenNotSaved", "␛[!p␛[5;6H␛8", at: [1, 1]),
        pass("SaveRestoreCursor", "Reset", "␛[5;6H␛7␛c␛[2;2H␛8", at: [1, 1]),
        pass(
            "SaveRestoreCursor",
            "AltVsMain",
            "␛[2;3H␛7␛[?47h␛[6;7H␛7␛[H␛8a␛[?47l␛8b",
            "|  b",
            at: [2, 4]
        ),
        pass("SaveRestoreCursor", "InsertNotAffected", "ab␛[1;1H␛[4h␛7␛[4l␛8X", "Xb", at: [1, 2]),
        pass("SaveRestoreCursor", "Style", "␛[31m␛7␛[0m␛8x", "x", at: [1, 2]),
        pass("SCORC", "Basic", "␛[5;6H␛[s␛[1;1H␛[u", at: [5, 6]),
    ]

    /// Four lines, of which the second and third scroll.
    private static let region = "1\r\n2\r\n3\r\n4␛[2;3r"

    private static let scrolling: [ControlCase] =
        [
            pass("DECSTBM", "ScrollsOnNewline", "\(region)␛[3;1H\r\nX", "1|3|X|4", size: [5, 4]),
            pass("DECSTBM", "NewlineBelowRegion", "\(region)␛[4;1Hab\r\ncd", "1|2|3|cd", size: [5, 4]),
            pass("DECSTBM", "MovsCursorToOrigin", "␛[3;4H␛[2;3r", at: [1, 1]),
            pass("DECSTBM", "TopBelowBottom", "␛[3;3H␛[3;2r", at: [3, 3]),
            pass("DECSTBM", "DefaultRestores", "\(region)␛[r␛[4;1H\n", "2|3|4", size: [5, 4]),
            pass(
                "DECSTBM",
                "CursorBelowRegionAtBottomTriesToScroll",
                "\(region)␛[4;1H\nX",
                "1|2|3|X",
                size: [5, 4]
            ),
            pass("DECSTBM", "MaxSizeOfRegionIsPageSize", "\(region)␛[1;99r␛[4;1H\n", "2|3|4", size: [5, 4]),
            pass("DECSTBM", "TopOfZeroIsTopOfScreen", "\(region)␛[0;3r␛[3;1H\n", "2|3||4", size: [5, 4]),
            pass(
                "DECSTBM",
                "BottomOfZeroIsBottomOfScreen",
                "\(region)␛[2;0r␛[4;1H\n",
                "1|3|4",
                size: [5, 4]
            ),
            pass("SU", "DefaultParam", "1\r\n2\r\n3␛[S", "2|3", size: [5, 3]),
            pass("SU", "ExplicitParam", "1\r\n2\r\n3␛[2S", "3", size: [5, 3]),
            pass("SU", "CanClearScreen", "1\r\n2\r\n3␛[99S", "", size: [5, 3]),
            pass("SU", "RespectsTopBottomScrollRegion", "\(region)␛[S", "1|3||4", size: [5, 4]),
            pass("SU", "OutsideTopBottomScrollRegion", "\(region)␛[4;1H␛[S", "1|3||4", size: [5, 4]),
            pass("SD", "DefaultParam", "1\r\n2\r\n3␛[T", "|1|2", size: [5, 3]),
            pass("SD", "ExplicitParam", "1\r\n2\r\n3␛[2T", "||1", size: [5, 3]),
            pass("SD", "CanClearScreen", "1\r\n2\r\n3␛[99T", "", size: [5, 3]),
            pass("SD", "RespectsTopBottomScrollRegion", "\(region)␛[T", "1||2|4", size: [5, 4]),
            pass("SD", "OutsideTopBottomScrollRegion", "\(region)␛[4;1H␛[T", "1||2|4", size: [5, 4]),
            pass("RI", "Basic", "␛[5;3H␛M", at: [4, 3]),
            pass("RI", "Scrolls", "1\r\n2\r\n3␛[1;1H␛M", "|1|2", at: [1, 1], size: [5, 3]),
            pass(
                "RI",
                "ScrollsInTopBottomRegionStartingBelow",
                "\(region)␛[3;1H␛M␛M",
                "1||2|4",
                size: [5, 4]
            ),
            pass(
                "RI",
                "ScrollsInTopBottomRegionStartingWithin",
                "\(region)␛[2;1H␛M",
                "1||2|4",
                size: [5, 4]
            ),
            pass(
                "RI",
                "StopsAtTopLineWhenBegunAboveScrollRegion",
                "\(region)␛[1;1H␛M",
                "1|2|3|4",
                at: [1, 1],
                size: [5, 4]
            ),
        ]
        + ["FF": "\u{C}", "IND": "␛D", "LF": "\n", "VT": "\u{B}", "NEL": "␛E"].sorted { $0.key < $1.key }
        .flatMap(lineFeeds)

    /// All that go one line down are alike, but for the column after NEL.
    private static func lineFeeds(_ control: String, _ bytes: String) -> [ControlCase] {
        let column = control == "NEL" ? 1 : 3
        return [
            pass(control, "Basic", "␛[5;3H\(bytes)", at: [6, column]),
            pass(control, "Scrolls", "1\r\n2\r\n3␛[3;3H\(bytes)", "2|3", at: [3, column], size: [5, 3]),
            pass(
                control,
                "ScrollsInTopBottomRegionStartingAbove",
                "\(region)␛[1;3H\(bytes)\(bytes)\(bytes)",
                "1|3||4",
                at: [3, column],
                size: [5, 4]
            ),
            pass(
                control,
                "ScrollsInTopBottomRegionStartingWithin",
                "\(region)␛[2;3H\(bytes)\(bytes)",
                "1|3||4",
                at: [3, column],
                size: [5, 4]
            ),
            pass(
                control,
                "StopsAtBottomLineWhenBegunBelowScrollRegion",
                "\(region)␛[4;3H\(bytes)",
                "1|2|3|4",
                at: [4, column],
                size: [5, 4]
            ),
        ]
    }
}
