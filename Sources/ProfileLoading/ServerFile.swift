// MCP servers in the file of an agent program, in the form that its bundle declares. Servers stand by name under a key;
// those of the profile are put there, and all else that the program keeps in the file stays. Called before each start.

package import ClocheModel
internal import StructuredText

extension ServersForm {
    /// The file with these servers in it.
    ///
    /// - Parameters:
    ///   - servers: those of the profile.
    ///   - old: what the file holds now; empty if there is none.
    /// - Throws: what the file holds is not what the form says, or a server is of a kind that the program cannot have.
    package func placing(_ servers: [MCPServer], in old: [UInt8]) throws(ClocheError) -> [UInt8] {
        var entries: [Document.Entry] = []
        for server in servers { entries.append(Document.Entry(server.name, try description(of: server))) }
        switch syntax {
        case .json: return try placingJSON(entries, in: old)
        case .toml:
            guard let text = String(validating: old, as: UTF8.self) else {
                throw unreadable("it is no UTF-8")
            }
            guard let new = TOMLTables.placing(entries, under: key, in: text) else {
                throw unreadable("it ends within a string or a list")
            }
            return Array(new.utf8)
        }
    }

    /// What the program's file says of a server.
    package func description(of server: MCPServer) throws(ClocheError) -> Document {
        let name = ("{name}", Document.string(server.name))
        switch server.place {
        case .program(let command, let arguments, let environment):
            let parts: [(String, Document)] = [
                name, ("{command}", .string(command)), ("{args}", .strings(arguments)),
                ("{env}", .map(environment)),
            ]
            return Template(parts).filled(program)
        case .url(let address):
            guard let url else {
                throw ClocheError(
                    .configuration,
                    "the program of this profile takes no MCP server by its URL",
                    why: "`mcp-servers.\(server.name).url` is set, and `harness.mcp.url` is none",
                    remedy:
                        "take the server away (`mcp-servers: {\(server.name): null}`), or name a program that passes it on"
                )
            }
            return Template([name, ("{url}", .string(address))]).filled(url)
        }
    }

    private func placingJSON(_ entries: [Document.Entry], in old: [UInt8]) throws(ClocheError) -> [UInt8] {
        var root = Document.map([])
        if !old.allSatisfy({ [0x20, 0x09, 0x0a, 0x0d].contains($0) }) {
            do {
                root = try JSONText.parse(old)
            } catch { throw unreadable("\(error)") }
        }
        guard case .map = root else { throw unreadable("it is JSON, but no map") }
        var servers = root[key] ?? .map([])
        if servers == .null { servers = .map([]) }
        guard case .map = servers else { throw unreadable("`\(key)` is no map") }
        for entry in entries { servers[entry.key] = entry.value }
        root[key] = servers
        return JSONText.serializeBytes(root, pretty: true) + [0x0a]
    }

    private func unreadable(_ why: String) -> ClocheError {
        ClocheError(
            .state,
            "the MCP servers cannot be written into ~/\(file) of the agent",
            why: "what the agent has there cannot be read: \(why)",
            remedy: "mend the file, or remove it; `cloche path NAME home` says where it is"
        )
    }
}

/// A tree in which marks stand for values.
private struct Template {
    private let parts: [(mark: String, value: Document)]

    init(_ parts: [(String, Document)]) { self.parts = parts }

    /// The tree with the values in the places of the marks: a mark alone is the value, a list's mark in a list its items.
    func filled(_ node: Document) -> Document {
        switch node {
        case .string(let text):
            parts.first { $0.mark == text }?.value ?? .string(replaced(text))
        case .list(let items):
            .list(
                items.flatMap { item in
                    let value = filled(item)
                    if case .string = item, case .list(let items) = value { return items }
                    return [value]
                }
            )
        case .map(let entries): .map(entries.map { Document.Entry($0.key, filled($0.value)) })
        default: node
        }
    }

    /// Marks of texts within a text; what was put in is not looked at again.
    private func replaced(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.first {
            if let part = parts.first(where: { rest.hasPrefix($0.mark) }), let value = part.value.string {
                result += value
                rest = rest.dropFirst(part.mark.count)
            } else {
                result.append(character)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
