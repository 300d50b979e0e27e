// How far a connection of the agent's is with a request.

/// What a connection of the agent's does.
enum ClientPhase {
    /// TLS is being agreed upon, where the gateway answers in a service's place.
    case securing
    /// Waits for a request's head.
    case head
    /// Waits for as much of the request as it takes to say what is asked for.
    case collecting
    /// Waits for the supervisor's word, with this question.
    case asking(Int64)
    /// A connection to the service is being made.
    case connecting
    /// Request and answer go on.
    case exchanging
    /// The rest of a request that was answered here comes, and is dropped.
    case dropping
    /// What is to be sent is sent, and then it is closed.
    case closing
}
