//! What a configuration may ask for on AWS, beyond what holds everywhere.

use hosted::VAULT_KEY;
use runtime::SecretRef;
use runtime::config::{Config, Connection, Integration};

/// Everything in it that is not to be had on AWS, each in a sentence that says what to write.
pub fn broken(config: &Config) -> Vec<String> {
    let mut broken = Vec::new();
    let tenant = &config.tenant;
    // It goes into the policies that fence tenants off from each other.
    if !tenant
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        broken.push(format!("tenant = \"{tenant}\": on AWS only a to z, 0 to 9 and - are allowed"));
    }
    for integration in &config.integrations {
        let name = &integration.name;
        broken.extend(of_target(integration).into_iter().map(|what| format!("`{name}`: {what}")));
    }
    broken
}

/// The secrets that an integration names.
pub fn secrets(integration: &Integration) -> Vec<&str> {
    match &integration.target.connection {
        Connection::Remote { token: SecretRef::Stored(name), .. } => vec![name],
        _ => Vec::new(),
    }
}

/// Whether its LMS may stand at a private address.
pub fn is_private(integration: &Integration) -> bool {
    matches!(integration.target.connection, Connection::Remote { allow_private: true, .. })
}

/// Whether a secret can have this name.
pub fn secret_name(name: &str) -> Result<(), String> {
    const LONGEST: usize = 64;
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"_+=.@-".contains(&byte);
    // A name is not repeated: somebody may have put the secret itself in its place.
    if name.is_empty() || name.len() > LONGEST || name.bytes().any(odd) {
        return Err(format!("a secret's name is 1 to {LONGEST} of A-Z, a-z, 0-9 and _+=.@-"));
    }
    if name == VAULT_KEY {
        return Err(format!("`{VAULT_KEY}` is made by `rollcall tenant add` and is not to be set"));
    }
    Ok(())
}

fn of_target(integration: &Integration) -> Vec<String> {
    let Connection::Remote { token, ca_file, .. } = &integration.target.connection else {
        return vec!["the sandbox is on one machine: give `kind` and `url` of an LMS".to_owned()];
    };
    let mut broken = Vec::new();
    match token {
        SecretRef::Stored(name) => broken.extend(secret_name(name).err()),
        SecretRef::Env(_) | SecretRef::File(_) => {
            broken
                .push("the token is in Secrets Manager: token = { secret = \"NAME\" }".to_owned());
        }
    }
    if ca_file.is_some() {
        broken.push(
            "`ca_file` cannot be read there: the LMS needs a certificate of a public authority"
                .to_owned(),
        );
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken_in(tenant: &str, target: &str) -> Vec<String> {
        let text = format!(
            "tenant = \"{tenant}\"\n[[integration]]\nname = \"sis\"\n[[integration.source]]\n\
             name = \"registrar\"\n[integration.target]\n{target}"
        );
        broken(&hosted::integrations(&text, "a test").unwrap())
    }

    #[test]
    fn what_fits_is_let_through() {
        let moodle = "kind = \"moodle\"\nurl = \"https://lms.school.invalid\"\n\
                      token = { secret = \"lms-token\" }\n";
        assert_eq!(broken_in("oak-field", moodle), Vec::<String>::new());
    }

    #[test]
    fn each_broken_rule_is_told() {
        let moodle = |rest: &str| {
            format!("kind = \"moodle\"\nurl = \"https://lms.school.invalid\"\n{rest}\n")
        };
        for (tenant, target, told) in [
            ("oak_field", moodle("token = { secret = \"t\" }"), "only a to z"),
            ("oak", moodle("token = { env = \"T\" }"), "{ secret = \"NAME\" }"),
            ("oak", moodle("token = { file = \"t\" }"), "{ secret = \"NAME\" }"),
            ("oak", moodle("token = { secret = \"a/b\" }"), "a secret's name"),
            ("oak", moodle("token = { secret = \"vault-key\" }"), "not to be set"),
            ("oak", moodle("token = { secret = \"t\" }\nca_file = \"ca.pem\""), "`ca_file`"),
            ("oak", "kind = \"sandbox\"\n".to_owned(), "on one machine"),
        ] {
            let broken = broken_in(tenant, &target);
            assert_eq!(broken.len(), 1, "{broken:?}");
            assert!(broken[0].contains(told), "{broken:?}");
        }
    }

    #[test]
    fn a_name_that_may_be_the_secret_is_not_repeated() {
        let error = secret_name("s3cr3t/value").unwrap_err();
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
