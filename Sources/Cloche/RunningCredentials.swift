// What becomes of a credential at agents that run: their gateways get another key, or have one less. Every supervisor is
// told before any answer is waited for, so that one that is stuck keeps the key from no other.

internal import AgentStore
package import ClocheModel
internal import Gateway
internal import LinuxSystem
internal import ProfileLoading
internal import Supervision

/// What an agent's gateway did with a change.
package struct CredentialChange: Equatable, Sendable {
    /// The agent.
    package let agent: String
    /// Its project.
    package let project: String
    /// The service whose key it is.
    package let service: String
    /// Why it was not done; nil where it was.
    package let failure: String?
}

/// Changes credentials of agents that run, of all of the user's projects.
package struct RunningCredentials {
    private let installation: Installation

    /// Supervisors answer at once; one that does not has so many milliseconds.
    private static let patience: Int64 = 5000

    /// The agents of an installation's state.
    package init(_ installation: Installation) { self.installation = installation }

    /// Takes the keys of a credential of the store, or of a service, away from all agents that have them, and logins, of which
    /// `logins` are the files, from those that have them under whatever name.
    package func revoke(_ name: String, logins: [String] = []) throws(ClocheError) -> [CredentialChange] {
        let holders = holders {
            $0["kept"]?.string == name || $0["service"]?.string == name || isLogin($0, of: logins)
        }
        return try change(holders + self.holders(along: name)) { _ throws(ClocheError) in .revoke }
    }

    /// Has agents read logins anew, of which these are the files.
    package func rotateLogins(_ files: [String]) throws(ClocheError) -> [CredentialChange] {
        try change(holders { isLogin($0, of: files) }) { _ throws(ClocheError) in .readLogin }
    }

    /// The files of logins, without links, of which `name` is the service or the file.
    package func logins(_ name: String) -> [String] {
        var files: Set<String> = []
        if name.hasPrefix("/"), let file = file(name) { files.insert(file) }
        for project in installation.stateRoot.projects() {
            for directory in project.agents() {
                // What cannot be read names none.
                let given = (try? directory.read())?.effective["credentials"]?.list ?? []
                for login in given where login["service"]?.string == name {
                    if let file = login["login"]?.string.flatMap(file) { files.insert(file) }
                }
            }
        }
        return files.sorted()
    }

    /// Marks logins so that no gateway uses them, or any may again: also one that is being started, and one of a `run`.
    package func mark(_ files: [String], isRevoked: Bool) throws(ClocheError) {
        var failure: ClocheError?
        for file in files {
            do throws(SystemError) {
                try LoginPlace(file, in: installation.loginDirectory).setRevoked(isRevoked)
            } catch {
                // The others are marked all the same.
                failure = ClocheError(.system, "cannot mark the login \(file)", why: error.description)
            }
        }
        if let failure { throw failure }
    }

    /// A login's file without links, as marks are of; nil where there is none.
    private func file(_ path: String) -> String? {
        // One that is nowhere has no login, and no gateway that has it.
        (try? LoginPlace(path, in: installation.loginDirectory))?.file
    }

    private func isLogin(_ credential: Document, of files: [String]) -> Bool {
        guard !files.isEmpty, let path = credential["login"]?.string else { return false }
        return files.contains(path) || file(path).map(files.contains) ?? false
    }

    /// Gives agents the new bytes of a credential of the store.
    package func rotate(_ name: String) throws(ClocheError) -> [CredentialChange] {
        let holders = holders { $0["kept"]?.string == name }
        if holders.isEmpty { return [] }
        let key = try GatewayKeyReading(installation).read(.kept(name: name))
        return try change(holders) { _ throws(ClocheError) in .give(key) }
    }

    /// Reads the keys of a service anew, each from where its agent has it, as the caller can, and gives them to those agents;
    /// a login is read by their gateways, also by those that have one of `logins` under another name.
    package func rotate(service: String, logins: [String] = []) throws(ClocheError) -> [CredentialChange] {
        var read: [(source: CredentialSource, key: Secret)] = []
        let holders = holders {
            let isRead = $0["service"]?.string == service && CredentialSource(checked: $0) != nil
            return isRead || isLogin($0, of: logins)
        }
        return try change(holders) { holder throws(ClocheError) in
            guard let source = holder.source else { return .readLogin }
            if case .login = source { return .readLogin }
            if let known = read.first(where: { $0.source == source }) { return .give(known.key) }
            let key = try GatewayKeyReading(installation).read(source)
            read.append((source, key))
            return .give(key)
        }
    }

    /// What becomes of a key.
    private enum Change {
        case revoke
        case give(Secret)
        case readLogin
    }

    fileprivate struct Holder {
        let directory: AgentDirectory
        let project: String
        let service: String
        let source: CredentialSource?
    }

    /// Running agents that got a service along with another one, whose answers lead to it.
    private func holders(along name: String) -> [Holder] {
        installation.stateRoot.projects().flatMap { project in
            project.agents().compactMap { directory -> Holder? in
                // As below.
                guard let record = try? directory.read(), record.state.isSupervised else { return nil }
                let given = record.given(of: record.effective["credentials"]?.list ?? [])
                let isAlong = given.contains { credential in
                    let service = credential["service"]?.string ?? ""
                    let links = record.effective["services"]?[service]?["links"]?.stringList ?? []
                    return service != name && links.contains(name)
                }
                guard isAlong else { return nil }
                return Holder(directory: directory, project: project.directory, service: name, source: nil)
            }
        }
    }

    /// Running agents whose gateway was given such a credential.
    private func holders(_ isMeant: (Document) -> Bool) -> [Holder] {
        installation.stateRoot.projects().flatMap { project in
            project.agents().flatMap { directory -> [Holder] in
                // What cannot be read has no supervisor that could be told.
                guard let record = try? directory.read(), record.state.isSupervised else { return [] }
                let given = record.given(of: record.effective["credentials"]?.list ?? [])
                return given.filter(isMeant).compactMap { credential in
                    credential["service"]?.string.map {
                        Holder(
                            directory: directory,
                            project: project.directory,
                            service: $0,
                            source: CredentialSource(checked: credential)
                        )
                    }
                }
            }
        }
    }

    /// One that was told, and whose answer is to come.
    private final class Told {
        let client: SupervisorClient
        let holder: Holder

        init(_ client: consuming SupervisorClient, _ holder: Holder) {
            self.client = client
            self.holder = holder
        }
    }

    private func change(
        _ holders: [Holder],
        _ change: (Holder) throws(ClocheError) -> Change
    ) throws(ClocheError) -> [CredentialChange] {
        var told: [Told] = []
        var changes: [CredentialChange] = []
        for holder in holders {
            do throws(ClocheError) {
                var pipe: FileDescriptor.Shared?
                var isRevoked = false
                switch try change(holder) {
                case .revoke: isRevoked = true
                case .give(let key): pipe = try GatewayKeyReading.pipe([(holder.service, key)])
                case .readLogin: break
                }
                if let one = try tell(holder, isRevoked: isRevoked, pipe) { told.append(one) }
            } catch { changes.append(CredentialChange(holder, failure: error.description)) }
        }
        let end = MonotonicClock.milliseconds + Self.patience
        for one in told { changes.append(CredentialChange(one.holder, failure: answer(one, until: end))) }
        return changes
    }

    private func tell(_ holder: Holder, isRevoked: Bool, _ pipe: FileDescriptor.Shared?)
        throws(ClocheError) -> Told?
    {
        guard let client = try SupervisorClient.connect(holder.directory, wait: false) else { return nil }
        let message = ControlMessage.changeKey(service: holder.service, isRevoked: isRevoked)
        try client.send(message, descriptors: pipe.map { [$0.number] } ?? [])
        return Told(client, holder)
    }

    /// Why it was not done; nil where it was.
    private func answer(_ told: Told, until end: Int64) -> String? {
        do {
            let left = max(0, end - MonotonicClock.milliseconds)
            let interest = Poll.Interest(told.client.socket.number, readable: true)
            guard try Poll.wait([interest], milliseconds: Int32(clamping: left))[0] else {
                return
                    "its supervisor did not answer within 5 s; `cloche stop --kill \(told.holder.directory.name)` ends it"
            }
            switch try told.client.receive() {
            case .report?: return nil
            case .failed(let error)?: return error.description
            // It has ended, and its gateway with it.
            default: return nil
            }
        } catch { return "\(error)" }
    }
}

extension CredentialChange {
    fileprivate init(_ holder: RunningCredentials.Holder, failure: String?) {
        self.init(
            agent: holder.directory.name,
            project: holder.project,
            service: holder.service,
            failure: failure
        )
    }
}
