// SGR, in both directions: from the numbers of a sequence to a style, and from a style to a sequence.

extension Style {
    /// Takes the numbers of one SGR sequence.
    ///
    /// - Parameter underline: the colour of underlines, which a style has no room for.
    mutating func select(_ parameters: [UInt8], underline colourBits: inout UInt32) {
        var walk = Parameters(parameters)
        while let number = walk.next() {
            switch number.value ?? 0 {
            case 4 where number.continues: underline = walk.next()?.value ?? 1
            case 38: if let colour = Self.colour(number, &walk) { foreground = colour }
            case 48: if let colour = Self.colour(number, &walk) { background = colour }
            case 58: if let colour = Self.colour(number, &walk) { colourBits = colour.bits }
            case 59: colourBits = 0
            case let value:
                if value == 0 { colourBits = 0 }
                select(value)
            }
            walk.skipParts()
        }
    }

    private mutating func select(_ value: Int) {
        switch value {
        case 0: self = .standard
        case 1: self[.bold] = true
        case 2: self[.dim] = true
        case 3: self[.italic] = true
        case 4: underline = 1
        case 5, 6: self[.blink] = true
        case 7: self[.reverse] = true
        case 8: self[.hidden] = true
        case 9: self[.strike] = true
        case 21: underline = 2
        case 22: (self[.bold], self[.dim]) = (false, false)
        case 23: self[.italic] = false
        case 24: underline = 0
        case 25: self[.blink] = false
        case 27: self[.reverse] = false
        case 28: self[.hidden] = false
        case 29: self[.strike] = false
        case 30...37: foreground = .indexed(UInt8(value - 30))
        case 39: foreground = .standard
        case 40...47: background = .indexed(UInt8(value - 40))
        case 49: background = .standard
        case 53: self[.overline] = true
        case 55: self[.overline] = false
        case 90...97: foreground = .indexed(UInt8(value - 90 + 8))
        case 100...107: background = .indexed(UInt8(value - 100 + 8))
        default: break
        }
    }

    /// What stands behind 38 or 48: `5;N`, `2;R;G;B`, and with colons also `2:SPACE:R:G:B`.
    private static func colour(_ first: Parameters.Number, _ walk: inout Parameters) -> Colour? {
        guard let kind = walk.next() else { return nil }
        switch kind.value {
        case 5:
            guard let index = walk.next()?.value, index < 256 else { return nil }
            return .indexed(UInt8(index))
        case 2:
            var numbers: [Int] = []
            if first.continues {
                var number = kind
                while number.continues, let next = walk.next() {
                    numbers.append(next.value ?? 0)
                    number = next
                }
                if numbers.count > 3 { numbers.removeFirst() }
            } else {
                while numbers.count < 3, let next = walk.next() { numbers.append(next.value ?? 0) }
            }
            guard numbers.count >= 3, numbers.prefix(3).allSatisfy({ $0 < 256 }) else { return nil }
            return .rgb(UInt8(numbers[0]), UInt8(numbers[1]), UInt8(numbers[2]))
        default: return nil
        }
    }

    /// The numbers of an SGR sequence that sets this style, whatever was set before.
    package var selection: String {
        var numbers = "0"
        for attribute in Attribute.allCases where self[attribute] { numbers += ";\(attribute.number)" }
        switch underline {
        case 0: break
        case 1: numbers += ";4"
        case let shape: numbers += ";4:\(shape)"
        }
        numbers += Self.selection(foreground, 30) + Self.selection(background, 40)
        return numbers
    }

    private static func selection(_ colour: Colour, _ base: Int) -> String {
        switch colour {
        case .standard: ""
        case .indexed(let index) where index < 8: ";\(base + Int(index))"
        case .indexed(let index) where index < 16: ";\(base + 52 + Int(index))"
        case .indexed(let index): ";\(base + 8);5;\(index)"
        case .rgb(let red, let green, let blue): ";\(base + 8);2;\(red);\(green);\(blue)"
        }
    }
}
