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
}
