// What a supervisor and its gateway say to each other, over a socket that keeps messages whole. No message has a key in
// it: those come through pipes that the supervisor hands over unread.

package import ClocheModel
package import ModelUsage
internal import StructuredText

/// What a supervisor tells its gateway.
package enum GatewayOrder: Equatable, Sendable {
    /// The services it is for; with them comes a pipe that the keys are read from.
    case serve([GatewayService], upstreamProxy: String?, nameServers: [String])
    /// A listening socket of the sandbox comes along; one before is no more.
    case listen
    /// A socket of the sandbox comes along that listens where programs look for services, at this port.
    case intercept(port: UInt16)
    /// A pipe with another key of a service comes along; none for a login, which is read anew.
    case rotate(service: String)
    /// A service has no key any more.
    case revoke(service: String)
    /// A pipe comes along, into which the keys of these services are put: for the gateway of an agent that this one starts.
    case copyKeys(services: [String])
    /// The answer to a question: nil lets the request go on, a text refuses it, with that status.
    case verdict(id: Int64, refusal: String?, status: Int64 = 429)

    /// As bytes of a message.
    package var bytes: [UInt8] { JSONText.serializeBytes(document) }

    private var document: Document {
        switch self {
        case .serve(let services, let proxy, let servers):
            .object([
                "order": .string("serve"), "services": .list(services.map(\.document)),
                "proxy": .optional(proxy), "name-servers": .strings(servers),
            ])
        case .listen: .object(["order": .string("listen")])
        case .intercept(let port):
            .object(["order": .string("intercept"), "port": .integer(Int64(port))])
        case .rotate(let service): .object(["order": .string("rotate"), "service": .string(service)])
        case .revoke(let service): .object(["order": .string("revoke"), "service": .string(service)])
        case .copyKeys(let services):
            .object(["order": .string("copy-keys"), "services": .strings(services)])
        case .verdict(let id, let refusal, let status):
            .object([
                "order": .string("verdict"), "id": .integer(id), "refusal": .optional(refusal),
                "status": .integer(status),
            ])
        }
    }

    /// Reads one; nil if it is none.
    package init?(_ bytes: [UInt8]) {
        // Only our own supervisor writes here; what it did not write is no order.
        guard let document = try? JSONText.parse(bytes) else { return nil }
        let service = document["service"]?.string
        switch document["order"]?.string {
        case "serve":
            self = .serve(
                (document["services"]?.list ?? []).compactMap { GatewayService(document: $0) },
                upstreamProxy: document["proxy"]?.string,
                nameServers: document["name-servers"]?.stringList ?? []
            )
        case "listen": self = .listen
        case "intercept":
            guard let port = document["port"]?.integer.flatMap({ UInt16(exactly: $0) }) else { return nil }
            self = .intercept(port: port)
        case "rotate":
            guard let service else { return nil }
            self = .rotate(service: service)
        case "revoke":
            guard let service else { return nil }
            self = .revoke(service: service)
        case "copy-keys": self = .copyKeys(services: document["services"]?.stringList ?? [])
        case "verdict":
            guard let id = document["id"]?.integer else { return nil }
            let status = document["status"]?.integer ?? 429
            self = .verdict(id: id, refusal: document["refusal"]?.string, status: status)
        default: return nil
        }
    }
}

