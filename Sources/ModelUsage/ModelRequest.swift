// What an agent asks of a model API, as far as counting needs it: which model, how much, and whether the answer will say what
// it used. All of it is the agent's choice, so what has two meanings is taken for the dearer. Called by the gateway.

internal import ClocheModel
internal import StructuredText

/// One request.
package struct ModelRequest: Equatable, Sendable {
    /// When what it uses is known.
    package enum Billing: Equatable, Sendable {
        /// It costs nothing: a look at models, a count of tokens.
        case free
        /// The answer says it.
        case answered
        /// The provider works on it when the answer has long been given, and nobody can count it here.
        case deferred
    }

    /// When what it uses is known.
    package let billing: Billing
    /// The model that is asked for; nil when that cannot be told.
    package let model: String?
    /// The length of its body.
    package let bytes: Int64

    /// A request.
    package init(billing: Billing, model: String?, bytes: Int64) {
        (self.billing, self.model, self.bytes) = (billing, model, bytes)
    }

    /// What it will use at least.
    package var expected: UsageReading { .expected(model: model, requestBytes: bytes) }
}

/// Reads a request while it passes by.
package struct RequestReader {
    private let form: UsageForm
    private let billing: ModelRequest.Billing
    private let pathModel: String?
    private var skimmer = MemberSkimmer([
        .init("model", limit: 256), .init("background", limit: 64), .init("requests", limit: 1),
    ])
    private var bytes: Int64 = 0
    /// Of the first document; a second one makes it ambiguous.
    private var values: [[UInt8]]?
    private var isAmbiguous = false

    /// A reader for the body of one request.
    ///
    /// - Parameters:
    ///   - form: what the provider speaks.
    ///   - method: as the agent wrote it.
    ///   - path: with the query, as the agent wrote it.
    package init(_ form: UsageForm, method: String, path: String) {
        self.form = form
        let plain = String(path.prefix { $0 != "?" && $0 != "#" })
        billing = Self.billing(form, method, plain)
        pathModel = form == .gemini ? Self.model(inPath: plain) : nil
    }

    /// Takes in the next bytes of the body.
    package mutating func feed(_ piece: UnsafeRawBufferPointer) {
        bytes = TokenUsage.sum(bytes, Int64(piece.count))
        var start = 0
        while start < piece.count {
            start += unsafe skimmer.skim(UnsafeRawBufferPointer(rebasing: piece[start...]))
            guard skimmer.hasEnded else { continue }
            if skimmer.isAmbiguous || values != nil || skimmer.isCut[0] { isAmbiguous = true }
            values = skimmer.values
        }
    }

    /// The request, when all of it has passed; or as far as it has, with `isWhole` false.
    package func finish(isWhole: Bool = true) -> ModelRequest {
        ModelRequest(billing: isDeferred(isWhole) ? .deferred : billing, model: model, bytes: bytes)
    }

    private func isDeferred(_ isWhole: Bool) -> Bool {
        guard billing == .answered, form != .anthropic, bytes > 0 else { return false }
        // What no document was found in is for somebody who reads it otherwise.
        guard let values else { return isWhole }
        // Whatever is not plainly false may be taken for true.
        let background = values[1].filter { $0 > 0x20 }
        return isAmbiguous || !["", "false", "null"].contains(String(decoding: background, as: UTF8.self))
    }

    private var model: String? {
        if form == .gemini { return pathModel }
        guard !isAmbiguous, let text = values?[0], !text.isEmpty else { return nil }
        // What cannot be read is no name.
        return (try? JSONText.parse(text))?.string.flatMap(UsageReading.modelName)
    }

    // MARK: paths

    /// Paths that cost nothing, by their ends.
    private static let free = [
        "/count_tokens", ":countTokens", "/responses/input_tokens", "/moderations", "/files", "/uploads",
        "/cancel",
    ]
    /// Components of paths behind which work is put off.
    private static let deferred = ["batches", "batch", "fine_tuning", "evals", "runs", "videos"]
    /// Methods of Google's that put work off.
    private static let deferredMethods = [
        ":batchGenerateContent", ":asyncBatchEmbedContent", ":predictLongRunning",
    ]

    private static func billing(_ form: UsageForm, _ method: String, _ path: String) -> ModelRequest.Billing {
        if ["GET", "HEAD", "OPTIONS", "DELETE"].contains(method) { return .free }
        let components = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let last = components.last ?? ""
        // A path that a server may read as another one is taken for the dearest that it may be.
        let isPlain =
            path.utf8.allSatisfy { 0x21...0x7E ~= $0 && ![0x25, 0x3B, 0x5C].contains($0) }
            && !components.contains { $0.isEmpty || $0 == "." || $0 == ".." }
        if !isPlain { return .deferred }
        if components.contains(where: { deferred.contains(String($0)) }) && !path.hasSuffix("/cancel")
            || deferredMethods.contains(where: { last.hasSuffix($0) })
        {
            return .deferred
        }
        return free.contains(where: path.hasSuffix) ? .free : .answered
    }

    /// `gemini-2.5-pro` of `/v1beta/models/gemini-2.5-pro:generateContent`.
    private static func model(inPath path: String) -> String? {
        let components = path.split(separator: "/")
        guard let index = components.lastIndex(of: "models"), index + 1 < components.count else { return nil }
        return UsageReading.modelName(String(components[index + 1].prefix { $0 != ":" }))
    }
}
