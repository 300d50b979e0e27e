// The login of a service as one gateway has it: the access token that holds, those who wait for one, and at most one renewal
// that goes on.

internal import ClocheModel
internal import LinuxSystem

/// A login that a gateway uses.
final class ServiceLogin {
    /// Gets the access token, or why there is none.
    typealias Completion = (Result<Secret, GatewayRefusal>) -> Void

    private let name: String
    private let form: LoginForm
    private unowned let loop: GatewayLoop
    private let connections: ServiceConnections
    /// Told when a token was renewed here, or why it could not be.
    private let tell: (_ failure: String?) -> Void

    /// The token, and when another one is wanted; nil where nobody says.
    private var token: (access: Secret, renewal: Int64?)?
    /// The file that the token was read from, whatever its name stands for meanwhile.
    private var source: LoginPlace?
    private var rejected: Secret?
    /// A refresh token that was refused is not shown again.
    private var refused: Secret?
    private var renewal: LoginRenewal?
    private var waiting: [UInt64: Completion] = [:]
    private var lastNumber: UInt64 = 0
    /// After a failure that may pass, nobody is asked before.
    private var rest: (until: Int64, failure: LoginFailure)?
    /// Renewals here because a service did not take a token, as many as are not forgiven yet.
    private var forced: (count: Int, since: Int64) = (0, 0)
    private var whenIdle: [() -> Void] = []
    private(set) var isRevoked = false

    /// A token is renewed so long before its end, or in the last tenth of its time.
    private static let margin: Int64 = 60_000
    private static let restTime: Int64 = 2000
    /// So many renewals for a token that was rejected may be at once, and then one each so often: a path that always answers
    /// 401, and an agent that does not wait for its answer, must not renew the login with each request.
    private static let mostForced = 8
    private static let forcedTime: Int64 = 15_000

    init(
        _ name: String,
        _ form: LoginForm,
        _ loop: GatewayLoop,
        _ connections: ServiceConnections,
        _ tell: @escaping (String?) -> Void
    ) {
        (self.name, self.form, self.loop) = (name, form, loop)
        (self.connections, self.tell) = (connections, tell)
    }

    /// Gives the access token, now or later; the closure that is returned gives the wish up.
    func provide(_ completion: @escaping Completion) -> () -> Void {
        if let refusal {
            completion(.failure(refusal))
            return {}
        }
        if let token, token.renewal.map({ WallClock.milliseconds < $0 }) ?? true {
            completion(isMarked ? .failure(withdraw()) : .success(token.access))
            return {}
        }
        lastNumber += 1
        let number = lastNumber
        waiting[number] = completion
        renew()
        return { [weak self] in self?.waiting[number] = nil }
    }

    private var refusal: GatewayRefusal? {
        if isRevoked { return revocation }
        guard let rest, MonotonicClock.milliseconds < rest.until else { return nil }
        return rest.failure.refusal(name)
    }

    private var revocation: GatewayRefusal { GatewayRefusal(403, "the login for \(name) was revoked") }

    /// Whether its file is marked as revoked: whoever did that need not know of this gateway.
    var isMarked: Bool {
        // Without a place of its name, the one that the token is from tells.
        let place = try? LoginPlace(form.file, in: form.lockDirectory)
        return (place?.isRevoked ?? false) || (source?.isRevoked ?? false)
    }

    /// Uses what it has no more; the file is read again when somebody wants it.
    @discardableResult
    func withdraw() -> GatewayRefusal {
        (token, source) = (nil, nil)
        abandon()
        answer(.failure(revocation))
        return revocation
    }

    /// The service does not take a token any more.
    func reject(_ access: Secret) {
        guard let token, token.access.isSame(as: access) else { return }
        rejected = access
        self.token = nil
    }

    private func wasForced() {
        let now = MonotonicClock.milliseconds
        let forgiven = Int((now - forced.since) / Self.forcedTime)
        forced = (max(0, forced.count - forgiven) + 1, forgiven > 0 || forced.count == 0 ? now : forced.since)
    }

    private var mayRenewRejected: Bool {
        forced.count - Int((MonotonicClock.milliseconds - forced.since) / Self.forcedTime) < Self.mostForced
    }

    /// What it has is forgotten: the file has another login.
    func forget() {
        (token, rejected, refused, rest, isRevoked) = (nil, nil, nil, nil, false)
        forced.count = 0
        abandon()
        if !waiting.isEmpty { renew() }
    }

    /// Has nothing more to do with the login; `done` is called when nothing of it is under way.
    func revoke(_ done: @escaping () -> Void) {
        isRevoked = true
        withdraw()
        if renewal == nil { done() } else { whenIdle.append(done) }
    }

    /// What is under way is not used; where the service was asked, its answer still goes into the file, or the login were lost
    /// to everybody.
    private func abandon() {
        guard let renewal else { return }
        isAbandoned = true
        if renewal.isAsked { return }
        renewal.cancel()
        self.renewal = nil
    }

    private var isAbandoned = false
    /// Whether the renewal that goes on is for a token that was rejected.
    private var isForced = false

    // MARK: Renewals

    private func renew() {
        guard renewal == nil else { return }
        isAbandoned = false
        let rejected = mayRenewRejected ? rejected : nil
        isForced = rejected != nil
        let made = LoginRenewal(
            form,
            loop,
            connections,
            isFit: { tokens in
                if let rejected, tokens.access.isSame(as: rejected) { return false }
                return tokens.expires.map { $0 > WallClock.milliseconds } ?? true
            },
            isDead: { [weak self] refresh in self?.refused?.isSame(as: refresh) ?? false },
            completion: { [weak self] outcome in self?.ended(outcome) }
        )
        renewal = made
        made.begin()
    }

    private func ended(_ outcome: LoginRenewal.Outcome) {
        refused = renewal?.refused ?? refused
        renewal = nil
        let idle = whenIdle
        whenIdle = []
        defer { for done in idle { done() } }
        switch outcome {
        case .success(let (tokens, isRenewed)):
            if isRenewed { tell(nil) }
            if isRenewed, isForced { wasForced() }
            if isAbandoned { return goOn() }
            let left = tokens.expires.map { $0 - WallClock.milliseconds }
            token = (tokens.access, left.map { WallClock.milliseconds + $0 - min(Self.margin, $0 / 10) })
            // The file was there a moment ago; without it, there is no mark.
            source = try? LoginPlace(form.file, in: form.lockDirectory)
            rejected = nil
            answer(.success(tokens.access))
        case .failure(let failure):
            if isAbandoned { return goOn() }
            // What is on record once is not told again with each request.
            if failure.kind == .passing { rest = (MonotonicClock.milliseconds + Self.restTime, failure) }
            if failure != lastTold, failure.kind != .revoked { tell(failure.why) }
            lastTold = failure
            answer(.failure(failure.refusal(name)))
        }
    }

    private var lastTold: LoginFailure?

    /// Those who have come since another login holds.
    private func goOn() { if !waiting.isEmpty { renew() } }

    private func answer(_ result: Result<Secret, GatewayRefusal>) {
        if case .success = result { lastTold = nil }
        let all = waiting
        waiting = [:]
        for completion in all.values { completion(result) }
    }
}