/// What a request is, as far as it is told to anybody.
package struct GatewayRequest: Equatable, Sendable {
    /// The service.
    package var service: String
    /// The method.
    package var method: String
    /// The path without its query, cut.
    package var path: String
    /// Path and query whole, for a person who is asked about it; nil where they or the method are too long to be shown.
    package var target: String?
    /// Bytes of its body, where it says so beforehand.
    package var length: Int64?

    /// A longer path is cut: an agent chooses it.
    package static let longest = 300
    private static let longestTarget = 8000
    private static let longestMethod = 32

    /// A request for a service.
    package init(service: String, method: String, path: String) {
        self.service = service
        self.method = String(method.prefix(Self.longestMethod))
        self.path = String(path.prefix { $0 != "?" }.prefix(Self.longest))
        let isShort =
            path.utf8.count <= Self.longestTarget && method.unicodeScalars.count <= Self.longestMethod
        target = isShort ? path : nil
    }

    /// What a question says of it beyond the facts.
    fileprivate var details: [Document.Entry] {
        [Document.Entry("target", .optional(target)), Document.Entry("length", .optional(length))]
    }

    /// The facts of it.
    package var entries: [Document.Entry] {
        [
            Document.Entry("service", .string(service)), Document.Entry("method", .string(method)),
            Document.Entry("path", .string(path)),
        ]
    }

    fileprivate init(document: Document) {
        self.init(
            service: document["service"]?.string ?? "",
            method: document["method"]?.string ?? "",
            path: document["path"]?.string ?? ""
        )
        target = document["target"]?.string
        length = document["length"]?.integer
    }
}

/// How a request went.
package struct GatewayOutcome: Equatable, Sendable {
    /// The status that the agent was answered with; 0 when it was none.
    package var status: Int64 = 0
    /// Bytes of the request's and of the answer's body.
    package var sent: Int64 = 0
    /// See `sent`.
    package var received: Int64 = 0
    /// From its head to its end.
    package var milliseconds: Int64 = 0
    /// Why it did not end as it should, or was not sent; nil otherwise.
    package var why: String?
    /// What it used, where that is counted and a model answered.
    package var usage: UsageReading?
    /// Whether the service's answer had a key in it, which was replaced.
    package var hadKey = false

    /// An outcome that is not known yet.
    package init() {}

    /// The facts of it.
    package var entries: [Document.Entry] {
        [
            Document.Entry("status", .integer(status)), Document.Entry("sent", .integer(sent)),
            Document.Entry("received", .integer(received)),
            Document.Entry("milliseconds", .integer(milliseconds)),
        ] + (why.map { [Document.Entry("why", .string(String($0.prefix(GatewayRequest.longest))))] } ?? [])
            + (usage.map(\.entries) ?? [])
            + (hadKey ? [Document.Entry("key-in-answer", .bool(true))] : [])
    }

    fileprivate init(document: Document) {
        func number(_ key: String) -> Int64 { document[key]?.integer ?? 0 }
        (status, sent, received) = (number("status"), number("sent"), number("received"))
        milliseconds = number("milliseconds")
        why = document["why"]?.string
        usage = UsageReading(document: document)
        hadKey = document["key-in-answer"]?.bool ?? false
    }
}

