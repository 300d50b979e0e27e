// Files of logins and answers of their servers: what is read, what is refused, and that nothing but the tokens changes.

import ClocheModel
import LinuxSystem
import Testing

@testable import Gateway

@Suite struct LoginTests {
    private func form() -> LoginForm {
        let server = LoginForm.Server(usesTLS: true, host: "api.test", port: 8443, path: "/oauth/token")
        var form = LoginForm(server: server, access: ["oauth", "access"], refresh: ["oauth", "refresh"])
        form.expires = ["oauth", "expires"]
        form.fields = [Document.Entry("client_id", .string("a \"b\""))]
        return form
    }

    private func secret(_ text: String) throws -> Secret {
        var bytes = Array(text.utf8)
        return try Secret(wiping: &bytes)
    }

    private func text(_ secret: Secret) -> String {
        unsafe secret.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    private let file = """
        {"x": [1, {"access": "no"}], "oauth" : {"access":"at-12\\/3456", "expires":1700000000000,
          "refresh": "rt-123456", "more": 1.50}, "big": 123456789012345678901234567890 }

        """

    @Test func theFormSurvives() {
        var form = form()
        (form.requestForm, form.unit) = (.form, .seconds)
        form.keep = [("id_token", ["oauth", "id"])]
        (form.locks, form.file, form.lockDirectory) = (["{directory}.lock"], "/a/b", "/s")
        #expect(LoginForm(document: form.document) == form)
        #expect(LoginForm(document: .object(["host": .string("a")])) == nil)
    }

    @Test func aFileIsReadAndWritten() throws {
        let tokens = try LoginTokens(file: secret(file), form())
        #expect(text(tokens.access) == "at-12/3456" && text(tokens.refresh) == "rt-123456")
        #expect(tokens.expires == 1_700_000_000_000)
        let answer = #"{"access_token":"at-new\u0021-1","expires_in":10.5,"refresh_token":"rt-new-1","b":{}}"#
        let renewed = try RenewedTokens(secret(answer), form(), now: 1000)
        let written = text(try renewed.written(into: secret(file), form()))
        let expected = file.replacing("1700000000000", with: "11500").replacing("rt-123456", with: "rt-new-1")
            .replacing("at-12\\/3456", with: #"at-new\u0021-1"#)
        #expect(written == expected)
        #expect(text(try LoginTokens(file: secret(written), form()).access) == "at-new!-1")
    }

    @Test func whatIsKeptManyTimesHasRoom() throws {
        var form = form()
        form.keep = (0..<20).map { ("access_token", ["more", "m\($0)"]) }
        let places = (0..<20).map { "\"m\($0)\":0" }.joined(separator: ",")
        let login = #""oauth":{"access":"at-123456","refresh":"rt-123456"}"#
        let token = String(repeating: "a", count: 9000)
        let answer = try RenewedTokens(secret(#"{"access_token":"\#(token)"}"#), form, now: 0)
        let short = "{\(login),\"more\":{\(places)}}"
        let written = text(try answer.written(into: secret(short), form))
        #expect(written.count == short.count + 21 * token.count - 9 + 20)
        #expect(written.hasSuffix("\"m19\":\"\(token)\"}}"))
        // What could not be read again: the tokens alone, and not even those.
        let blanks = String(repeating: " ", count: 200_000)
        let tokens = text(try answer.written(into: secret(short + blanks), form))
        #expect(tokens == short.replacing("at-123456", with: token) + blanks)
        let more = String(repeating: " ", count: 55_000)
        #expect(throws: LoginFailure.self) { try answer.written(into: secret(short + blanks + more), form) }
    }

    @Test func aRefreshTokenThatIsNotRotatedStays() throws {
        for more in ["", #","refresh_token":null"#] {
            let answer = try RenewedTokens(secret(#"{"access_token":"at-new-1"\#(more)}"#), form(), now: 0)
            #expect(answer.expires == 3_600_000)
            let tokens = try LoginTokens(file: answer.written(into: secret(file), form()), form())
            #expect(text(tokens.refresh) == "rt-123456" && text(tokens.access) == "at-new-1")
        }
    }

    @Test(arguments: [
        "", "[]", "null", "{", #"{"oauth":1}"#, #"{"oauth":{"access":"at-123456"}}"#,
        #"{"oauth":{"access":1,"refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":["at-123456"],"refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"short","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-12\r\nX: 1","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-12\u000a456","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-12 3456","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-12\u00e93456","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-123456é","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-123456","access":"at-654321","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-123456","\u0061ccess":"at-654321","refresh":"rt-123456"}}"#,
        #"{"oauth":{"access":"at-123456","refresh":"rt-123456"}} {}"#,
        #"{"oauth":{"access":"at-123456","refresh":"rt-123456"},}"#,
        #"{"oauth":{"access":"at-123456","refresh":"rt-123456"},"a":01}"#,
        #"{"oauth":{"access":"at-123456","refresh":"rt-123456"},"a":"\x"}"#,
    ])
    func whatIsNoLoginIsRefused(_ file: String) throws {
        #expect(throws: LoginFailure.self) { try LoginTokens(file: secret(file), form()) }
        let answer = file.replacing("access\"", with: "access_token\"").replacing(#"{"oauth":"#, with: "")
        if !file.contains("oauth") {
            #expect(throws: LoginFailure.self) { try RenewedTokens(secret(answer), form(), now: 0) }
        }
    }

    @Test func whatIsHugeOrDeepIsRefused() throws {
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        let login = #""oauth":{"access":"at-123456","refresh":"rt-123456"}"#
        #expect(throws: LoginFailure.self) {
            try LoginTokens(file: secret("{\(login),\"a\":\(deep)}"), form())
        }
        let long = String(repeating: "a", count: 20_000)
        #expect(throws: LoginFailure.self) {
            try LoginTokens(file: secret(#"{"oauth":{"access":"\#(long)","refresh":"rt-123456"}}"#), form())
        }
        // A time beyond all numbers is one.
        for number in ["1e300", "-5", "123456789012345678901234567890"] {
            let answer = #"{"access_token":"at-new-1","expires_in":\#(number)}"#
            let expires = try RenewedTokens(secret(answer), form(), now: 5).expires
            #expect(expires == (number == "-5" ? 5 : 9_000_000_000_000_000))
        }
        #expect(throws: LoginFailure.self) {
            try RenewedTokens(secret(#"{"access_token":"at-new-1","refresh_token":7}"#), form(), now: 0)
        }
    }

    @Test func theRequestSaysNothingElse() throws {
        let token = try secret("rt-\"1\\2&")
        let json = String(decoding: form().request(token), as: UTF8.self)
        let parts = json.split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(parts[0].hasPrefix("POST /oauth/token HTTP/1.1\r\nHost: api.test:8443\r\n"))
        #expect(
            parts[1] == #"{"grant_type":"refresh_token","client_id":"a \"b\"","refresh_token":"rt-\"1\\2&"}"#
        )
        #expect(parts[0].hasSuffix("Content-Length: \(parts[1].utf8.count)"))
        var other = form()
        other.requestForm = .form
        let body = String(decoding: other.request(token), as: UTF8.self).split(separator: "\r\n\r\n")[1]
        #expect(body == "grant_type=refresh_token&client_id=a%20%22b%22&refresh_token=rt-%221%5C2%26")
    }

    @Test func onlyARefusalEndsALogin() throws {
        for (status, body, isRefusal) in [
            (400, "{}", true), (401, "", true), (403, "<h1>blocked</h1>", false), (404, "", false),
            (403, #"{"error": "invalid_grant"}"#, true),
            (404, #"{"error": {"type": "invalid_token"}}"#, true),
            (200, "invalid_grant", false), (500, "invalid_grant", false), (429, "invalid_token", false),
        ] {
            #expect(try LoginRenewal.isRefusal(status, secret(body)) == isRefusal, "\(status) \(body)")
        }
    }

    @Test func aRequestIsSentAgainOnce() {
        var replay = RequestReplay(isKept: true)
        replay.passed([1, 2][...])
        replay.passed([3][...])
        #expect(replay.isPossible && replay.held == 3)
        #expect(replay.again() == [1, 2, 3])
        #expect(!replay.isPossible && replay.count == 1 && replay.held == 0)
        var none = RequestReplay(isKept: false)
        none.passed([1][...])
        #expect(!none.isPossible)
        var long = RequestReplay(isKept: true)
        for _ in 0..<5 { long.passed([UInt8](repeating: 0, count: 1 << 20)[...]) }
        #expect(!long.isPossible && long.held == 0 && long.count == 0)
    }

    @Test func locksAreOnesOfOne() throws {
        let directory =
            (ProcessEnvironment.value("TMPDIR") ?? "/tmp")
            + "/login-\(MonotonicClock.milliseconds)"
        try Files.makeDirectories(directory + "/home")
        try Files.writeAtomically(directory + "/home/login", Array(file.utf8))
        var form = form()
        (form.file, form.lockDirectory) = (directory + "/home/login", directory + "/state")
        form.locks = ["{directory}/.lock", "{directory}.lock"]
        let place = try LoginPlace(form.file, in: form.lockDirectory)
        var locks = try LoginLocks(place, form)
        #expect(locks != nil && Files.isDirectory(directory + "/home/.lock"))
        #expect(try LoginLocks(place, form) == nil)
        locks = nil
        // All or none: one that another program has.
        try Files.makeDirectory(directory + "/home.lock")
        #expect(try LoginLocks(place, form) == nil && !Files.exists(directory + "/home/.lock"))
        #expect(!place.isRevoked)
        try place.setRevoked(true)
        #expect(try LoginPlace(directory + "/home/../home/login", in: form.lockDirectory).isRevoked)
        #expect(throws: LoginFailure.self) { try LoginFile(form) }
        // Also while the file is not there, and by a link to it.
        try Files.makeSymbolicLink(directory + "/link", to: "home/login")
        try Files.remove(directory + "/home/login")
        for name in ["/home/login", "/home/../home/login", "/link"] {
            #expect(try LoginPlace(directory + name, in: form.lockDirectory) == place)
        }
        #expect(throws: SystemError.self) { try LoginPlace(directory + "/none/login", in: "/") }
        try Files.writeAtomically(directory + "/home/login", Array(file.utf8))
        try place.setRevoked(false)
        #expect(try text(LoginFile(form).text) == file)
        try Files.removeTree(directory)
    }
}
