//! The list of all faults.

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A way in which the server is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])* $name,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

faults! {
    /// The id of a response is the text of the request's integer.
    IdAsText,
    /// An error for an unknown method has a result beside it.
    ResultBesideError,
    /// JSON is sent as text/plain.
    WrongMediaType,
    /// A notification is answered with 200 and a body.
    NotificationAnswered,
    /// A body that is not JSON is a 500.
    ParseErrorIs500,
    /// A batch is answered.
    BatchAnswered,
    /// A request with the id null is answered.
    NullIdAnswered,
    /// An unknown method has a result.
    UnknownMethodAnswered,
    /// Unknown methods of 2026-07-28 are errors at HTTP 200.
    UnknownMethodIs200,
    /// `_meta` is not needed.
    MetaOptional,
    /// `clientInfo` is needed.
    ClientInfoRequired,
    /// The header `MCP-Protocol-Version` is not compared.
    VersionHeaderIgnored,
    /// Versions that do not exist are accepted.
    UnknownVersionAccepted,
    /// The error for an unsupported version has no data.
    VersionErrorWithoutData,
    /// The header `Mcp-Method` is not compared.
    MethodHeaderIgnored,
    /// The header `Mcp-Name` of calls is not compared.
    NameHeaderIgnored,
    /// A name in base64 is not decoded.
    EncodedNameLiteral,
    /// `ping` is answered in 2026-07-28.
    PingInStateless,
    /// A session id is sent in 2026-07-28.
    SessionIdInStateless,
    /// A GET of 2026-07-28 opens a stream.
    GetInStateless,
    /// `server/discover` has no `supportedVersions`.
    DiscoverWithoutVersions,
    /// Results have no `resultType`.
    NoResultType,
    /// Results do not name the server.
    NoServerInfo,
    /// Results have no `ttlMs`.
    NoCacheHints,
    /// A resource that does not exist has empty contents.
    MissingResourceEmpty,
    /// A resource that does not exist has the code of 2025 in 2026-07-28.
    OldResourceCode,
    /// `initialize` accepts any version.
    UnknownVersionEchoed,
    /// A session takes any `MCP-Protocol-Version`.
    SessionVersionIgnored,
    /// `ping` has a result that is not empty.
    PingWithContent,
    /// Every origin is served.
    OriginAccepted,
    /// `Vary` is missing.
    NoVary,
    /// Event streams have no `Cache-Control`.
    NoCacheControl,

    /// A tool has no input schema.
    NoInputSchema,
    /// A tool is listed twice.
    DoubledTool,
    /// The last page of the tools names itself as the next.
    CursorLoops,
    /// Any cursor is accepted.
    AnyCursor,
    /// The order of the tools changes.
    OrderChanges,
    /// An unknown tool has a result.
    UnknownToolAnswered,
    /// The content of a result is a text instead of a list.
    ContentIsText,
    /// Arguments are not checked.
    ArgumentsUnchecked,
    /// Structured content breaks its schema.
    OutputMissesSchema,
    /// Structured content is in no text.
    NoStructuredText,
    /// A schema has a type that does not exist.
    BrokenSchema,
    /// `x-mcp-header` is on a number.
    HeaderOnNumber,
    /// Headers `Mcp-Param-*` are not compared.
    ParamHeaderIgnored,

    /// Session ids have a blank.
    IdWithBlank,
    /// Session ids are numbers that count up.
    NumberedIds,
    /// A message without its session is 404.
    MissingIdIs404,
    /// An unknown session is 400.
    UnknownSessionIs400,
    /// DELETE is answered, and does nothing.
    DeleteIgnored,
    /// After DELETE one more message is served.
    LateNotFound,
    /// Responses are found by the id of the request alone.
    AnswersByIdAlone,

    /// Progress is in events of another name.
    EventNamed,
    /// Event ids have a NUL.
    EventIdWithNul,
    /// Event ids are unique in their stream only.
    EventIdsRepeat,
    /// Progress is sent twice.
    DoubledEvent,
    /// A stream stays open after its response.
    StreamNeverEnds,
    /// Progress is sent after the response.
    ProgressAfterResponse,
    /// Progress goes backwards.
    ProgressBackwards,
    /// A progress token that was a number is sent as a text.
    ProgressTokenAsText,
    /// Progress is sent to requests without a token.
    ProgressUnasked,
    /// Streams of 2026-07-28 have event ids.
    IdsInStateless,
    /// Streams of 2026-07-28 carry a request.
    RequestInStateless,
    /// `X-Accel-Buffering` is missing.
    NoAccelBuffering,
    /// Streams of sessions have no priming event.
    NoPriming,
    /// A GET of a session is JSON.
    GetStreamIsJson,
    /// A resume ends before the response.
    ReplayWithoutResponse,
    /// A resume brings a message of another stream.
    ReplayOfAnotherStream,
    /// A resume repeats the event that it names.
    ReplayFromThere,
    /// A stream can be resumed in any session.
    ReplayToAnotherSession,

    /// The capability `tasks` of 2025-11-25 is declared in 2026-07-28.
    OldTasksCapability,
    /// Methods of tasks are served without the extension.
    TasksWithoutDeclaration,
    /// Calls become tasks of clients that do not declare the extension.
    TaskUnasked,
    /// An unknown task is working.
    UnknownTaskAnswered,
    /// `tasks/list` exists.
    TasksListExists,
    /// A new task is nested, as in 2025-11-25.
    TaskNested,
    /// A task has no `ttlMs`.
    TaskWithoutTtl,
    /// The `resultType` of `tasks/get` is `task`.
    GetSaysTask,
    /// A new task cannot be read at once.
    TaskNotDurable,
    /// A task that has ended is working again.
    TaskBackwards,
    /// A completed task has no result.
    TaskWithoutResult,
    /// A task that has ended cannot be cancelled.
    CancelEndedRefused,
    /// The header `Mcp-Name` of tasks is not compared.
    TaskNameHeaderIgnored,

    /// A GET needs no token.
    GetWithoutToken,
    /// 401 has no challenge.
    NoChallenge,
    /// The challenge does not name the metadata.
    ChallengeWithoutMetadata,
    /// There is no metadata.
    NoMetadata,
    /// The metadata names no authorization server.
    MetadataWithoutServers,
    /// The metadata names another resource.
    MetadataOfAnotherResource,
    /// A text that is no token is accepted.
    AnyTextIsToken,
    /// A token without a signature is accepted.
    UnsignedToken,
    /// The signature of tokens is not checked.
    SignatureUnchecked,
    /// A token in the query is accepted.
    QueryToken,
    /// A session serves every caller.
    SessionOfAnyone,
    /// Every caller can end a session.
    DeleteOfAnyone,
    /// A task is shown to every caller.
    TaskOfAnyone,

    /// A change comes before the acknowledgement.
    AcknowledgedLate,
    /// The acknowledgement names what was not asked for.
    AcknowledgesMore,
    /// An id of a subscription that was a number is a text.
    SubscriptionIdAsText,
    /// A subscription needs no filter.
    ListenWithoutFilter,
    /// An empty subscription stays open.
    EmptyHeld,
    /// Events do not arrive.
    EventLost,
    /// Events arrive twice.
    EventTwice,
    /// A subscription gets changes that it did not ask for.
    EventUnasked,
    /// Events arrive twice on the GET stream.
    EventTwiceOnGet,
}
