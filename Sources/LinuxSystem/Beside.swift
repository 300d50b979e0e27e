// Work in a second thread, for commands of which the user waits while one processor does nothing: half of a walk through a large
// tree, or git while files are kept. The supervisor has one thread and none of these.

internal import Glibc

/// Work that goes on in a thread of its own, which takes no signal, until its result is asked for.
///
/// Where the kernel gives no thread, it is done when the result is asked for.
@safe package final class Beside<Value: Sendable> {
    private let work: Work<Value>
    private var thread: pthread_t?

    /// Begins it.
    package init(_ body: @escaping @Sendable () -> Value) {
        work = Work(body)
        let order = unsafe Unmanaged<AnyWork>.passRetained(work)
        let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { order in
            if let order = unsafe order {
                unsafe Unmanaged<AnyWork>.fromOpaque(order).takeRetainedValue().run()
            }
            return nil
        }
        var (all, old, thread) = (sigset_t(), sigset_t(), pthread_t())
        unsafe sigfillset(&all)
        // A thread begins with the mask of who made it.
        unsafe pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &old, nil) }
        if unsafe pthread_create(&thread, nil, run, order.toOpaque()) == 0 {
            self.thread = thread
        } else {
            unsafe order.release()
        }
    }

    deinit { join() }

    /// Its result, once it has one.
    package var value: Value {
        join()
        return work.result
    }

    private func join() {
        guard let thread = thread.take() else { return }
        // A thread that was made and not yet joined can be.
        pthread_join(thread, nil)
    }
}

private class AnyWork {
    func run() {}
}

/// Its result is written by the thread and read after the thread was joined, or by the first thread alone.
private final class Work<Value>: AnyWork {
    private let body: @Sendable () -> Value
    private var done: Value?

    init(_ body: @escaping @Sendable () -> Value) { self.body = body }

    override func run() { done = body() }

    var result: Value {
        if let done { return done }
        let value = body()
        done = value
        return value
    }
}
