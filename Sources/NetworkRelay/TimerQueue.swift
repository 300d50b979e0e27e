// What is to be done later, in the order of its time.

/// Times and whom they are for.
///
/// A time that is not wanted any more comes all the same: who is woken looks whether there
/// is anything to do.
package struct TimerQueue {
    private var heap: [(time: Int64, id: UInt64)] = []

    /// No times yet.
    package init() {}

    /// The soonest time.
    package var next: Int64? { heap.first?.time }

    /// How many times there are.
    package var count: Int { heap.count }

    /// Forgets those that are for others.
    package mutating func keep(_ isWanted: (UInt64) -> Bool) {
        // In order, it is a heap.
        heap = heap.filter { isWanted($0.id) }.sorted { $0.time < $1.time }
    }

    /// Adds a time.
    package mutating func add(_ time: Int64, _ id: UInt64) {
        heap.append((time, id))
        var child = heap.count - 1
        while child > 0, heap[(child - 1) / 2].time > heap[child].time {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the soonest that is due.
    package mutating func take(_ now: Int64) -> UInt64? {
        guard let first = heap.first, first.time <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = 2 * parent + 1
            if least + 1 < heap.count, heap[least + 1].time < heap[least].time { least += 1 }
            guard least < heap.count, heap[least].time < heap[parent].time else { return first.id }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
