//! Refusals, in the shapes in which the platform gives them.

use std::borrow::Cow;

use super::answer::Out;

/// Why a call was not done: the exception's class, its code and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) exception: &'static str,
    /// Absent where the real one fails with an error that has no code.
    pub(super) code: Option<Cow<'static, str>>,
    pub(super) message: Cow<'static, str>,
    /// Whether what was done before is kept, because the real one fails after its commit.
    pub(super) keeps: bool,
}

/// A result of a web service function.
pub(super) type Outcome<T = Out> = Result<T, Refusal>;

impl Refusal {
    fn new(
        exception: &'static str,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { exception, code: Some(code.into()), message: message.into(), keeps: false }
    }

    /// Anything wrong with a parameter; which one it does not say.
    pub(super) fn parameter() -> Self {
        Self::new(
            "core\\exception\\invalid_parameter_exception",
            "invalidparameter",
            "Invalid parameter value detected",
        )
    }

    /// A row that must exist does not.
    pub(super) fn missing_record() -> Self {
        Self::new(
            "dml_missing_record_exception",
            "invalidrecordunknown",
            "Can't find data record in database.",
        )
    }

    /// A value does not fit its column, or breaks a unique index.
    pub(super) fn write() -> Self {
        Self::new("dml_write_exception", "dmlwriteexception", "Error writing to database")
    }

    /// The answer does not have the promised shape. What was done stays done.
    pub(super) fn response() -> Self {
        let refusal = Self::new(
            "core\\exception\\invalid_response_exception",
            "invalidresponse",
            "Invalid response value detected",
        );
        Self { keeps: true, ..refusal }
    }

    /// A call that the platform takes for a programming error.
    pub(super) fn coding(hint: &str) -> Self {
        Self::new(
            "core\\exception\\coding_exception",
            "codingerror",
            format!("Coding error detected, it must be fixed by a programmer: {hint}"),
        )
    }

    /// The token or the service does not allow the call.
    pub(super) fn access() -> Self {
        Self::new("webservice_access_exception", "accessexception", "Access control exception")
    }

    /// The token is not known.
    pub(super) fn token() -> Self {
        Self::of("invalidtoken", "Invalid token - token not found")
    }

    /// The platform cannot reach its database.
    pub(super) fn database() -> Self {
        Self::new(
            "dml_connection_exception",
            "dbconnectionfailed",
            "Error: database connection failed",
        )
    }

    /// Everything that has a code of its own.
    pub(super) fn of(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new("core\\exception\\moodle_exception", code, message)
    }

    /// A code for which the platform has no text.
    pub(super) fn untold(code: &'static str) -> Self {
        Self::of(code, format!("error/{code}"))
    }

    /// An uncaught error of the platform itself, which has no code.
    pub(super) fn crash(message: &'static str) -> Self {
        Self { exception: "Error", code: None, message: Cow::Borrowed(message), keeps: false }
    }

    /// The code for the list of calls.
    pub(super) fn code_name(&self) -> Cow<'static, str> {
        self.code.clone().unwrap_or(Cow::Borrowed("error"))
    }

    /// The refusal as one warning of a call that does the rest.
    pub(super) fn warning(&self, item: &'static str, id: i64) -> Out {
        Out::Object(vec![
            ("item", Out::text(item)),
            ("itemid", Out::Int(id)),
            ("warningcode", Out::text(&self.code_name())),
            ("message", Out::text(&self.message)),
        ])
    }
}

/// The answer of calls that do what they can: `{"warnings": [..]}`.
pub(super) fn warnings(list: Vec<Out>) -> Out {
    Out::Object(vec![("warnings", Out::List(list))])
}
