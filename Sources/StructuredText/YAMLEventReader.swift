// libyaml's event parser behind a safe face: events are copied out of its memory at once. The only file that
// touches CYAML; called by YAMLTreeBuilder.

internal import CYAML

/// One event of the parser.
struct YAMLEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias
        case scalar(text: String, plain: Bool)
        case listStart
        case listEnd
        case mapStart
        case mapEnd
    }

    let kind: Kind
    let position: TextPosition
    var anchor: String?
    var tag: String?
}

/// Reads one text event by event.
@safe
struct YAMLEventReader: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let bytes: [UInt8]
    private let file: String

    /// The parser keeps its own address and that of its input, so both are allocated for its whole life.
    init(bytes: [UInt8], file: String) {
        unsafe parser = .allocate(capacity: 1)
        unsafe input = .allocate(capacity: max(1, bytes.count))
        self.bytes = bytes
        self.file = file
        _ = unsafe input.initialize(from: bytes)
        guard unsafe yaml_parser_initialize(parser) == 1 else { fatalError("out of memory reading YAML") }
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event; after the end of the stream, that again.
    func next() throws(StructuredTextError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe copy(event)
    }

    private func copy(_ event: yaml_event_t) -> YAMLEvent {
        let position = unsafe TextPosition(event.start_mark)
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return YAMLEvent(kind: .streamStart, position: position)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, position: position)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, position: position)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .listEnd, position: position)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mapEnd, position: position)
        case YAML_ALIAS_EVENT:
            return unsafe YAMLEvent(kind: .alias, position: position, anchor: text(event.data.alias.anchor))
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return unsafe YAMLEvent(
                kind: .listStart,
                position: position,
                anchor: text(start.anchor),
                tag: text(start.tag)
            )
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return unsafe YAMLEvent(
                kind: .mapStart,
                position: position,
                anchor: text(start.anchor),
                tag: text(start.tag)
            )
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let kind = unsafe YAMLEvent.Kind.scalar(
                text: String(decoding: value, as: UTF8.self),
                plain: scalar.style == YAML_PLAIN_SCALAR_STYLE
            )
            return unsafe YAMLEvent(
                kind: kind,
                position: position,
                anchor: text(scalar.anchor),
                tag: text(scalar.tag)
            )
        default: return YAMLEvent(kind: .streamEnd, position: position)
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        unsafe pointer.map { unsafe String(cString: $0) }
    }

    private func syntaxError() -> StructuredTextError {
        let state = unsafe parser.pointee
        let problem = unsafe state.problem.map { unsafe String(cString: $0) } ?? "not valid YAML"
        if unsafe state.error == YAML_READER_ERROR {
            return unsafe StructuredTextError(
                file: file,
                position: position(ofByte: state.problem_offset),
                message: problem
            )
        }
        var message = problem
        if unsafe byte(at: state.problem_mark) == UInt8(ascii: "\t") {
            message = "a tab stands where only spaces may indent"
        } else if let context = unsafe state.context, unsafe String(cString: context).hasSuffix("an alias") {
            message = "what begins with '*' needs quotes, as in \"*.example.com\""
        } else if let context = unsafe state.context {
            message += unsafe " (\(String(cString: context)), begun on line \(state.context_mark.line + 1))"
        }
        return unsafe StructuredTextError(
            file: file,
            position: TextPosition(state.problem_mark),
            message: message
        )
    }

    private func byte(at mark: yaml_mark_t) -> UInt8? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard mark.line < lines.count else { return nil }
        return lines[mark.line].dropFirst(mark.column).first
    }

    private func position(ofByte offset: Int) -> TextPosition {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
        return TextPosition(line: line, column: column)
    }
}

extension TextPosition {
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}
