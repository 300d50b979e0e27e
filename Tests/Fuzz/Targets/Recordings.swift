// A recording that anybody may have written: it is read alike in any pieces, within bounds, and what was read once and
// written again reads back the same.

import SessionRecording

/// The first byte says where the rest is cut.
@Sendable func fuzzRecording(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let file = bytes.dropFirst()
    let cut = file.startIndex + Int(first) % (file.count + 1)
    let (reader, events) = read([file])
    let (other, others) = read([file[..<cut], file[cut...]])
    require(events == others && reader.header == other.header, "cuts make no difference")
    require(reader.skipped == other.skipped, "nor to what is passed over")
    let lines = file.count { $0 == 0x0a }
    require(events.count + reader.skipped <= lines, "a line is one event at most")

    var written: [UInt8] = []
    RecordingLine.append(reader.header ?? RecordingHeader(columns: 80, rows: 24), to: &written)
    var wanted: [RecordingEvent] = []
    for var event in events {
        event.bytes = Array(String(decoding: event.bytes, as: UTF8.self).utf8)
        require(RecordingLine.append(event, to: &written) == 1, "a short text is one line")
        wanted.append(event)
    }
    require(written.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x0a }, "a recording has no controls")
    let (again, back) = read([written[...]])
    require(back == wanted && again.skipped == 0, "what was written reads back the same")
    require(again.header != nil && (reader.header == nil || again.header == reader.header), "the header, too")
}

private func read(_ pieces: [ArraySlice<UInt8>]) -> (RecordingReader, [RecordingEvent]) {
    var reader = RecordingReader()
    var events: [RecordingEvent] = []
    for piece in pieces { reader.feed(piece, into: &events) }
    return (reader, events)
}
