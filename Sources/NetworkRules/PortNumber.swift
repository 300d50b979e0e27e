// Port numbers, and sets of them as rules write them: `443`, `80,443,8000-8010`, `*`.

/// Reads decimal numbers.
enum PortNumber {
    /// The number of decimal digits without sign and leading zeros; nil for anything else and beyond the limit.
    static func decimal(_ digits: ArraySlice<UInt8>, through limit: Int) -> Int? {
        guard (1...5).contains(digits.count), digits.first != UInt8(ascii: "0") || digits.count == 1 else {
            return nil
        }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value <= limit ? value : nil
    }

    /// A port from its text; 0 is none.
    static func port(_ text: some StringProtocol) -> UInt16? {
        guard let value = decimal(Array(text.utf8)[...], through: 65535), value > 0 else { return nil }
        return UInt16(value)
    }
}

/// A set of ports, as ranges in order that neither meet nor overlap.
struct PortSet: Equatable, Sendable {
    static let all = PortSet([1...65535])

    private(set) var ranges: [ClosedRange<UInt16>]

    init(_ ranges: [ClosedRange<UInt16>]) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = self.ranges.last, Int(range.lowerBound) <= Int(last.upperBound) + 1 {
                self.ranges[self.ranges.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                self.ranges.append(range)
            }
        }
    }

    /// The set of a text; nil when it is none.
    init?(_ text: some StringProtocol) {
        if text == "*" {
            self = .all
            return
        }
        var ranges: [ClosedRange<UInt16>] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = item.split(separator: "-", omittingEmptySubsequences: false).map {
                PortNumber.port($0)
            }
            guard ends.count <= 2, let low = ends[0], let high = ends[ends.count - 1], low <= high else {
                return nil
            }
            ranges.append(low...high)
        }
        self.init(ranges)
    }

    func contains(_ port: UInt16) -> Bool { ranges.contains { $0.contains(port) } }

    /// The lowest port.
    var first: UInt16? { ranges.first?.lowerBound }

    func intersection(_ other: PortSet) -> PortSet { subtracting(PortSet.all.subtracting(other)) }

    func subtracting(_ other: PortSet) -> PortSet {
        var rest = ranges
        for hole in other.ranges {
            rest = rest.flatMap { range -> [ClosedRange<UInt16>] in
                guard range.overlaps(hole) else { return [range] }
                var parts: [ClosedRange<UInt16>] = []
                if range.lowerBound < hole.lowerBound {
                    parts.append(range.lowerBound...(hole.lowerBound - 1))
                }
                if range.upperBound > hole.upperBound {
                    parts.append((hole.upperBound + 1)...range.upperBound)
                }
                return parts
            }
        }
        return PortSet(rest)
    }
}
