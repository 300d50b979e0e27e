// The form of the store's files. Two lines of text, then bytes:
//
//     cloche-credential 1                     what it is, and the form's version
//     {"name":"deploy",...}                   the header: JSON on one line, in the one way that Cloche writes it
//     PAYLOAD                                 what is sealed; it vouches for both lines
//     CHECKSUM                                32 bytes: BLAKE2b of all before, so that damage is told without a key
//
// There is one text for each value and one value for each text: what could be written otherwise is no such file.

package import ClocheModel
internal import StructuredText

/// One file of the store, taken apart.
package struct SealedFile: Equatable, Sendable {
    /// What a file is for.
    package enum Kind: String, Sendable {
        case credential = "cloche-credential"
        case key = "cloche-credential-key"
    }

    /// Why a file is none.
    package enum Problem: Error, Equatable, Sendable {
        /// Written by a later Cloche.
        case newer(Int)
        /// Not as it was written.
        case damaged(String)
    }

    /// The version that is written and read.
    package static let version = 1
    /// The most that a file may have: secrets have a limit, too.
    package static let mostBytes = 262_144

    /// What it is for.
    package let kind: Kind
    /// What everybody may know.
    package let header: Document
    /// What only the key opens, or proves.
    package var payload: [UInt8]

    /// A file to be written.
    package init(_ kind: Kind, _ header: Document, payload: [UInt8] = []) {
        (self.kind, self.header, self.payload) = (kind, header, payload)
    }

    /// The two lines, for which the payload vouches.
    package var context: [UInt8] {
        Array("\(kind.rawValue) \(Self.version)\n\(JSONText.serialize(header))\n".utf8)
    }

    /// The whole file.
    package var bytes: [UInt8] {
        let content = context + payload
        return content + Sealing.digest(content)
    }

    /// Takes a file apart.
    package init(_ kind: Kind, reading bytes: [UInt8]) throws(Problem) {
        let newline = UInt8(ascii: "\n")
        guard let first = bytes.firstIndex(of: newline), first < 64 else {
            throw .damaged("its first line does not say what it is")
        }
        let words = String(decoding: bytes[..<first], as: UTF8.self).split(separator: " ")
        guard words.count == 2, words[0] == kind.rawValue, let version = Int(words[1]) else {
            throw .damaged("its first line does not say what it is")
        }
        if version > Self.version { throw .newer(version) }
        guard version == Self.version else { throw .damaged("there is no version \(version)") }
        guard bytes.count > first + Sealing.keyBytes else { throw .damaged("it is cut short") }
        let content = Array(bytes.dropLast(Sealing.keyBytes))
        guard Sealing.isSame(Sealing.digest(content), Array(bytes.suffix(Sealing.keyBytes))) else {
            throw .damaged("its checksum does not fit")
        }
        guard let second = content[(first + 1)...].firstIndex(of: newline) else {
            throw .damaged("it has no header")
        }
        let header: Document
        do {
            header = try JSONText.parse(Array(content[(first + 1)..<second]))
        } catch { throw .damaged("its header is not JSON") }
        self.init(kind, header, payload: Array(content[(second + 1)...]))
        guard context == Array(content[...second]) else {
            throw .damaged("its header is not as Cloche writes it")
        }
    }
}
