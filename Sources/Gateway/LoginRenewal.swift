// One renewal of a login, by one gateway at a time: the locks, another look at the file, the question, the answer on the
// disk, and only then the new token. Nothing here waits: the loop serves other streams meanwhile.

internal import ClocheModel
internal import Glibc
internal import LinuxSystem
internal import NetworkRelay

/// A renewal that goes on.
final class LoginRenewal: Watcher {
    /// The tokens that hold from now on, and whether they were renewed here.
    typealias Outcome = Result<(tokens: LoginTokens, isRenewed: Bool), LoginFailure>

    private enum Phase {
        case locking, connecting, asking, writing, naming, done
    }

    private let form: LoginForm
    private unowned let loop: GatewayLoop
    private let connections: ServiceConnections
    private let isFit: (LoginTokens) -> Bool
    private let isDead: (Secret) -> Bool
    private var completion: ((Outcome) -> Void)?
    private var phase = Phase.locking
    private var id: UInt64 = 0
    private let deadline: Int64
    private var locks: LoginLocks?
    /// The login as it was when the service was asked.
    private var old: LoginTokens?
    private var replacement: LoginReplacement?
    private var giveUp: (() -> Void)?
    private var exchange: TokenExchange?
    private var answer: RenewedTokens?
    /// The text of the file that the new one was made of, and the new one.
    private var before: Secret?
    private var text: Secret?
    private var sync: BackgroundSync?
    private var writeTries = 0

    /// So long others may hold the locks, in milliseconds.
    private static let patience: Int64 = 30_000
    private static let pause: ClosedRange<Int64> = 3...12
    private static let touch: Int64 = 2000
    private static let mostTries = 100
    /// What RFC 6749 answers for a refresh token that is no more.
    private static let refusals: Set<Int> = [400, 401]
    /// A firewall or a path that is not there for a while answers with these as well: then the words tell.
    private static let doubtful: Set<Int> = [403, 404]
    private static let refusalWords = ["invalid_grant", "invalid_token"].map { Array($0.utf8) }

    /// Whether the service may have got the request: then its answer must reach the file, whoever wants it.
    var isAsked: Bool {
        switch phase {
        case .asking, .writing, .naming: true
        case .locking, .connecting, .done: false
        }
    }

    /// The refresh token that was refused, for who remembers it.
    private(set) var refused: Secret?

    /// - Parameters:
    ///   - isFit: whether tokens that somebody else has put into the file will do.
    ///   - isDead: whether a refresh token was refused before.
    init(
        _ form: LoginForm,
        _ loop: GatewayLoop,
        _ connections: ServiceConnections,
        isFit: @escaping (LoginTokens) -> Bool,
        isDead: @escaping (Secret) -> Bool,
        completion: @escaping (Outcome) -> Void
    ) {
        (self.form, self.loop, self.connections) = (form, loop, connections)
        (self.isFit, self.isDead, self.completion) = (isFit, isDead, completion)
        deadline = MonotonicClock.milliseconds + Self.patience
        id = loop.register(self)
    }

    /// Begins; may end at once.
    func begin() { guarded { () throws(LoginFailure) in try lock() } }

    /// Ends it where the service has not been asked.
    func cancel() {
        completion = nil
        if !isAsked { release() }
    }

    // MARK: Locks

    private func lock() throws(LoginFailure) {
        let file = try LoginFile(form)
        // Whoever had the lock before may have renewed it; a half-written file is looked at once more.
        if let tokens = try? LoginTokens(file: file.text, form), isFit(tokens) {
            return finish(.success((tokens, false)))
        }
        guard let locks = try LoginLocks(file.place, form) else {
            guard MonotonicClock.milliseconds < deadline else {
                throw LoginFailure(why: "the login is being renewed by another program, which does not end")
            }
            return loop.wake(id, at: MonotonicClock.milliseconds + .random(in: Self.pause))
        }
        self.locks = locks
        try ask()
    }

    /// Alone: looks at the file again, and asks the service.
    private func ask() throws(LoginFailure) {
        let file = try LoginFile(form)
        let tokens: LoginTokens
        do throws(LoginFailure) {
            tokens = try LoginTokens(file: file.text, form)
        } catch {
            // A program that writes without a lock may be at it.
            guard MonotonicClock.milliseconds < deadline - Self.patience + 1000 else { throw error }
            locks = nil
            return loop.wake(id, at: MonotonicClock.milliseconds + Self.pause.upperBound)
        }
        if isFit(tokens) { return finish(.success((tokens, false))) }
        if isDead(tokens.refresh) { throw Self.dead }
        old = tokens
        sync = BackgroundSync()
        guard sync != nil else { throw LoginFailure(why: "the gateway has no descriptor left") }
        do throws(SystemError) {
            replacement = try LoginReplacement(file)
        } catch { throw LoginFailure(why: "the login's file cannot be replaced: \(error.errno)") }
        phase = .connecting
        wakeToTouch()
        let giveUp = connections.connect { [weak self] result in
            guard let self, phase == .connecting else { return }
            self.giveUp = nil
            switch result {
            case .failure(let failure): finish(.failure(LoginFailure(why: failure.why)))
            case .success(let stream): send(on: stream)
            }
        }
        if phase == .connecting { self.giveUp = giveUp }
    }

