// Shared directories on the host, and what adding to one does not follow or wait for.

import ClocheModel
import LinuxSystem
import Testing

@testable import AgentStore

@Suite struct ShareDirectoryTests {
    private let state: TemporaryState
    private let share: ShareDirectory
    private let record = ShareRecord(created: 1_700_000_000_000, bytes: 4096, files: 10)

    init() throws {
        state = try TemporaryState()
        share = try state.project().share("notes")
        try share.create(record)
    }

    @Test func isMadeOnceAndReadBack() throws {
        #expect(try share.read() == record)
        #expect(try state.project().shares() == [share])
        #expect(try state.project().agents().isEmpty)
        let error = #expect(throws: ClocheError.self) { try share.create(record) }
        #expect(error?.code == .exists)
    }

    @Test func isGoneWithAllThatIsInIt() throws {
        #expect(share.isEmpty)
        _ = try share.append([1], to: "file")
        #expect(!share.isEmpty)
        try share.remove()
        #expect(!share.exists)
        #expect(try Files.list(share.path.parentPath).isEmpty)
        let error = #expect(throws: ClocheError.self) { try share.read() }
        #expect(error?.code == .notFound)
    }

    @Test func aRecordOfANewerVersionIsRefused() throws {
        let text = #"{"version": 2, "created": 1, "size": 1, "files": 1}"#
        try Files.writeAtomically(share.path + "/share.json", Array(text.utf8))
        let error = #expect(throws: ClocheError.self) { try share.read() }
        #expect(error?.code == .state)
    }

    @Test func addsToTheEnd() throws {
        #expect(try share.append(Array("one\n".utf8), to: "log"))
        #expect(try !share.append(Array("two\n".utf8), to: "log"))
        #expect(try Files.readText(share.files + "/log") == "one\ntwo\n")
        try Files.makeDirectory(share.files + "/below")
        #expect(try share.append([0x78], to: "below/log"))
    }

    @Test(
        "Links, FIFOs and ways out are refused, and nothing is changed",
        arguments: [
            "link", "dangling", "way/file", "pipe", "folder", "../share.json", "/etc/hostname",
            "missing/file",
        ]
    )
    func refused(_ path: String) throws {
        let outside = state.root.path + "/outside"
        try Files.makeDirectory(outside)
        try Files.writeAtomically(outside + "/file", Array("as it was".utf8))
        try Files.makeSymbolicLink(share.files + "/link", to: outside + "/file")
        try Files.makeSymbolicLink(share.files + "/dangling", to: outside + "/new")
        try Files.makeSymbolicLink(share.files + "/way", to: outside)
        try Files.makePipe(share.files + "/pipe")
        try Files.makeDirectory(share.files + "/folder")
        #expect(throws: SystemError.self) { try share.append([1], to: path) }
        #expect(try Files.list(outside) == ["file"])
        #expect(try Files.readText(outside + "/file") == "as it was")
        #expect(try share.read() == record)
        // The control: a file beside them is written.
        #expect(try share.append([1], to: "file"))
    }

    @Test(arguments: [
        ("notes", true), ("a-b_c", true), ("0", true), ("", false), (".", false), ("a.b", false),
        ("-a", false),
        ("a/b", false), ("a\n", false), (String(repeating: "a", count: 49), false),
    ])
    func names(_ name: String, _ isValid: Bool) { #expect(ShareName.isValid(name) == isValid) }
}
