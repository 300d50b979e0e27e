// The tokens of a login: read from its file, asked for, read from the answer, and written back into the file's text, of
// which nothing else changes.

internal import ClocheModel
internal import LinuxSystem

/// Why a login cannot be used, in words that an agent may read.
struct LoginFailure: Error, Equatable {
    let why: String
    /// What can be done about it.
    var kind = Kind.passing

    enum Kind {
        /// Another try may help.
        case passing
        /// Another login is needed.
        case dead
        /// It is not to be used.
        case revoked
    }

    /// What the agent is answered.
    func refusal(_ service: String) -> GatewayRefusal {
        let status =
            switch kind {
            case .passing: 503
            case .dead: 401
            case .revoked: 403
            }
        return GatewayRefusal(status, "\(service): \(why)")
    }
}

/// What a file with a login has.
struct LoginTokens {
    let access: Secret
    let refresh: Secret
    /// When the access token expires, in milliseconds since 1970; nil where that is not said.
    let expires: Int64?
}

extension LoginTokens {
    /// Longer ones stand in no header.
    private static let longest = 16 << 10

    /// Reads the text of a file.
    init(file: Secret, _ form: LoginForm) throws(LoginFailure) {
        let wanted = [form.access, form.refresh] + (form.expires.map { [$0] } ?? [])
        let members = try Self.members(wanted, in: file, "the login's file")
        guard let access = try Self.token(members[0], in: file) else {
            throw LoginFailure(why: "the login's file has no access token that can be sent")
        }
        guard let refresh = try Self.token(members[1], in: file) else {
            throw LoginFailure(why: "the login's file has no refresh token that can be sent")
        }
        let scale = form.unit == .seconds ? 1000.0 : 1
        let expires = members.count > 2 ? Self.number(members[2], in: file) : nil
        self.init(access: access, refresh: refresh, expires: expires.map { Self.time($0 * scale) })
    }

    static func members(_ wanted: [[String]], in text: Secret, _ what: String) throws(LoginFailure)
        -> [MemberScan.Member?]
    {
        do throws(MemberScan.Malformed) {
            return try unsafe text.withBytes { bytes throws(MemberScan.Malformed) in
                try unsafe MemberScan.find(wanted, in: bytes)
            }
        } catch { throw LoginFailure(why: "\(what) cannot be read: \(error.why)") }
    }

    /// A token in pages of its own; nil for what could not stand in a header.
    static func token(_ member: MemberScan.Member?, in text: Secret) throws(LoginFailure) -> Secret? {
        guard let member, member.kind == .string else { return nil }
        let content = (member.range.lowerBound + 1)..<(member.range.upperBound - 1)
        guard content.count <= longest else { return nil }
        var isPlain = false
        do throws(SystemError) {
            let token = try unsafe Secret(capacity: content.count) { room in
                unsafe text.withBytes { bytes in
                    var count = 0
                    isPlain = unsafe MemberScan.read(UnsafeRawBufferPointer(rebasing: bytes[content])) {
                        guard 0x21...0x7e ~= $0 else { return false }
                        unsafe room[count] = $0
                        count += 1
                        return true
                    }
                    return count
                }
            }
            // A shorter one would not be found in an answer.
            return isPlain && token.count >= SecretFilter.shortest ? token : nil
        } catch { throw LoginFailure(why: "no memory for a token") }
    }

    static func number(_ member: MemberScan.Member?, in text: Secret) -> Double? {
        guard let member, member.kind == .number, member.range.count <= 32 else { return nil }
        let value = unsafe text.withBytes { unsafe Double(String(decoding: $0[member.range], as: UTF8.self)) }
        return value.flatMap { $0.isFinite ? $0 : nil }
    }

    /// Milliseconds, none of which is beyond what a number of JSON holds exactly.
    static func time(_ value: Double) -> Int64 { Int64(min(max(value, 0), Double(latest))) }

    static let latest: Int64 = 9_000_000_000_000_000
}

/// What a service answered that renewed a login.
struct RenewedTokens {
    /// The whole answer, and where in it stand the tokens and what is kept besides.
    private let text: Secret
    private let members: [MemberScan.Member?]
    /// When the access token expires.
    let expires: Int64

    /// Where the service does not say how long.
    private static let standardLifetime = 3600.0

    /// Reads an answer.
    init(_ text: Secret, _ form: LoginForm, now: Int64) throws(LoginFailure) {
        let wanted = ["access_token", "refresh_token", "expires_in"] + form.keep.map(\.name)
        members = try LoginTokens.members(wanted.map { [$0] }, in: text, "what the service answered")
        self.text = text
        guard try LoginTokens.token(members[0], in: text) != nil else {
            throw LoginFailure(why: "the service answered with no access token that can be sent")
        }
        // Null is none: then the one before goes on.
        if let refresh = members[1], refresh.kind != .word, try LoginTokens.token(refresh, in: text) == nil {
            throw LoginFailure(why: "the service answered with no refresh token that can be sent")
        }
        let lifetime = LoginTokens.number(members[2], in: text) ?? Self.standardLifetime
        expires = min(now + LoginTokens.time(lifetime * 1000), LoginTokens.latest)
    }

