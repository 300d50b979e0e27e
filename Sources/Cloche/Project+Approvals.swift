// What agents ask for, and what a person says to it.

internal import AgentStore
public import ClocheModel
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
        if let name { return try held(name) }
        var found: [AgentRequest] = []
        for agent in agents().agents where agent.isRunning {
            do throws(ClocheError) {
                found += try held(agent.record.name)
            } catch {
                // Between the two looks it may have ended, and its requests with it.
                if (try? self.agent(agent.record.name).isRunning) == true { throw error }
            }
        }
        return found
    }

    private func held(_ name: String) throws(ClocheError) -> [AgentRequest] {
        let report = try report(of: name, .requests)
        return (report["requests"]?.list ?? []).compactMap(HeldRequest.init(document:)).map {
            AgentRequest(agent: name, request: $0)
        }
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
