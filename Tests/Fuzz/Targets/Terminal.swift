// What an agent prints, on its way to a user's terminal: by the rule of TerminalTextTests, nothing that is
// forbidden passes, and where the stream is cut makes no difference.

import TerminalText

/// The first two bytes say where the rest is cut.
@Sendable func fuzzTerminal(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let stream = bytes.dropFirst(2)
    let first = stream.startIndex + Int(bytes[0]) % (stream.count + 1)
    let second = first + Int(bytes[1]) % (stream.endIndex - first + 1)
    let chunks = [stream[..<first], stream[first..<second], stream[second...]]

    let (output, replies) = attached([stream])
    if let reason = forbidden(in: output) { fatalError("does not hold: \(reason) does not pass") }
    require(output.count <= 3 * stream.count + 16, "the output is bounded")
    require(replies.count <= 64 * stream.count, "the replies are bounded")
    require(attached([output[...]]).output == output, "what came out once passes unchanged")
    let cut = attached(chunks)
    require(cut.output == output && cut.replies == replies, "cuts make no difference")
    let single = attached(stream.indices.map { stream[$0...$0] })
    require(single.output == output && single.replies == replies, "single bytes make no difference")

    let text = plain([stream])
    require(String(decoding: text, as: UTF8.self).unicodeScalars.allSatisfy(isPlain), "plain text is plain")
    require(plain(chunks) == text, "cuts make no difference in plain text")

    let shown = visible(String(decoding: stream, as: UTF8.self))
    require(
        shown.unicodeScalars.allSatisfy { isPlain($0) && $0 != "\n" && $0 != "\t" },
        "a quoted name is one line"
    )
    require(shown.unicodeScalars.count <= 200, "a quoted name is bounded")
}

private func attached(_ chunks: [ArraySlice<UInt8>]) -> (output: [UInt8], replies: [UInt8]) {
    var filter = AttachFilter()
    var output: [UInt8] = []
    var replies: [UInt8] = []
    for chunk in chunks { filter.feed(chunk, into: &output, replies: &replies) }
    filter.finish(into: &output)
    return (output, replies)
}

private func plain(_ chunks: [ArraySlice<UInt8>]) -> [UInt8] {
    var filter = PlainTextFilter()
    var output: [UInt8] = []
    for chunk in chunks { filter.feed(chunk, into: &output) }
    filter.finish(into: &output)
    return output
}
