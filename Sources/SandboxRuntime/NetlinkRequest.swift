// What the child stage asks of the kernel for the sandbox's network, as messages: lo, its addresses and routes
// (rtnetlink(7)), and the table of nf_tables. Made before the clone; the child sends them and reads the answers.

internal import CLinux
internal import ClocheModel
internal import Glibc

/// Numbers of `linux/netfilter.h`, which C does not let in beside glibc's of the same names.
private enum Netfilter {
    static let accept: UInt32 = 1
    static let inet: UInt8 = 1
    static let ipv4: UInt8 = 2
    static let ipv6: UInt8 = 10
}

/// A place where packets come by, and when.
private struct Hook {
    let number: UInt32
    let priority: Int32

    static let prerouting = Hook(number: 0, priority: -150)
    static let output = Hook(number: 3, priority: 0)
}

/// What is sent to one protocol of netlink in one go.
struct NetlinkRequest {
    let family: Int32
    private let messages: [NetlinkMessage]

    private init(_ family: Int32, _ messages: [NetlinkMessage]) {
        (self.family, self.messages) = (family, messages)
    }

    var bytes: [UInt8] { messages.flatMap(\.bytes) }
    /// How many answers come when all goes well.
    var answers: Int { messages.count { $0.isAnswered } }

    // MARK: Addresses and routes

    /// It is the first interface of every namespace.
    private static let loopback: UInt32 = 1

    /// lo up.
    static var loopbackUp: NetlinkRequest {
        var message = NetlinkMessage(Int32(RTM_NEWLINK))
        let up = UInt32(IFF_UP)
        message.append(
            [UInt8(AF_UNSPEC), 0] + native(UInt16(0)) + native(loopback) + native(up) + native(up)
        )
        return NetlinkRequest(NETLINK_ROUTE, [message])
    }

    /// An address for lo, and a route that makes every other one local, too: "AnyIP".
    ///
    /// With no address but 127.0.0.1 and ::1, getaddrinfo(3) with AI_ADDRCONFIG takes the machine for one without a
    /// network. The route prefers it as source: the kernel would take the address that is called, and a program that
    /// gets the port that it calls as its own would be connected with itself.
    static func everyAddress(isIPv6: Bool) -> NetlinkRequest {
        let own = isIPv6 ? InsideNetwork.ownIPv6 : InsideNetwork.ownIPv4
        let family = UInt8(isIPv6 ? AF_INET6 : AF_INET)
        let create = NLM_F_CREATE | NLM_F_EXCL
        var address = NetlinkMessage(Int32(RTM_NEWADDR), flags: create)
        // Nobody else can have it: no search for duplicates.
        let flags = UInt8(isIPv6 ? IFA_F_NODAD : 0)
        address.append(
            [family, UInt8(own.count * 8), flags, UInt8(RT_SCOPE_UNIVERSE.rawValue)] + native(loopback)
        )
        address.attribute(UInt32(IFA_LOCAL), own)
        address.attribute(UInt32(IFA_ADDRESS), own)
        var route = NetlinkMessage(Int32(RTM_NEWROUTE), flags: create)
        let scope = UInt8(isIPv6 ? RT_SCOPE_UNIVERSE.rawValue : RT_SCOPE_HOST.rawValue)
        route.append(
            [family, 0, 0, 0, UInt8(RT_TABLE_LOCAL.rawValue), UInt8(RTPROT_BOOT), scope, UInt8(RTN_LOCAL)]
                + native(UInt32(0))
        )
        route.attribute(RTA_OIF.rawValue, native(loopback))
        if !isIPv6 { route.attribute(RTA_PREFSRC.rawValue, own) }
        return NetlinkRequest(NETLINK_ROUTE, [address, route])
    }

    // MARK: The packet filter

