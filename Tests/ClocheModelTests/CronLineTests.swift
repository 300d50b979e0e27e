// Crontab lines as systemd's calendar expressions. The expressions are in the form that `systemd-analyze calendar`
// calls normalized, which is how they were compared with it.

import ClocheModel
import Testing

@Suite struct CronLineTests {
    private static let lines: [(String, [String])] = [
        ("* * * * *", ["*-*-* *:*:00"]),
        ("30 2 * * 1-5", ["Mon..Fri *-*-* 02:30:00"]),
        ("0 0 1 1 *", ["*-01-01 00:00:00"]),
        ("*/15 * * * *", ["*-*-* *:00..45/15:00"]),
        ("*/7 * * * *", ["*-*-* *:00..56/7:00"]),
        ("5-59/15 * * * *", ["*-*-* *:05..50/15:00"]),
        ("*/40 * * * *", ["*-*-* *:00,40:00"]),
        ("*/1 */1 */1 */1 */1", ["*-*-* *:*:00"]),
        ("0-59 0-23 1-31 1-12 0-7", ["*-*-* *:*:00"]),
        ("0,30,31,32,59 9-17 * * *", ["*-*-* 09..17:00,30..32,59:00"]),
        ("30,0,30 * * * *", ["*-*-* *:00,30:00"]),
        ("0 */2,1 * * *", ["*-*-* 00..02,04,06,08,10,12,14,16,18,20,22:00:00"]),
        ("0 6 * jan,Mar-MAY,12 *", ["*-01,03..05,12-* 06:00:00"]),
        ("0 6 * * sun", ["Sun *-*-* 06:00:00"]), ("0 6 * * 7", ["Sun *-*-* 06:00:00"]),
        ("0 6 * * 0", ["Sun *-*-* 06:00:00"]), ("0 6 * * 0,7", ["Sun *-*-* 06:00:00"]),
        ("0 6 * * 0-3", ["Mon..Wed,Sun *-*-* 06:00:00"]),
        ("0 6 * * 5-7", ["Fri..Sun *-*-* 06:00:00"]), ("0 6 * * FRI-sun", ["Fri..Sun *-*-* 06:00:00"]),
        ("0 6 * * */2", ["Tue,Thu,Sat,Sun *-*-* 06:00:00"]),
        ("0 6 * * mon,wed", ["Mon,Wed *-*-* 06:00:00"]),
        ("0 6 * * 1-7/2", ["Mon,Wed,Fri,Sun *-*-* 06:00:00"]),
        // Both kinds of days: either; with a star in one of them, both.
        ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
        ("0 0 1,15 6 mon", ["*-06-01,15 00:00:00", "Mon *-06-* 00:00:00"]),
        ("0 0 */2 * 1", ["Mon *-*-01..31/2 00:00:00"]), ("0 0 1-7 * */1", ["*-*-01..07 00:00:00"]),
        ("0 0 1-31 * 5", ["*-*-* 00:00:00"]), ("0 0 13 * 0-6", ["*-*-* 00:00:00"]),
        ("0 0 31 2 5", ["Fri *-02-* 00:00:00"]),
        ("0 0 29 2 *", ["*-02-29 00:00:00"]), ("0 0 31 2,3 *", ["*-02,03-31 00:00:00"]),
        ("  30\t2  * *   1-5 ", ["Mon..Fri *-*-* 02:30:00"]),
        ("@hourly", ["*-*-* *:00:00"]), ("@daily", ["*-*-* 00:00:00"]), ("@midnight", ["*-*-* 00:00:00"]),
        ("@weekly", ["Sun *-*-* 00:00:00"]), ("@monthly", ["*-*-01 00:00:00"]),
        ("@yearly", ["*-01-01 00:00:00"]), ("@annually", ["*-01-01 00:00:00"]),
        ("@Daily", ["*-*-* 00:00:00"]),
    ]

    @Test(arguments: lines) func isTranslated(_ line: String, _ calendar: [String]) throws {
        #expect(try CronLine(line).calendar == calendar)
    }

    @Test func theTextIsKeptWithSingleSpaces() throws {
        #expect(try CronLine(" 30\t2  * * 1-5").text == "30 2 * * 1-5")
        #expect(try CronLine("@Daily").text == "@Daily")
    }

    private static let mistakes: [(String, String)] = [
        ("", "it has 0 fields, and not five"), ("30", "it has 1 field, and not five"),
        ("30 2 * *", "it has 4 fields, and not five"), ("0 30 2 * * 1-5", "it has 6 fields, and not five"),
        ("60 * * * *", "minute: 60 is not from 0 to 59"), ("-1 * * * *", "minute: \"\" is not a number"),
        ("+1 * * * *", "minute: \"+1\" is not a number"), ("0 24 * * *", "hour: 24 is not from 0 to 23"),
        ("0 0 0 * *", "day of month: 0 is not from 1 to 31"),
        ("0 0 32 * *", "day of month: 32 is not from 1 to 31"),
        ("0 0 L * *", "day of month: \"L\" is not a number"),
        ("0 0 ? * 1", "day of month: \"?\" is not a number"),
        ("0 0 * 13 *", "month: 13 is not from 1 to 12"), ("0 0 * 0 *", "month: 0 is not from 1 to 12"),
        ("0 0 * mai *", "month: \"mai\" is not a number or a name such as feb"),
        ("0 0 * * 8", "day of week: 8 is not from 0 to 7"),
        ("0 0 * * monday", "day of week: \"monday\" is not a number or a name such as mon"),
        ("0 0 * * 5#2", "day of week: \"5#2\" is not a number or a name such as mon"),
        ("jan * * * *", "minute: \"jan\" is not a number"),
        ("10-5 * * * *", "minute: the range \"10-5\" ends before it begins"),
        ("0 22-6 * * *", "hour: the range \"22-6\" ends before it begins"),
        ("5/15 * * * *", "minute: the step of \"5/15\" has no range before it; 5-59/15 would be one"),
        ("*/0 * * * *", "minute: the step \"0\" is no number from 1 on"),
        ("*/ * * * *", "minute: the step \"\" is no number from 1 on"),
        ("*/-2 * * * *", "minute: the step \"-2\" is no number from 1 on"),
        ("1,,2 * * * *", "minute: \"\" is not a number"), ("1, * * * *", "minute: \"\" is not a number"),
        ("1-2-3 * * * *", "minute: \"2-3\" is not a number"),
        ("* * **  * *", "day of month: \"**\" is not a number"),
        ("99999999999999999999 * * * *", "minute: \"99999999999999999999\" is not a number"),
        ("0 0 30 2 *", "day of month: there is no 30 in the month that the line names"),
        ("0 0 31 2,4,6,9,11 *", "day of month: there is no 31 in the month that the line names"),
        ("@reboot", "@reboot is no time; a schedule goes by the calendar"),
        ("@often", "\"@often\" is none of @hourly, "),
        ("0 0 * * 1\nexec", "day of week: \"1\\nexec\" is not a number"),
    ]

    @Test(arguments: mistakes) func aMistakeIsNamedWithItsField(_ line: String, _ words: String) {
        let error = #expect(throws: ClocheError.self) { try CronLine(line) }
        #expect(error?.code == .usage)
        #expect(error?.why.hasPrefix(words) == true, "\(error?.why ?? "no error")")
        #expect(error?.remedy.contains("minute, hour, day of month, month and day of week") == true)
    }
}
