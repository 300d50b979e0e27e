// What an agent says to the network: DNS, TLS, SOCKS. Nothing traps; a message is found where it ends and however it is
// cut; what was understood is all that was there. HTTPMessages.swift has the rest.

import NetworkMessages

/// Where an input is cut: somewhere, but the same in every run.
func cut(_ bytes: [UInt8]) -> Int {
    bytes.reduce(5381) { ($0 &* 33 &+ Int($1)) & 0xFF_FFFF } % (bytes.count + 1)
}

/// What must hold of any parser: a found message is within the bytes, each part of it is not enough, and what follows
/// changes nothing; what is malformed stays so.
func requireConsistent<Value: Equatable>(
    _ bytes: [UInt8],
    _ whole: ParseResult<Value>,
    _ parse: ([UInt8]) -> ParseResult<Value>
) {
    let part = parse(Array(bytes[..<cut(bytes)]))
    switch whole {
    case .needMore: require(part == .needMore, "a part of what is not enough is not enough")
    case .found(_, let length):
        require(1...bytes.count ~= length, "a message is within the bytes")
        require(parse(Array(bytes[..<length])) == whole, "what follows changes nothing")
        require(cut(bytes) >= length ? part == whole : part == .needMore, "a part of a message is not enough")
        require(parse(Array(bytes[..<(length - 1)])) == .needMore, "a byte less is not enough")
    case .malformed(let why):
        require(!why.isEmpty, "a refusal says why")
        if case .found = part { fatalError("does not hold: a message stays one") }
    }
    if case .malformed = part, whole != part { fatalError("does not hold: what is malformed stays so") }
}

/// A question to the resolver.
@Sendable func fuzzDNS(_ bytes: [UInt8]) {
    switch DNSRequest.parse(bytes.span) {
    case .malformed(let why): require(!why.isEmpty, "a refusal says why")
    case .refused(let reply, let why):
        require(!why.isEmpty, "a refusal says why")
        requireReply(reply, to: bytes, limit: 512)
        require(reply[3] & 15 != 0 || reply.count > 12, "a refusal has a code")
    case .query(let query):
        require(
            Array(bytes[12...].prefix(wire(query).count)) == wire(query),
            "the name is what was asked for"
        )
        let answers: [DNSAnswer] = [
            .addresses([]), .addresses([[1, 2, 3, 4]]),
            .addresses([[UInt8]](repeating: [9, 9, 9, 9], count: 90)),
            .addresses([[UInt8](repeating: 7, count: 16)]), .empty, .noSuchName,
            .blocked(String(repeating: "ü", count: bytes.count)), .failure, .notImplemented,
        ]
        for answer in answers {
            requireReply(query.reply(answer, secondsToLive: .max), to: bytes, limit: 1232)
            if !query.hasEDNS { requireReply(query.reply(answer), to: bytes, limit: 512) }
            requireReply(query.reply(answer, overTCP: true), to: bytes, limit: 65535)
        }
    }
}

/// A question as it is sent, without the head of the message.
private func wire(_ query: DNSQuery) -> [UInt8] {
    let labels = query.name == "." ? [] : query.name.split(separator: ".", omittingEmptySubsequences: false)
    require(labels.allSatisfy { 1...63 ~= $0.utf8.count }, "labels have a length")
    return labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [
        0, UInt8(query.type >> 8), UInt8(query.type & 255),
    ]
}

/// Reads a reply as an asker would: all of it, with the asker's number and question.
private func requireReply(_ reply: [UInt8], to question: [UInt8], limit: Int) {
    require(12...limit ~= reply.count, "a reply fits")
    require(reply[0] == question[0] && reply[1] == question[1], "a reply has the number of its question")
    require(reply[2] & 0x80 != 0, "a reply is one")
    require(reply[2] & 0x79 == question[2] & 0x79, "a reply repeats what was wanted")
    if case .malformed = DNSRequest.parse(reply.span) {
    } else {
        fatalError("does not hold: replies are not answered")
    }
    func number(_ at: Int) -> Int { Int(reply[at]) << 8 | Int(reply[at + 1]) }
    var position = 12
    if number(4) == 1 {
        while reply[position] != 0 { position += 1 + Int(reply[position]) }
        position += 5
        require(reply[12..<position] == question[12..<position], "a reply repeats its question")
    }
    for index in 0..<number(6) + number(8) + number(10) {
        let isLast = index == number(6) + number(8) + number(10) - 1
        if number(10) == 1, isLast {
            require(reply[position] == 0 && number(position + 1) == 41, "the last record is that of EDNS")
            position += 1
        } else {
            require(number(position) == 0xC00C, "a record has the name that was asked for")
            position += 2
        }
        position += 10 + number(position + 8)
    }
    require(position == reply.count, "a reply ends with its last record")
}

