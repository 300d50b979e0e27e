// The text of an error as clients of model APIs read it.

internal import ClocheModel
internal import StructuredText

enum GatewayError {
    static func json(_ kind: String, _ message: String) -> [UInt8] {
        JSONText.serializeBytes(
            .object([
                "type": .string("error"),
                "error": .object([
                    "type": .string(kind), "code": .string(kind), "message": .string(message),
                ]),
            ])
        )
    }
}