    /// The table of a sandbox's own network.
    ///
    /// In the words of nft(8), where OWN are the addresses that lo really has:
    ///
    ///     table inet cloche {
    ///       chain prerouting { type filter hook prerouting priority mangle
    ///         ip daddr OWN accept; ip6 daddr OWN accept
    ///         meta l4proto tcp tproxy to :3128 accept
    ///       }
    ///       chain output { type filter hook output priority filter
    ///         meta l4proto tcp accept
    ///         ip daddr OWN accept; ip6 daddr OWN accept
    ///         udp dport 53 accept
    ///         reject with icmpx admin-prohibited
    ///       }
    ///     }
    ///
    /// Nothing of this keeps anything in: there is no way out. It catches every port, and lets a datagram fail at once.
    static func packetFilter(port: UInt16) -> NetlinkRequest {
        var batch = [marker(NFNL_MSG_BATCH_BEGIN), table()]
        batch.append(chain("prerouting", .prerouting))
        batch += ownAddresses.map { rule("prerouting", $0 + [.accept]) }
        batch.append(
            rule(
                "prerouting",
                .transportProtocol(IPPROTO_TCP) + [.load(native(port.bigEndian)), .transparentProxy, .accept]
            )
        )
        batch.append(chain("output", .output))
        batch.append(rule("output", .transportProtocol(IPPROTO_TCP) + [.accept]))
        batch += ownAddresses.map { rule("output", $0 + [.accept]) }
        let asks = .transportProtocol(IPPROTO_UDP) + .destinationPort(InsideNetwork.dnsPort)
        batch.append(rule("output", asks + [.accept]))
        batch.append(rule("output", [.reject]))
        batch.append(marker(NFNL_MSG_BATCH_END))
        return NetlinkRequest(NETLINK_NETFILTER, batch)
    }

    private static var ownAddresses: [[RuleExpression]] {
        [
            .destination(Netfilter.ipv4, [127]), .destination(Netfilter.ipv4, InsideNetwork.ownIPv4),
            .destination(Netfilter.ipv6, InsideNetwork.loopbackIPv6),
            .destination(Netfilter.ipv6, InsideNetwork.ownIPv6),
        ]
    }

    /// Begins or ends what takes effect as a whole.
    private static func marker(_ type: Int32) -> NetlinkMessage {
        var message = NetlinkMessage(type, isAnswered: false)
        message.append(head(AF_UNSPEC, subsystem: UInt16(NFNL_SUBSYS_NFTABLES)))
        return message
    }

    /// `struct nfgenmsg`.
    private static func head(_ family: Int32, subsystem: UInt16 = 0) -> [UInt8] {
        [UInt8(family), UInt8(NFNETLINK_V0)] + native(subsystem.bigEndian)
    }

    private static func make(_ type: nf_tables_msg_types, flags: Int32 = 0) -> NetlinkMessage {
        let type = NFNL_SUBSYS_NFTABLES << 8 | Int32(type.rawValue)
        var message = NetlinkMessage(type, flags: NLM_F_CREATE | flags)
        message.append(head(Int32(Netfilter.inet)))
        return message
    }

    private static let tableName = "cloche"

    private static func table() -> NetlinkMessage {
        var message = make(NFT_MSG_NEWTABLE)
        message.attribute(NFTA_TABLE_NAME.rawValue, name: tableName)
        return message
    }

    private static func chain(_ name: String, _ hook: Hook) -> NetlinkMessage {
        var message = make(NFT_MSG_NEWCHAIN)
        message.attribute(NFTA_CHAIN_TABLE.rawValue, name: tableName)
        message.attribute(NFTA_CHAIN_NAME.rawValue, name: name)
        message.attribute(NFTA_CHAIN_TYPE.rawValue, name: "filter")
        message.nest(NFTA_CHAIN_HOOK.rawValue) {
            $0.attribute(NFTA_HOOK_HOOKNUM.rawValue, big: hook.number)
            $0.attribute(NFTA_HOOK_PRIORITY.rawValue, big: UInt32(bitPattern: hook.priority))
        }
        return message
    }

    private static func rule(_ chain: String, _ expressions: [RuleExpression]) -> NetlinkMessage {
        var message = make(NFT_MSG_NEWRULE, flags: NLM_F_APPEND)
        message.attribute(NFTA_RULE_TABLE.rawValue, name: tableName)
        message.attribute(NFTA_RULE_CHAIN.rawValue, name: chain)
        message.nest(NFTA_RULE_EXPRESSIONS.rawValue) { list in
            for expression in expressions { expression.append(to: &list) }
        }
        return message
    }
}

