// What agents ask for, and what a person says to it.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
internal import Supervision

/// A request that waits at an agent.
public struct AgentRequest: Equatable, Sendable {
    /// The agent.
    public let agent: String
    /// What it asks for.
    public let request: HeldRequest

    /// `AGENT/NUMBER`, by which it is answered.
    public var name: String { "\(agent)/\(request.number)" }
}

extension Project {
    /// What waits for a person, of one agent or of all that run.
    public func requests(ofAgent name: String? = nil) throws(ClocheError) -> [AgentRequest] {
        if let name { return try held(name).map { AgentRequest(agent: name, request: $0) } }
        return agents().agents.filter(\.isRunning).flatMap { agent in
            let name = agent.record.name
            // One whose supervisor does not answer, or has just ended: what it wrote down last.
            let requests = (try? held(name)) ?? agent.activity?.requests ?? []
            return requests.map { AgentRequest(agent: name, request: $0) }
        }
    }

    /// Supervisors answer at once; one that does not has so many milliseconds.
    private static let patience: Int32 = 5000

    private func held(_ name: String) throws(ClocheError) -> [HeldRequest] {
        guard let client = try SupervisorClient.connect(agentDirectory(name), wait: false) else {
            throw try notRunning(name)
        }
        try client.send(.requests)
        do throws(SystemError) {
            let interest = Poll.Interest(client.socket.number, readable: true)
            guard try Poll.wait([interest], milliseconds: Self.patience)[0] else {
                throw SystemError("poll", .timedOut, "its supervisor")
            }
        } catch {
            throw ClocheError(
                .state,
                "agent \(name) does not answer",
                why: error.description,
                remedy: "`cloche stop --kill \(name)` ends it"
            )
        }
        guard case .report(let report)? = try client.receive() else {
            throw ClocheError(.state, "agent \(name) ended meanwhile")
        }
        return (report["requests"]?.list ?? []).compactMap(HeldRequest.init(document:))
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - name: `AGENT/NUMBER`.
    ///   - isApproval: whether it may go on.
    ///   - isLasting: whether the answer holds for the like until the agent ends.
    /// - Returns: the class and the target of what was answered.
    public func answerRequest(_ name: String, isApproval: Bool, isLasting: Bool) throws(ClocheError)
        -> (kind: String, target: String)
    {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
            parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int64(parts[1])
        else {
            throw ClocheError(
                .usage,
                "\(name.debugDescription) is no request",
                why: "it is AGENT/NUMBER, so that no other one is meant",
                remedy: "`cloche requests` lists what waits"
            )
        }
        let answer = ApprovalRequest(number: number, isApproval: isApproval, isLasting: isLasting)
        let report = try report(of: String(parts[0]), .decide(answer))
        return (report["class"]?.string ?? "", report["target"]?.string ?? "")
    }
}
