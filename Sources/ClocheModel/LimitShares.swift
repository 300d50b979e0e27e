// Arithmetic of limits that several have together: what is left of a share, and what fits in it. Pure; the kernel
// does the same by itself where the share is a cgroup, so this serves where it is not (a project without a cgroup, an
// agent that starts others).

extension ResourceLimits {
    /// One kind of limit.
    private struct Kind {
        /// Its key in a profile.
        let name: String
        let path: WritableKeyPath<ResourceLimits, Int64?>
        /// What a part without such a limit uses at most; nil where that is nothing less than everything.
        let otherwise: @Sendable (ResourceLimits) -> Int64?

        init(
            _ name: String,
            _ path: WritableKeyPath<ResourceLimits, Int64?>,
            otherwise: @escaping @Sendable (ResourceLimits) -> Int64? = { _ in nil }
        ) {
            self.name = name
            self.path = path
            self.otherwise = otherwise
        }

        /// What a part uses at most.
        func most(of part: ResourceLimits) -> Int64? { part[keyPath: path] ?? otherwise(part) }
    }

    /// The kinds that are used up.
    private static var divided: [Kind] {
        [
            Kind("memory", \.memoryBytes), Kind("memory-high", \.memoryHighBytes) { $0.memoryBytes },
            Kind("swap", \.swapBytes), Kind("processes", \.processes), Kind("cpu", \.cpuMillicores),
            Kind("io-read", \.ioReadBytes), Kind("io-write", \.ioWriteBytes),
            Kind("io-read-operations", \.ioReadOperations), Kind("io-write-operations", \.ioWriteOperations),
        ]
    }

    /// All kinds.
    ///
    /// A weight is not used up: it says who gets more when there is not enough.
    private static var kinds: [Kind] {
        divided + [Kind("cpu-weight", \.cpuWeight) { _ in standardWeight }]
    }

    /// What is left of this share when others have taken theirs; 0 is nothing, nil no limit.
    ///
    /// Who has no limit where the share has one may use all of it, and so takes the rest. It has no weight: that of a
    /// share is against other shares, and bounds nobody within it.
    public func remaining(after taken: [ResourceLimits]) -> ResourceLimits {
        var rest = ResourceLimits()
        for kind in Self.divided {
            guard var left = self[keyPath: kind.path] else { continue }
            for part in taken { left -= max(0, min(left, kind.most(of: part) ?? left)) }
            rest[keyPath: kind.path] = max(0, left)
        }
        return rest
    }

    /// The limits that a part exceeds, by their keys in a profile; none if it fits.
    ///
    /// A part without a limit where this has one exceeds it: `narrowed(to:)` gives it one.
    public func exceeded(by part: ResourceLimits) -> [String] {
        Self.kinds.compactMap { kind in
            guard let most = self[keyPath: kind.path] else { return nil }
            return (kind.most(of: part) ?? .max) > most ? kind.name : nil
        }
    }

    /// Whether a part exceeds none of these.
    public func covers(_ part: ResourceLimits) -> Bool { exceeded(by: part).isEmpty }

    /// The smaller of each limit; `bounds` covers what comes out.
    public func narrowed(to bounds: ResourceLimits) -> ResourceLimits {
        var result = self
        for kind in Self.kinds {
            guard let most = bounds[keyPath: kind.path], (kind.most(of: self) ?? .max) > most else {
                continue
            }
            result[keyPath: kind.path] = most
        }
        // Slowed down only where it is killed, a process would hang there and not end.
        if let high = result.memoryHighBytes, let most = result.memoryBytes, high >= most,
            bounds.memoryHighBytes.map({ most <= $0 }) ?? true
        {
            result.memoryHighBytes = nil
        }
        return result
    }
}