    /// The text of the file with the new tokens in the places of the old ones; all else stays as it is.
    ///
    /// A text that could not be read again is none: then what is kept besides the tokens stays as it was, if that helps.
    func written(into file: Secret, _ form: LoginForm) throws(LoginFailure) -> Secret {
        let all = try written(into: file, form, keep: form.keep.map(\.place))
        if all.count < LoginFile.limit { return all }
        let text = try written(into: file, form, keep: [])
        guard text.count < LoginFile.limit else {
            throw LoginFailure(why: "the login's file becomes too long")
        }
        return text
    }

    private func written(into file: Secret, _ form: LoginForm, keep: [[String]]) throws(LoginFailure)
        -> Secret
    {
        let places = [form.access, form.refresh, form.expires ?? form.access] + keep
        let old = try LoginTokens.members(places, in: file, "the login's file")
        let time = form.unit == .seconds ? expires / 1000 : expires
        var edits: [(range: Range<Int>, source: Range<Int>?)] = []
        for (place, member) in [(0, 0), (1, 1)] + keep.indices.map({ ($0 + 3, $0 + 3) }) {
            // What the file does not have, its program does not miss.
            guard let there = old[place], let new = members[member], new.kind != .word else { continue }
            edits.append((there.range, new.range))
        }
        if form.expires != nil, let there = old[2] { edits.append((there.range, nil)) }
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (one, other) in zip(edits, edits.dropFirst())
        where one.range.upperBound > other.range.lowerBound {
            throw LoginFailure(why: "two places of the login are the same one")
        }
        return try splice(file, edits, Array(String(time).utf8))
    }

    private func splice(_ file: Secret, _ edits: [(range: Range<Int>, source: Range<Int>?)], _ time: [UInt8])
        throws(LoginFailure) -> Secret
    {
        // Of an answer, the same member may be wanted in many places.
        let size = edits.reduce(file.count) { $0 - $1.range.count + ($1.source?.count ?? time.count) }
        do throws(SystemError) {
            return try unsafe Secret(capacity: size) { room in
                var count = 0
                func put(_ bytes: Slice<UnsafeRawBufferPointer>) {
                    unsafe precondition(bytes.count <= room.count - count)
                    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count...])
                    unsafe rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
                    unsafe count += bytes.count
                }
                unsafe file.withBytes { old in
                    var position = 0
                    for edit in edits {
                        unsafe put(old[position..<edit.range.lowerBound])
                        if let source = edit.source {
                            unsafe text.withBytes { unsafe put($0[source]) }
                        } else {
                            unsafe time.withUnsafeBytes { unsafe put($0[...]) }
                        }
                        position = edit.range.upperBound
                    }
                    unsafe put(old[position...])
                }
                return count
            }
        } catch { throw LoginFailure(why: "no memory for a login") }
    }
}

extension LoginForm {
    /// The request for a renewal, with the refresh token in it; whoever sends it wipes it.
    func request(_ refresh: Secret) -> [UInt8] {
        var body: [UInt8] = []
        // Not moved once the token is in it.
        body.reserveCapacity(
            6 * refresh.count + 64
                + fields.reduce(0) { $0 + 8 + 6 * ($1.key.utf8.count + ($1.value.string ?? "").utf8.count) }
        )
        let pairs = [("grant_type", "refresh_token")] + fields.map { ($0.key, $0.value.string ?? "") }
        unsafe refresh.withBytes { token in
            switch requestForm {
            case .json:
                body.append(UInt8(ascii: "{"))
                for (name, value) in pairs {
                    Self.quote(name.utf8, &body)
                    body.append(UInt8(ascii: ":"))
                    Self.quote(value.utf8, &body)
                    body.append(UInt8(ascii: ","))
                }
                body.append(contentsOf: "\"refresh_token\":".utf8)
                unsafe Self.quote(token, &body)
                body.append(UInt8(ascii: "}"))
            case .form:
                for (name, value) in pairs {
                    Self.encode(name.utf8, &body)
                    body.append(UInt8(ascii: "="))
                    Self.encode(value.utf8, &body)
                    body.append(UInt8(ascii: "&"))
                }
                body.append(contentsOf: "refresh_token=".utf8)
                unsafe Self.encode(token, &body)
            }
        }
        let type = requestForm == .json ? "application/json" : "application/x-www-form-urlencoded"
        let head =
            "POST \(server.path) HTTP/1.1\r\nHost: \(tokenService.authority)\r\nContent-Type: \(type)\r\n"
            + "Accept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: cloche\r\n"
            + "Content-Length: \(body.count)\r\n\r\n"
        var request: [UInt8] = []
        request.reserveCapacity(head.utf8.count + body.count)
        request.append(contentsOf: head.utf8)
        request.append(contentsOf: body)
        body.wipe()
        return request
    }

    /// The server as a service, for connections to it.
    var tokenService: GatewayService {
        GatewayService(name: "login", usesTLS: server.usesTLS, host: server.host, port: server.port)
    }

    private static let hexadecimal = Array("0123456789ABCDEF".utf8)

    private static func quote(_ text: some Sequence<UInt8>, _ output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in text {
            if byte < 0x20 {
                output.append(contentsOf: "\\u00".utf8)
                output.append(hexadecimal[Int(byte >> 4)])
                output.append(hexadecimal[Int(byte & 0xf)])
                continue
            }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { output.append(UInt8(ascii: "\\")) }
            output.append(byte)
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func encode(_ text: some Sequence<UInt8>, _ output: inout [UInt8]) {
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(hexadecimal[Int(byte >> 4)])
                output.append(hexadecimal[Int(byte & 0xf)])
            }
        }
    }
}
