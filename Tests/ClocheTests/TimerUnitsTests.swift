// The units of a schedule, and what systemctl tells of them.

import Testing

@testable import Cloche

@Suite struct TimerUnitsTests {
    private let units = TimerUnits(
        name: "cloche-parser-0123-nightly",
        program: "/opt/my tools/100% $HOME/\"cloche\"",
        arguments: ["internal", "scheduled", "/home/a b/$x/50%/\\n\n\u{7F}é.json"],
        calendar: ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"],
        schedule: "nightly"
    )

    @Test func theServiceRunsWordsAsTheyAre() {
        let lines = units.service.split(separator: "\n").map(String.init)
        // Variables are expanded in arguments and not in the program's path: `$$` there would be two characters.
        let program = #"ExecStart="/opt/my tools/100%% $HOME/\"cloche\"""#
        let arguments = #" "internal" "scheduled" "/home/a b/$$x/50%%/\\n\x0a\x7fé.json""#
        #expect(lines.contains(program + arguments))
        #expect(lines.contains("Type=oneshot") && lines.contains("KillMode=process"))
        #expect(!lines.contains { $0.hasPrefix("[Install]") })
    }

    @Test func theTimerHasEachExpression() {
        let lines = units.timer.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        #expect(
            lines == [
                "[Unit]", "Description=Cloche: the schedule nightly", "[Timer]", "OnCalendar=*-*-13 00:00:00",
                "OnCalendar=Fri *-*-* 00:00:00", "AccuracySec=1s", "Persistent=yes", "[Install]",
                "WantedBy=timers.target",
            ]
        )
        #expect(units.timerName == "cloche-parser-0123-nightly.timer")
        #expect(units.serviceName == "cloche-parser-0123-nightly.service")
    }

    @Test func whatSystemctlTellsIsRead() {
        let shown = """
            Result=success
            Id=a.b.timer
            ActiveState=active

            Id=a.b.service
            ActiveState=inactive
            Result=exit-code

            Id=c.timer
            ActiveState=inactive

            """
        let listed = """
            [{"next":1795000000000000,"left":1,"last":1794990000000000,"passed":0,"unit":"a.b.timer","activates":"a.b.service"},
             {"next":0,"left":0,"last":null,"passed":0,"unit":"c.timer","activates":null}]
            """
        var first = UserTimers.State()
        first.isActive = true
        (first.next, first.last, first.result) = (1_795_000_000_000, 1_794_990_000_000, "exit-code")
        #expect(
            UserTimers.states(shown: shown, listed: listed) == ["a.b": first, "c": UserTimers.State()]
        )
        #expect(UserTimers.states(shown: "", listed: "").isEmpty)
    }
}
