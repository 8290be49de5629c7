//! What the codes of receipts mean and what to do about them.

/// What a code of a receipt means and what a person can do; `None` for a code that only the LMS
/// knows.
pub fn explain(code: &str) -> Option<&'static str> {
    if code.starts_with("left to its user: ") {
        return Some(
            "somebody has changed it in the LMS, and the policy says `until_changed`: it is theirs \
             from now on",
        );
    }
    Some(match code {
        "ambiguous-match" => {
            "more than one account or course in the LMS fits: give the right one the key as its \
             id number there, then sync again"
        }
        "not-adopted" => {
            "it is in the LMS already and no rule says that it is ours: allow adoption in the \
             configuration, or rename the one in the LMS"
        }
        "no-email" => {
            "the LMS needs an e-mail address: add one in the source, or configure a placeholder"
        }
        "no-username" => {
            "the LMS needs a user name: add one in the source, or configure a fallback"
        }
        "no-name" => "the LMS needs a first and a family name: add them in the source",
        "key-reuse" => {
            "the key belonged to somebody else before: give the person a new key in the source"
        }
        "password-refused" => "the LMS refused the password: the account has a generated one",
        "other-roles-kept" => "there are roles that are not ours in this course: they stay",
        "invalidparameter" => {
            "the LMS refuses a value: most often a user name or e-mail address that somebody else \
             has"
        }
        "shortnametaken" => "another course in the LMS has this short name: rename one of them",
        "courseidnumbertaken" => "another course in the LMS has this id number: clear it there",
        "wsnoinstance" => {
            "the course has no manual enrolment: add that method to the course in the LMS"
        }
        "nopermissions" => "the service account lacks a right for this: grant it in the LMS",
        "username-taken" => {
            "an account in the LMS has this user name and no rule says that it is ours: allow \
             adoption by user name in the configuration, or rename one of them"
        }
        "email-taken" => {
            "an account in the LMS has this e-mail address and no rule says that it is ours: allow \
             adoption by e-mail in the configuration, or change one of them"
        }
        "short-name-taken" => {
            "a course in the LMS has this short name and no rule says that it is ours: allow \
             adoption by short name in the configuration, or rename one of them"
        }
        "group-name-taken" => {
            "a group of this name is in the course already: allow adoption by group name in the \
             configuration, or rename one of them"
        }
        "already-grouped" => {
            "the person is in another group of this course, and `only_if_ungrouped` is on"
        }
        "no-such-template" => "there is no such template course in the LMS: it was made empty",
        "template-copied-people" => {
            "the template course brought people along: they stay; empty the template"
        }
        "no-such-category" => "its category is not in the LMS: check `category`",
        "category-not-empty" => "the category holds courses that are not ours: it stays",
        "role-not-mapped" => "the configuration's `roles` has no id for this role",
        "roles-not-visible" => {
            "the service account may not see the roles of people: grant it that right in the LMS"
        }
        "bad-username" => "the LMS takes no such user name: mend it in the source",
        "username-too-long" => "the LMS takes no user name as long as this one",
        "bad-email" => "this is no e-mail address: mend it in the source",
        "not-sent" => "it was not its turn before the delivery stopped",
        "deadline" => "there was no time left for it: the next sync goes on with it",
        "timeout" => "no answer came in time: the next sync looks before it tries again",
        _ => return None,
    })
}
