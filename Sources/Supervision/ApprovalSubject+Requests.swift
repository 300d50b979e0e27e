// For which class a request through the gateway is held, by what it asks for.

internal import ClocheModel
internal import Gateway

extension ApprovalPolicy {
    /// What a person is asked about before a request goes on; nil if it goes on without.
    ///
    /// `names` are those by which the credential of its service is known.
    func subject(of request: GatewayRequest, names: [String]) -> ApprovalSubject? {
        // One too long to be shown whole is none that a class could be told of: it is held by every one.
        let target = request.target
        if classes.contains(.push), target.map(GitPush.isOne) ?? true {
            guard let push = target.flatMap({ GitPush($0, request) }) else {
                let what = "\(request.service) \(request.method) \(target ?? request.path)"
                return ApprovalSubject(kind: .push, target: what, scope: "push \(what)")
            }
            let what = "\(request.service) \(push.repository)"
            return ApprovalSubject(kind: .push, target: what, scope: "push \(what)", step: push.step)
        }
        for case .credential(let name) in classes where names.contains(name) {
            return ApprovalSubject(
                kind: .credential(name),
                target: "\(request.method) \(request.service) \(target ?? request.path)",
                scope: "credential \(request.service)"
            )
        }
        return nil
    }
}

/// A request of git's protocol over HTTP that is part of a push.
struct GitPush: Equatable {
    /// The path of the repository, as it was asked for.
    let repository: String
    let step: ApprovalSubject.Step

    private static let program = "git-receive-pack"
    private static let mostLayers = 4

    /// Whether it may be one, however it is spelled.
    static func isOne(_ target: String) -> Bool {
        var text = target.lowercased()
        // What a server decodes once, another decodes twice. What is wrapped more often is held unseen: thousands of layers
        // would keep the supervisor, which holds the agent's limits.
        for _ in 0..<mostLayers {
            guard let decoded = decode(text), decoded != text else { return contains(text) }
            text = decoded.lowercased()
        }
        return true
    }

    private static func contains(_ text: String) -> Bool {
        var rest = text[...]
        while let start = rest.firstIndex(of: "g") {
            rest = rest[start...]
            if rest.hasPrefix(program) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    /// Percent signs undone once; bytes that are no UTF-8 are replaced.
    private static func decode(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return nil }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            if digits.count == 2 {
                bytes.append(UInt8(digits[0] << 4 | digits[1]))
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The usual spelling, as git writes it; nil for another.
    init?(_ target: String, _ request: GatewayRequest) {
        let (discovery, change) = ("/info/refs?service=\(Self.program)", "/\(Self.program)")
        if request.method == "GET", target.hasSuffix(discovery) {
            (repository, step) = (String(target.dropLast(discovery.count)), .prelude)
        } else if request.method == "POST", target.hasSuffix(change) {
            // Before much is sent, git asks with four bytes whether it may; no change has room in them.
            let isProbe = request.length.map { $0 <= 4 } ?? false
            (repository, step) = (String(target.dropLast(change.count)), isProbe ? .prelude : .change)
        } else {
            return nil
        }
        if repository.contains("?") { return nil }
    }
}
