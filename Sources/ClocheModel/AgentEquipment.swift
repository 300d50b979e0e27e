// What an agent program is given beside its task (model, instructions, skills, MCP servers), and how each program takes
// it. The first is what a user asks for, in keys of a profile that are the same for all programs; the second is told
// by the program's bundle. Data only: HarnessFiles translates.

/// What an agent program is given beside its task, whichever program it is.
public struct AgentEquipment: Equatable, Sendable {
    /// The model that it is to use; empty leaves the choice to the program.
    public var model: String
    /// Instructions written in the profile.
    public var instructions: String
    /// Files of the host whose texts come before those.
    public var instructionFiles: [String]
    /// Directories of the host, each a skill.
    public var skills: [String]
    /// MCP servers.
    public var servers: [MCPServer]

    /// Nothing, unless something is named.
    public init(
        model: String = "",
        instructions: String = "",
        instructionFiles: [String] = [],
        skills: [String] = [],
        servers: [MCPServer] = []
    ) {
        self.model = model
        self.instructions = instructions
        self.instructionFiles = instructionFiles
        self.skills = skills
        self.servers = servers
    }

    /// Whether there are instructions.
    public var hasInstructions: Bool { !instructions.isEmpty || !instructionFiles.isEmpty }
}

/// A server of the Model Context Protocol.
public struct MCPServer: Equatable, Sendable {
    /// How it is reached.
    public enum Place: Equatable, Sendable {
        /// A program that the agent program starts in the sandbox.
        case program(command: String, arguments: [String], environment: [Document.Entry])
        /// A server elsewhere, over HTTP.
        case url(String)
    }

    /// What the agent program calls it.
    public var name: String
    /// How it is reached.
    public var place: Place

    /// A server.
    public init(_ name: String, _ place: Place) {
        self.name = name
        self.place = place
    }
}

/// How an agent program takes instructions: by a file in its home, by arguments, or by arguments that name the file.
public struct InstructionsForm: Equatable, Sendable {
    /// Relative to the home; nil where there is none.
    public var file: String?
    /// Arguments, in which `{instructions}` stands for the text and `{instructions-file}` for the file's path.
    public var arguments: [String]

    /// Neither, unless one is named.
    public init(file: String? = nil, arguments: [String] = []) {
        self.file = file
        self.arguments = arguments
    }

    /// What stands for the text.
    public static let textMark = "{instructions}"
    /// What stands for the file.
    public static let fileMark = "{instructions-file}"

    /// Whether the program takes instructions at all.
    public var isThere: Bool { file != nil || !arguments.isEmpty }

    /// Whether the text itself becomes an argument.
    public var putsTextInArguments: Bool { arguments.contains { $0.contains(Self.textMark) } }
}

/// Where an agent program keeps its MCP servers, and in which form.
public struct ServersForm: Equatable, Sendable {
    /// The language of the file.
    public enum Syntax: String, Equatable, Sendable, CaseIterable {
        case json, toml
    }

    /// Relative to the home.
    public var file: String
    /// The language of the file.
    public var syntax: Syntax
    /// The key at the top of the file under which servers stand by name.
    public var key: String
    /// What stands there for a program, with `{command}`, `{args}` and `{env}` in the places of its parts.
    public var program: Document
    /// The same for a server elsewhere, with `{url}`; nil if the program can have none.
    public var url: Document?

    /// A form.
    public init(file: String, syntax: Syntax = .json, key: String, program: Document, url: Document? = nil) {
        self.file = file
        self.syntax = syntax
        self.key = key
        self.program = program
        self.url = url
    }
}
