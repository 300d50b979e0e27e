internal import ClocheModel
internal import CommandSyntax

enum DoctorCommand {
    static func run(_ context: Context) throws(ClocheError) -> Int32 { 0 }
}
