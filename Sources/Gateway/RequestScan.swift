// What an agent asks of a model API, read before any of it goes on: only bytes that were looked at are passed.

internal import ClocheModel
internal import ModelUsage
internal import NetworkMessages

/// Reads a request's body ahead of what is passed on.
struct RequestScan {
    private enum Framing {
        case length(Int)
        case chunked(ChunkDecoder)
        case done
    }

    private var framing: Framing
    private var reader: RequestReader?
    /// Bytes of the queue, from its front, that were looked at.
    private(set) var scanned = 0

    init(_ head: HTTPRequestHead, _ form: UsageForm?, path: String) {
        reader = form.map { RequestReader($0, method: head.method, path: path) }
        switch head.body {
        case .none, .length(0): framing = .done
        case .length(let length): framing = .length(length)
        case .chunked: framing = .chunked(ChunkDecoder())
        }
    }

    /// Whether all of it was looked at.
    var isDone: Bool { if case .done = framing { true } else { false } }

    /// What it asks for, as far as it was looked at; nil where nothing is counted.
    var request: ModelRequest? { reader?.finish(isWhole: isDone) }

    /// Looks at what has come since the last time.
    mutating func look(at input: ByteQueue) {
        let fresh = input.slice(from: scanned)
        switch framing {
        case .done: return
        case .length(let length):
            let count = min(length, fresh.count)
            feed(fresh.prefix(count))
            scanned += count
            framing = count == length ? .done : .length(length - count)
        case .chunked(var decoder):
            var position = 0
            while true {
                switch decoder.next(fresh.span, &position) {
                case .data(let range):
                    let start = fresh.startIndex
                    feed(fresh[(start + range.lowerBound)..<(start + range.upperBound)])
                case .needMore:
                    scanned += fresh.count
                    framing = .chunked(decoder)
                    return
                case .done(let end):
                    scanned += end
                    framing = .done
                    return
                // Who passes it on is stricter, and refuses it.
                case .malformed:
                    scanned += fresh.count
                    framing = .done
                    return
                }
            }
        }
    }

    private mutating func feed(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { unsafe reader?.feed($0) }
    }

    /// So many bytes of the queue's front have been passed on.
    mutating func passed(_ count: Int) { scanned -= count }
}
