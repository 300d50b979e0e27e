// Runs scripts in bash, for the tests of what this module prints for shells and for man.
// Each run has a directory of its own, which is its working directory and is removed afterwards.

import Glibc
import Testing

/// bash, which every machine that runs these tests has.
enum Bash {
    /// What a script printed, standard error included, and its exit status.
    struct Result: Equatable {
        let output: String
        let status: Int32

        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// Runs a script to its end.
    ///
    /// The files are put into its working directory first.
    static func run(_ script: String, files: [String: String] = [:]) throws -> Result {
        let directory = try makeDirectory()
        defer { removeDirectory(directory) }
        for (name, text) in files.merging(["script": script], uniquingKeysWith: { $1 }) {
            try write(text, to: "\(directory)/\(name)")
        }
        let command = "cd \(directory) && exec bash --norc script 2>&1 </dev/null"
        guard let pipe = unsafe popen(command, "r") else {
            throw CannotRun(step: "popen", errorNumber: errno)
        }
        var bytes: [UInt8] = []
        while case let byte = unsafe getc(pipe), byte != EOF { bytes.append(UInt8(byte)) }
        let status = unsafe pclose(pipe)
        return Result(output: String(decoding: bytes, as: UTF8.self), status: (status >> 8) & 0xff)
    }

    /// A step on the way to the script failed.
    struct CannotRun: Error {
        let step: String
        let errorNumber: Int32
    }

    private static func makeDirectory() throws -> String {
        var template = Array("/tmp/cloche-syntax-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { buffer in
            unsafe buffer.baseAddress.flatMap { unsafe mkdtemp($0) } != nil
        }
        guard made else { throw CannotRun(step: "mkdtemp", errorNumber: errno) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = unsafe fopen(path, "we") else { throw CannotRun(step: "fopen", errorNumber: errno) }
        let written = unsafe fputs(text, file)
        #expect(written >= 0)
        let closed = unsafe fclose(file)
        #expect(closed == 0)
    }

    private static func removeDirectory(_ path: String) {
        let status = unsafe system("rm -rf -- \(path)")
        #expect(status == 0)
    }
}