    private static let dead = LoginFailure(
        why: "the login is no longer valid: log in again with its program, on the host",
        kind: .dead
    )

    private func send(on stream: ServiceStream) {
        guard let old, completion != nil else { return release() }
        phase = .asking
        var request = form.request(old.refresh)
        exchange = TokenExchange(loop, stream, &request) { [weak self] result in
            guard let self else { return }
            exchange = nil
            guarded { () throws(LoginFailure) in try answered(result) }
        }
        exchange?.begin()
    }

    // MARK: The answer

    private func answered(_ result: Result<(status: Int, body: Secret), LoginFailure>) throws(LoginFailure) {
        let (status, body) = try result.get()
        if Self.isRefusal(status, body) { return try refuse() }
        guard status == 200 else {
            throw LoginFailure(why: "the server of its tokens answered with \(status)")
        }
        answer = try RenewedTokens(body, form, now: WallClock.milliseconds)
        try write()
    }

    static func isRefusal(_ status: Int, _ body: Secret) -> Bool {
        if refusals.contains(status) { return true }
        guard doubtful.contains(status) else { return false }
        return unsafe body.withBytes { text in refusalWords.contains { unsafe text.contains($0) } }
    }

    /// The refresh token is no more; somebody who does not know the locks may have renewed it.
    private func refuse() throws(LoginFailure) {
        refused = old?.refresh
        // What cannot be read is no other login.
        if let tokens = try? LoginTokens(file: LoginFile(form).text, form), let old,
            !tokens.refresh.isSame(as: old.refresh), isFit(tokens)
        {
            return finish(.success((tokens, false)))
        }
        throw Self.dead
    }

    /// Writes the new tokens into a text that is as the file is now: its program keeps other things there as well.
    private func write() throws(LoginFailure) {
        guard let answer, let old, let replacement else { return }
        phase = .writing
        let file = try LoginFile(form, evenIfRevoked: true)
        let current: LoginTokens
        do throws(LoginFailure) {
            current = try LoginTokens(file: file.text, form)
        } catch {
            // Written just now by a program that does so in pieces; if it stays like this, it is no login any more.
            writeTries += 1
            guard writeTries < Self.mostTries else { throw error }
            return loop.wake(id, at: MonotonicClock.milliseconds + Self.pause.upperBound)
        }
        // Somebody has logged in anew meanwhile: that one holds.
        guard current.refresh.isSame(as: old.refresh) else { return finish(.success((current, false))) }
        let text = try answer.written(into: file.text, form)
        (before, self.text) = (file.text, text)
        do throws(SystemError) {
            try replacement.fill(text)
            try synchronize(replacement.descriptor)
        } catch { throw Self.unwritten(error) }
    }

    private static func unwritten(_ error: SystemError) -> LoginFailure {
        LoginFailure(why: "the renewed login cannot be written: \(error.errno)")
    }

    private func synchronize(_ file: FileDescriptor.Shared) throws(SystemError) {
        guard let sync else { return }
        try sync.begin(file)
        loop.watch(sync.number, id, 0, readable: true, writable: false)
    }

    func ready(_ side: Int, _ event: Readiness) {
        guarded { () throws(LoginFailure) in try synchronized() }
    }

    private func synchronized() throws(LoginFailure) {
        do throws(SystemError) {
            guard let sync, sync.isRunning, try sync.hasEnded(wait: false) else { return }
            loop.forget(sync.number)
        } catch { throw Self.unwritten(error) }
        guard phase == .writing else { return try take() }
        // What was written into the file since is not lost.
        guard let before, let replacement, let file = try? LoginFile(form, evenIfRevoked: true),
            file.text.isSame(as: before)
        else { return try write() }
        phase = .naming
        do throws(SystemError) {
            let directory = try replacement.take()
            self.replacement = nil
            try synchronize(directory)
        } catch { throw Self.unwritten(error) }
    }

    /// It is on the disk: it may be used.
    private func take() throws(LoginFailure) {
        guard let text, let answer else { return }
        let tokens = try LoginTokens(file: text, form)
        finish(
            .success(
                (LoginTokens(access: tokens.access, refresh: tokens.refresh, expires: answer.expires), true)
            )
        )
    }

    // MARK: Times, and the end

    func timeUp() {
        switch phase {
        case .locking: guarded { () throws(LoginFailure) in try lock() }
        case .writing where !(sync?.isRunning ?? false):
            guarded { () throws(LoginFailure) in try write() }
        case .done: return
        default: wakeToTouch()
        }
    }

    /// Others take a lock away whose holder seems to be dead.
    private func wakeToTouch() {
        locks?.touch()
        loop.wake(id, at: MonotonicClock.milliseconds + Self.touch)
    }

    private func guarded(_ body: () throws(LoginFailure) -> Void) {
        do throws(LoginFailure) {
            try body()
        } catch { finish(.failure(error)) }
    }

    private func finish(_ outcome: Outcome) {
        if phase == .done { return }
        release()
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }

    private func release() {
        if phase == .done { return }
        phase = .done
        giveUp?()
        giveUp = nil
        exchange = nil
        if let sync { loop.forget(sync.number) }
        replacement?.discard()
        replacement = nil
        locks = nil
        loop.unregister(id)
    }
}
