// What of a request's body has not come yet.

internal import NetworkMessages

/// The rest of a request's body.
enum RequestBody {
    case length(Int)
    case chunked(ChunkedBody)
    case done

    init(_ body: HTTPRequestHead.Body) {
        switch body {
        case .none, .length(0): self = .done
        case .length(let length): self = .length(length)
        case .chunked: self = .chunked(ChunkedBody())
        }
    }

    var isDone: Bool { if case .done = self { true } else { false } }

    /// How it is wrong.
    struct Malformed: Error {
        let why: String
    }

    /// Takes what has come of it; says how much of that is of the body.
    mutating func take(_ input: Span<UInt8>) -> Result<Int, Malformed> {
        switch self {
        case .done: return .success(0)
        case .length(let length):
            let count = min(length, input.count)
            self = length == count ? .done : .length(length - count)
            return .success(count)
        case .chunked(var chunks):
            switch chunks.read(input) {
            case .more:
                self = .chunked(chunks)
                return .success(input.count)
            case .done(let length):
                self = .done
                return .success(length)
            case .malformed(let why): return .failure(Malformed(why: why))
            }
        }
    }
}