/// What a gateway tells its supervisor.
package enum GatewayReport: Equatable, Sendable {
    /// It has its keys and serves.
    case ready
    /// It answers in the place of services, by certificates of this authority; said before `ready`.
    case authority(InterceptionAuthority)
    /// A program inside does not trust that authority, in the place of this service.
    case distrusted(service: String)
    /// It cannot serve, and ends.
    case failed(String)
    /// Another key of a service is in force, or it has none any more: no request goes out with the one before.
    case changed(service: String)
    /// The login of a service was renewed, or could not be.
    case renewed(service: String, failure: String?)
    /// A request waits for a verdict.
    case question(id: Int64, GatewayRequest, ModelRequest?)
    /// A request that waits for one does so no longer: its client has gone, or it was answered otherwise.
    case withdrawn(id: Int64)
    /// A request that was let through has ended.
    case ended(id: Int64, GatewayRequest, GatewayOutcome)

    /// As bytes of a message.
    package var bytes: [UInt8] { JSONText.serializeBytes(document) }

    private var document: Document {
        switch self {
        case .ready: .object(["report": .string("ready")])
        case .authority(let authority):
            .object([
                "report": .string("authority"), "certificate": .string(authority.certificate),
                "fingerprint": .string(authority.fingerprint),
            ])
        case .distrusted(let service):
            .object(["report": .string("distrusted"), "service": .string(service)])
        case .failed(let why): .object(["report": .string("failed"), "why": .string(why)])
        case .changed(let service):
            .object(["report": .string("changed"), "service": .string(service)])
        case .renewed(let service, let failure):
            .object([
                "report": .string("renewed"), "service": .string(service), "failure": .optional(failure),
            ])
        case .question(let id, let request, let model):
            .map(
                [Document.Entry("report", .string("question")), Document.Entry("id", .integer(id))]
                    + request.entries
                    + request.details
                    + (model.map(\.entries) ?? [])
            )
        case .withdrawn(let id):
            .object(["report": .string("withdrawn"), "id": .integer(id)])
        case .ended(let id, let request, let outcome):
            .map(
                [Document.Entry("report", .string("ended")), Document.Entry("id", .integer(id))]
                    + request.entries
                    + outcome.entries
            )
        }
    }

    /// Reads one; nil if it is none.
    package init?(_ bytes: [UInt8]) {
        // What our own gateway did not write is no report.
        guard let document = try? JSONText.parse(bytes) else { return nil }
        let id = document["id"]?.integer ?? 0
        switch document["report"]?.string {
        case "ready": self = .ready
        case "authority":
            guard let certificate = document["certificate"]?.string,
                let fingerprint = document["fingerprint"]?.string
            else { return nil }
            self = .authority(
                InterceptionAuthority(certificate: certificate, fingerprint: fingerprint)
            )
        case "distrusted": self = .distrusted(service: document["service"]?.string ?? "")
        case "failed": self = .failed(document["why"]?.string ?? "")
        case "changed": self = .changed(service: document["service"]?.string ?? "")
        case "renewed":
            self = .renewed(
                service: document["service"]?.string ?? "",
                failure: document["failure"]?.string
            )
        case "question":
            self = .question(id: id, GatewayRequest(document: document), ModelRequest(document: document))
        case "withdrawn": self = .withdrawn(id: id)
        case "ended":
            self = .ended(id: id, GatewayRequest(document: document), GatewayOutcome(document: document))
        default: return nil
        }
    }
}

extension ModelRequest {
    fileprivate var entries: [Document.Entry] {
        let word =
            switch billing {
            case .free: "free"
            case .answered: "answered"
            case .deferred: "deferred"
            }
        return [
            Document.Entry("billing", .string(word)), Document.Entry("model", .optional(model)),
            Document.Entry("bytes", .integer(bytes)),
        ]
    }

    fileprivate init?(document: Document) {
        let billing: Billing
        switch document["billing"]?.string {
        case "free": billing = .free
        case "answered": billing = .answered
        case "deferred": billing = .deferred
        default: return nil
        }
        self.init(
            billing: billing,
            model: document["model"]?.string.flatMap(UsageReading.modelName),
            bytes: document["bytes"]?.integer ?? 0
        )
    }
}

extension UsageReading {
    fileprivate var entries: [Document.Entry] {
        [
            Document.Entry("model", .optional(model)), Document.Entry("input-tokens", .integer(usage.input)),
            Document.Entry("output-tokens", .integer(usage.output)),
            Document.Entry("cache-read-tokens", .integer(usage.cacheRead)),
            Document.Entry("cache-write-tokens", .integer(usage.cacheWrite)),
            Document.Entry("cache-write-long-tokens", .integer(usage.cacheWriteLong)),
            Document.Entry("estimated", .bool(isEstimated)),
        ]
    }

    fileprivate init?(document: Document) {
        guard let isEstimated = document["estimated"]?.bool else { return nil }
        func number(_ key: String) -> Int64 { document[key]?.integer ?? 0 }
        self.init(
            model: document["model"]?.string.flatMap(UsageReading.modelName),
            usage: TokenUsage(
                input: number("input-tokens"),
                output: number("output-tokens"),
                cacheRead: number("cache-read-tokens"),
                cacheWrite: number("cache-write-tokens"),
                cacheWriteLong: number("cache-write-long-tokens")
            ),
            isEstimated: isEstimated
        )
    }
}
