// A small interpreter of classic BPF, as seccomp(2) runs it: the tests ask a compiled filter what it decides
// about a call, without making the call. Instructions that libseccomp does not emit end the run with an
// error.

import SyscallFilter

/// A system call as a filter sees it: `struct seccomp_data`.
struct CallFacts {
    static let x86: UInt32 = 0xc000_003e

    var number: UInt32
    var architecture: UInt32 = CallFacts.x86
    var arguments: [UInt64] = []

    /// The 32-bit word at an offset, little-endian, as `BPF_LD | BPF_W | BPF_ABS` loads it.
    func word(at offset: UInt32) throws -> UInt32 {
        switch offset {
        case 0: return number
        case 4: return architecture
        case 16..<64 where offset % 4 == 0:
            let index = Int(offset - 16) / 8
            let value = index < arguments.count ? arguments[index] : 0
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? value : value >> 32)
        default: throw BPFError.badOffset(offset)
        }
    }
}

enum BPFError: Error {
    case badOffset(UInt32)
    case unknownInstruction(UInt16)
    case ranOffTheEnd
}

/// What a filter answers.
enum Decision: Equatable {
    case allow
    case errno(Int32)
    case killProcess
    case other(UInt32)

    init(_ action: UInt32) {
        switch action & 0xffff_0000 {
        case 0x7fff_0000: self = .allow
        case 0x0005_0000: self = .errno(Int32(action & 0xffff))
        case 0x8000_0000: self = .killProcess
        default: self = .other(action)
        }
    }

    /// The kernel takes the action that is smallest as a signed number: killing before errors before
    /// allowing.
    static func strictest(_ actions: [UInt32]) -> Decision {
        Decision(
            actions.min { Int32(bitPattern: $0 & 0xffff_0000) < Int32(bitPattern: $1 & 0xffff_0000) } ?? 0
        )
    }
}

extension FilterProgram {
    /// The action for a call.
    ///
    /// Each instruction is read at once: the tests ask some hundred thousand times.
    func run(_ call: CallFacts) throws -> UInt32 {
        try unsafe bytes.withUnsafeBytes { bytes in
            var accumulator: UInt32 = 0
            var index = 0
            while index < count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                let (ifTrue, ifFalse) = (Int(word >> 16 & 0xff), Int(word >> 24 & 0xff))
                let k = UInt32(truncatingIfNeeded: word >> 32)
                index += 1
                switch word & 0xffff {
                case 0x20: accumulator = try call.word(at: k)
                case 0x54: accumulator &= k
                case 0x05: index += Int(k)
                case 0x15: index += accumulator == k ? ifTrue : ifFalse
                case 0x25: index += accumulator > k ? ifTrue : ifFalse
                case 0x35: index += accumulator >= k ? ifTrue : ifFalse
                case 0x45: index += accumulator & k != 0 ? ifTrue : ifFalse
                case 0x06: return k
                default: throw BPFError.unknownInstruction(UInt16(word & 0xffff))
                }
            }
            throw BPFError.ranOffTheEnd
        }
    }
}
