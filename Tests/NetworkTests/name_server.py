"""A DNS server with the names that a test gives it. It keeps a record of each question: a name that an agent should not
have been able to say outside is found there. `servers.py` calls it with the bytes of a question.

A name is either a list of addresses or a table with some of

    answers: [[ADDRESS...], ...]   the first question of a type gets the first list, the next one the second, the last stays
    alias: NAME                    a CNAME, with the records of that name behind it
    delay: SECONDS                 before the answer
    silent: true                   no answer at all
    code: N                        2 server failure, 3 no such name, 5 refused
    truncated: true                over UDP only the mark that TCP must be used
    garbage: true                  bytes that are no answer
    forged: [ADDRESS...]           before the answer, others with a wrong id and for another question
    ttl: SECONDS

`*.NAME` stands for all names below one. Any other name does not exist.
"""

import ipaddress
import struct
import time

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 64: "SVCB", 65: "HTTPS", 255: "ANY"}
A, CNAME, AAAA = 1, 5, 28


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".") if label) + b"\0"


def parse_question(data):
    """(id, name, type, end of the question); the name as text, bytes that are no letters as \\xNN."""
    number, _, count = struct.unpack_from(">HHH", data)
    if count != 1:
        raise ValueError("not one question")
    labels, at = [], 12
    while data[at]:
        if data[at] > 63:
            raise ValueError("a pointer in a question")
        labels.append(data[at + 1 : at + 1 + data[at]].decode("ascii", "backslashreplace"))
        at += 1 + data[at]
    (kind,) = struct.unpack_from(">H", data, at + 1)
    return number, ".".join(labels), kind, at + 5


class NameServer:
    """`record(**facts)` notes a question."""

    def __init__(self, names, record):
        self.names, self.record = dict(names), record
        self.asked = {}

    def find(self, name):
        name = name.lower()
        if name in self.names:
            return self.names[name]
        parents = name.split(".")
        for depth in range(1, len(parents)):
            if (found := self.names.get("*." + ".".join(parents[depth:]))) is not None:
                return found
        return None

    def addresses(self, name, kind):
        """The addresses of one type that this question gets."""
        spec = self.find(name)
        if spec is None:
            return []
        lists = [spec] if isinstance(spec, list) else spec.get("answers", [[]])
        turn = self.asked.get((name.lower(), kind), 0)
        self.asked[name.lower(), kind] = turn + 1
        wanted = {A: 4, AAAA: 6}.get(kind)
        found = [ipaddress.ip_address(text) for text in lists[min(turn, len(lists) - 1)]]
        return [address.packed for address in found if address.version == wanted]

    def lookup(self, name):
        """One address, for servers that connect on behalf of others."""
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            pass
        spec = self.find(name)
        if isinstance(spec, dict) and "alias" in spec:
            return self.lookup(spec["alias"])
        if isinstance(spec, dict):
            spec = spec.get("answers", [[]])[0]
        return spec[0] if spec else None

    def answer(self, data, transport, to):
        """The datagrams to send back, in order; may wait. Nothing for what is no question."""
        try:
            number, name, kind, end = parse_question(data)
        except (ValueError, IndexError, struct.error):
            self.record(kind="dns", name="?", type="malformed", transport=transport, to=to)
            return []
        self.record(kind="dns", name=name, type=TYPES.get(kind, str(kind)), transport=transport, to=to)
        spec = self.find(name)
        table = spec if isinstance(spec, dict) else {}
        time.sleep(table.get("delay", 0))
        if table.get("silent"):
            return []
        if table.get("garbage"):
            return [data[:2] + b"\x81\x80\xff\xff\xff\xff" + b"\xc0\x0c" * 9]
        question, ttl = data[12:end], table.get("ttl", 30)
        if table.get("truncated") and transport == "udp":
            return [struct.pack(">HHHHHH", number, 0x8380, 1, 0, 0, 0) + question]
        code = table.get("code", 3 if spec is None else 0)
        records, owner = b"", name
        for _ in range(8):
            alias = self.find(owner)
            if not isinstance(alias, dict) or "alias" not in alias:
                break
            target = encode(alias["alias"])
            records += encode(owner) + struct.pack(">HHIH", CNAME, 1, ttl, len(target)) + target
            owner = alias["alias"]
        count = records.count(struct.pack(">HH", CNAME, 1))
        for address in self.addresses(owner, kind) if code == 0 else []:
            records += encode(owner) + struct.pack(">HHIH", kind, 1, ttl, len(address)) + address
            count += 1
        whole = struct.pack(">HHHHHH", number, 0x8180 | code, 1, count, 0, 0) + question + records
        return [*self.forgeries(table, number, question, kind, ttl), whole]

    def forgeries(self, table, number, question, kind, ttl):
        """What somebody would send who does not know the number, or answers what was not asked."""
        made = []
        for text in table.get("forged", []):
            address = ipaddress.ip_address(text).packed
            if kind != (A if len(address) == 4 else AAAA):
                continue
            other = encode("another.test") + question[-4:]
            record = struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(address)) + address
            made.append(struct.pack(">HHHHHH", number ^ 0x5555, 0x8180, 1, 1, 0, 0) + question + record)
            made.append(struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + other + record)
        return made
