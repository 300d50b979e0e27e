// What an agent may do and why: the effective profile with origins, the plan that follows, the system calls.

internal import AgentStore
public import ClocheModel
internal import LinuxSystem
package import ProfileLoading
internal import SandboxRuntime
internal import Supervision
package import SyscallFilter

extension Project {
    /// The effective profile of a name as it is configured now; nil takes the project's default.
    package func effectiveProfile(_ name: String?) throws(ClocheError) -> EffectiveProfile {
        try profiles.load(name: name)
    }

    /// What an agent runs with: the profile as it was resolved when the agent was made.
    public func policy(ofAgent name: String) throws(ClocheError) -> (policy: Policy, document: Document) {
        let record = try agentDirectory(name).read()
        return (try Policy(document: record.effective), record.effective)
    }

    /// The plan of an agent's sandbox, as the next start would make it.
    public func plan(ofAgent name: String) throws(ClocheError) -> SandboxPlan {
        let directory = try agentDirectory(name)
        var record = try directory.read()
        var policy = try Policy(document: record.effective)
        try choose(&policy, &record)
        let agent = try AgentLaunch(installation: installation).supervisedAgent(directory, record, .resume)
        return try Planner.plan(agent.request)
    }

    /// The plan of a sandbox with this policy and an empty workspace.
    public func plan(of policy: Policy) throws(ClocheError) -> SandboxPlan {
        var policy = policy
        policy.credentials = policy.credentials.filter { CredentialChoice.isThere($0.kind, installation) }
        policy.filesystem.binds += try HarnessFiles.skillBinds(policy)
        var request = SandboxRequest(
            policy: policy,
            identity: .current(key: directory),
            hostname: "cloche",
            executable: installation.executable,
            etc: EtcTree.current(policy, cache: installation.cacheDirectory)
        )
        request.hasGateway = !policy.gatewayServices.isEmpty
        request.shares = try sharedDirectories(policy)
        // A program that is missing is told by a start; the plan is as it would be without.
        request.programs = (try? programs(policy)) ?? HostPrograms()
        return try Planner.plan(request)
    }

    private func programs(_ policy: Policy) throws(ClocheError) -> HostPrograms {
        let environment = AgentLaunch.environment(policy, [])
        let spec = try AgentLaunch.program(policy, environment, task: nil, resuming: false)
        return try installation.programs(policy, spec, project: directory, workspace: nil)
    }

    /// Every system call of this architecture with what the filters of a policy do with it; numbers that are not in
    /// it get ENOSYS.
    package func syscallTable(_ policy: Policy) throws(ClocheError) -> [SyscallRow] {
        do throws(FilterError) {
            return try SyscallTable(policy.syscalls).rows
        } catch { throw ClocheError(error) }
    }
}