/// A TLS hello as it comes; after a 0 the body of one, after a 1 its extensions, so that their lengths need not be found.
@Sendable func fuzzHello(_ input: [UInt8]) {
    let rest = Array(input.dropFirst())
    switch input.first {
    case 0: requireHello(records(message(rest), 16384))
    case 1: requireHello(records(message(plainHello + lengthed(rest)), 16384))
    default: requireHello(input)
    }
}

private func requireHello(_ bytes: [UInt8]) {
    let whole = TLSHello.parse(bytes.span)
    requireConsistent(bytes, whole) { TLSHello.parse($0.span) }
    requireSteady(bytes)
    if let retry = TLSHello.isRetryRequest(bytes.span.extracting(first: cut(bytes))) {
        require(TLSHello.isRetryRequest(bytes.span) == retry, "an answer stays what it is")
    }
    requireConsistent(bytes, readSecond(bytes), readSecond)
    // In two pieces, and a short one a byte at a time.
    for size in [max(1, cut(bytes)), bytes.count > 600 ? 400 : 1] {
        var reader = TLSHelloReader()
        var end = 0
        var last = ParseResult<TLSHello>.needMore
        while end < bytes.count, last == .needMore {
            end = min(end + size, bytes.count)
            last = reader.read(bytes.span.extracting(first: end))
        }
        require(last == whole, "pieces make no difference")
    }
    guard case .found(let hello, let length) = whole else { return }
    require(ClientProtocol.recognize(bytes.span) == .tls, "a hello is known for TLS")
    require(
        readSecond([20, 3, 3, 0, 1, 1] + bytes) == .found(hello, length: length + 6),
        "a second hello is one"
    )
    let text = hello.serverName ?? "a"
    require(!text.isEmpty && text.utf8.allSatisfy(isNameByte), "a name is of the bytes of names")
    // The same in records of other sizes.
    let message = handshake(Array(bytes[..<length]))
    for size in [7, 1000] where message.count / size * 6 < 60000 {
        let other = records(message, size)
        require(
            TLSHello.parse(other.span) == .found(hello, length: other.count),
            "records make no difference"
        )
    }
}

private func readSecond(_ bytes: [UInt8]) -> ParseResult<TLSHello> {
    var reader = TLSHelloReader(afterRetry: true)
    return reader.read(bytes.span)
}

/// Once it is known what a connection begins with, more bytes change nothing.
func requireSteady(_ bytes: [UInt8]) {
    guard let known = ClientProtocol.recognize(bytes.span.extracting(first: cut(bytes))) else { return }
    require(ClientProtocol.recognize(bytes.span) == known, "what a connection begins with stays so")
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch UnicodeScalar(byte) {
    case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_": true
    default: false
    }
}

/// All of a body but its extensions.
private let plainHello: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0x13, 1, 1, 0]

private func lengthed(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
}

private func message(_ body: [UInt8]) -> [UInt8] { [1, 0] + lengthed(body) }

private func records(_ message: [UInt8], _ size: Int) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start in
        [0x16, 3, 1] + lengthed(Array(message[start..<min(start + size, message.count)]))
    }
}

private func handshake(_ bytes: [UInt8]) -> [UInt8] {
    var position = 0
    var message: [UInt8] = []
    while position < bytes.count {
        let end = position + 5 + Int(bytes[position + 3]) << 8 + Int(bytes[position + 4])
        message += bytes[position + 5..<end]
        position = end
    }
    return message
}

/// A greeting, or a request: there is one way to write each, so what was read is written again.
@Sendable func fuzzSocks(_ bytes: [UInt8]) {
    let greeting = SocksGreeting.parse(bytes.span)
    requireConsistent(bytes, greeting) { SocksGreeting.parse($0.span) }
    if case .found(let value, let length) = greeting {
        require(length == 2 + Int(bytes[1]), "a greeting has its methods")
        require(value.offersNoAuthentication == bytes[2..<length].contains(0), "a method is one of them")
        require(value.reply == [5, bytes[2..<length].contains(0) ? 0 : 255], "the answer is one of them")
    }
    let request = SocksRequest.parse(bytes.span)
    requireConsistent(bytes, request) { SocksRequest.parse($0.span) }
    guard case .found(let value, let length) = request else { return }
    let host: [UInt8]
    switch value.host {
    case .name(let name):
        host = [3, UInt8(name.utf8.count)] + Array(name.utf8)
        require(
            name.utf8.allSatisfy { isNameByte($0) || ":[]".utf8.contains($0) },
            "a name is of the bytes of names"
        )
    case .address(let address): host = [address.count == 4 ? 1 : 4] + address
    }
    let port = [UInt8(value.port >> 8), UInt8(value.port & 255)]
    require([5, value.command.rawValue, 0] + host + port == Array(bytes[..<length]), "written again")
}
