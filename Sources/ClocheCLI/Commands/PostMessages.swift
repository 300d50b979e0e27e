// `cloche internal post-messages PROJECT AGENT`: messages in the name of an agent, for what speaks for one on the host. A line
// of JSON each on standard input, with `to` and `text`; an answer each, in a line of JSON. Whoever runs it may write the
// agents' inboxes anyway.

internal import Cloche
internal import ClocheModel
internal import LinuxSystem
internal import Messaging
internal import StructuredText
internal import Supervision

enum PostMessages {
    static func run(_ directory: String, _ name: String) throws -> Int32 {
        let project = try Project(at: directory, installation: Installation())
        let sender = try project.messageSender(name)
        var bytes: [UInt8] = []
        while true {
            let part = UserInput.read()
            bytes += part
            while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(bytes[..<end])
                bytes.removeFirst(end + 1)
                Output(color: "never").line(JSONText.serialize(answer(line, project, sender)))
            }
            if part.isEmpty { return ExitCode.success }
        }
    }

    private static func answer(_ line: [UInt8], _ project: Project, _ sender: MessageSender) -> Document {
        do {
            let request = try JSONText.parse(line)
            let posted = try project.post(
                message(request),
                from: sender,
                to: Recipients(request["to"]?.string ?? "")
            )
            var answer: Document?
            if let first = posted.first, let patience = request["wait"]?.integer {
                let found = try project.waitForAnswer(to: first, from: sender, milliseconds: patience)
                answer = found?.document { .integer($0) }
            }
            return .object([
                "posted": .list(
                    posted.map {
                        .object([
                            "name": .string($0.recipient), "id": .optional($0.id),
                            "duplicate": .bool($0.isDuplicate), "error": $0.refusal?.document ?? .null,
                        ])
                    }
                ), "answer": answer ?? .null,
            ])
        } catch {
            let error = error as? ClocheError ?? ClocheError(.usage, "\(error)")
            return .object(["error": error.document])
        }
    }

    private static func message(_ request: Document) -> NewMessage {
        NewMessage(
            request["text"]?.string ?? "",
            replyTo: request["reply-to"]?.integer,
            isUrgent: request["urgent"]?.bool ?? false,
            interrupts: request["interrupt"]?.bool ?? false,
            asks: request["asks"]?.bool ?? false,
            choices: request["choices"]?.stringList ?? [],
            isAwaited: request["wait"] != nil,
            lifetime: request["lifetime"]?.integer,
            key: request["key"]?.string
        )
    }
}
