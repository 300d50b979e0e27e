// Work on a second thread, where two processors take half the time: most of it is in the kernel or in another program.
// Nothing else in Cloche has threads of Swift; what they have in common is what goes in and, after the end, the result.

internal import CLinux
internal import Glibc

/// Work that goes on beside this thread until its result is asked for.
@safe package final class WorkBeside<Value: Sendable> {
    private final class Place {
        var value: Value?
    }

    private let work: @Sendable () -> Value
    private let place = Place()
    private var thread: pthread_t?

    /// Begins.
    package init(_ work: @escaping @Sendable () -> Value) {
        self.work = work
        // Only the thread has it until that has ended.
        nonisolated(unsafe) let place = place
        let errand = unsafe Unmanaged.passRetained(Errand { unsafe place.value = work() })
        var thread = pthread_t()
        let failure = unsafe clinux_thread_begin(
            &thread,
            { order in
                if let order = unsafe order {
                    unsafe Unmanaged<Errand>.fromOpaque(order).takeRetainedValue().run()
                }
                return nil
            },
            errand.toOpaque()
        )
        if failure == 0 {
            self.thread = thread
        } else {
            unsafe errand.release()
        }
    }

    deinit { join() }

    /// Waits for the result.
    package func value() -> Value {
        join()
        if let value = place.value { return value }
        // There may be no thread to be had; then it is done now.
        let value = work()
        place.value = value
        return value
    }

    private func join() {
        guard let thread else { return }
        _ = pthread_join(thread, nil)
        self.thread = nil
    }
}

/// What a thread is given.
private final class Errand {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}
