// How much a fetch has brought into the user's repository. What is there stays until the user's own `git gc`, whether anything
// leads to it or not, so that an agent that makes, has fetched and drops the same again would fill the disk.

internal import ClocheModel
internal import LinuxSystem

extension AgentWorktree {
    /// Bytes on disk of what the refs of after lead to and those of before do not.
    func broughtBytes(before: [String: String], after: [String: String]) throws(ClocheError) -> Int64 {
        let known = Set(before.values)
        let new = Set(after.values).subtracting(known)
        if new.isEmpty { return 0 }
        let revisions = new.sorted() + known.sorted().map { "^" + $0 }
        let intent = "what was fetched cannot be counted"
        let line = try repository.git.output(
            ["rev-list", "--objects", "--disk-usage", "--stdin"],
            at: repository.store,
            input: [UInt8](revisions.map { $0 + "\n" }.joined().utf8),
            intent
        ).text.withoutFinalNewline
        guard let bytes = Int64(line) else { throw ClocheError(.git, intent, why: line.visible) }
        return bytes
    }

    /// Bytes of packs that were never finished: git leaves one behind when it refuses what is in it.
    var unfinishedPackBytes: Int64 {
        let place = repository.commonDirectory + "/objects/pack"
        // Without the directory, or a file that is gone by now, there is nothing to count.
        let names = (try? Files.list(place)) ?? []
        return names.filter { $0.hasPrefix("tmp_") }.reduce(0) { sum, name in
            sum + ((try? Files.status(place + "/" + name).size) ?? 0)  // as above
        }
    }
}
