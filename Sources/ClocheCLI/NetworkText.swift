// The state of a running agent's network in words, for `inspect`.

internal import ClocheModel

enum NetworkText {
    /// Its mode, how connections are taken, and what leads into it.
    static func lines(_ report: NetworkReport) -> [String] {
        var lines = [first(report)]
        for forward in report.forwards { lines.append("\(forward.place) leads to port \(forward.target)") }
        return lines
    }

    private static func first(_ report: NetworkReport) -> String {
        var parts = [report.mode.rawValue]
        if report.catchesAllPorts == true { parts.append("connections to every port are judged") }
        if report.catchesAllPorts == false {
            let ports = report.ports.sorted().map(String.init)
            let shown = ports.prefix(12).joined(separator: " ") + (ports.count > 12 ? " ..." : "")
            parts.append("connections to ports \(shown) are judged, others are refused by the kernel")
        }
        if let hasIPv6 = report.hasIPv6 { parts.append(hasIPv6 ? "IPv4 and IPv6" : "IPv4 alone") }
        if report.catchesAllPorts != nil || report.connections > 0 {
            parts.append(
                report.connections == 1 ? "1 connection open" : "\(report.connections) connections open"
            )
        }
        return parts.joined(separator: "; ")
    }
}