/// One instruction of a rule of nf_tables; they work on one register.
enum RuleExpression {
    /// What the kernel knows of a packet, `NFT_META_`.
    case meta(nft_meta_keys)
    /// Bytes of a packet.
    case payload(nft_payload_bases, offset: UInt32, length: Int)
    /// The rule ends unless these are the bytes.
    case isEqual([UInt8])
    case load([UInt8])
    /// The packet is for the transparent socket at the port that was loaded.
    case transparentProxy
    case accept
    case reject

    func append(to list: inout NetlinkMessage) {
        list.nest(NFTA_LIST_ELEM.rawValue) { element in
            element.attribute(NFTA_EXPR_NAME.rawValue, name: name)
            element.nest(NFTA_EXPR_DATA.rawValue) { fill(&$0) }
        }
    }

    private var name: String {
        switch self {
        case .meta: "meta"
        case .payload: "payload"
        case .isEqual: "cmp"
        case .load, .accept: "immediate"
        case .transparentProxy: "tproxy"
        case .reject: "reject"
        }
    }

    private func fill(_ data: inout NetlinkMessage) {
        let register = NFT_REG_1.rawValue
        switch self {
        case .meta(let key):
            data.attribute(NFTA_META_KEY.rawValue, big: key.rawValue)
            data.attribute(NFTA_META_DREG.rawValue, big: register)
        case .payload(let base, let offset, let length):
            data.attribute(NFTA_PAYLOAD_DREG.rawValue, big: register)
            data.attribute(NFTA_PAYLOAD_BASE.rawValue, big: base.rawValue)
            data.attribute(NFTA_PAYLOAD_OFFSET.rawValue, big: offset)
            data.attribute(NFTA_PAYLOAD_LEN.rawValue, big: UInt32(length))
        case .isEqual(let bytes):
            data.attribute(NFTA_CMP_SREG.rawValue, big: register)
            data.attribute(NFTA_CMP_OP.rawValue, big: NFT_CMP_EQ.rawValue)
            data.nest(NFTA_CMP_DATA.rawValue) { $0.attribute(NFTA_DATA_VALUE.rawValue, bytes) }
        case .load(let bytes):
            data.attribute(NFTA_IMMEDIATE_DREG.rawValue, big: register)
            data.nest(NFTA_IMMEDIATE_DATA.rawValue) { $0.attribute(NFTA_DATA_VALUE.rawValue, bytes) }
        case .transparentProxy:
            data.attribute(NFTA_TPROXY_FAMILY.rawValue, big: 0)
            data.attribute(NFTA_TPROXY_REG_PORT.rawValue, big: register)
        case .accept:
            data.attribute(NFTA_IMMEDIATE_DREG.rawValue, big: NFT_REG_VERDICT.rawValue)
            data.nest(NFTA_IMMEDIATE_DATA.rawValue) { verdict in
                verdict.nest(NFTA_DATA_VERDICT.rawValue) {
                    $0.attribute(NFTA_VERDICT_CODE.rawValue, big: Netfilter.accept)
                }
            }
        case .reject:
            data.attribute(NFTA_REJECT_TYPE.rawValue, big: NFT_REJECT_ICMPX_UNREACH.rawValue)
            data.attribute(
                NFTA_REJECT_ICMP_CODE.rawValue,
                [UInt8(NFT_REJECT_ICMPX_ADMIN_PROHIBITED.rawValue)]
            )
        }
    }
}

extension [RuleExpression] {
    /// The address begins with these bytes.
    fileprivate static func destination(_ version: UInt8, _ address: [UInt8]) -> [RuleExpression] {
        let offset: UInt32 = version == Netfilter.ipv4 ? 16 : 24
        return [
            .meta(NFT_META_NFPROTO), .isEqual([version]),
            .payload(NFT_PAYLOAD_NETWORK_HEADER, offset: offset, length: address.count), .isEqual(address),
        ]
    }

    fileprivate static func transportProtocol(_ number: Int) -> [RuleExpression] {
        [.meta(NFT_META_L4PROTO), .isEqual([UInt8(number)])]
    }

    fileprivate static func destinationPort(_ port: UInt16) -> [RuleExpression] {
        [
            .payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset: 2, length: 2),
            .isEqual(native(port.bigEndian)),
        ]
    }
}
