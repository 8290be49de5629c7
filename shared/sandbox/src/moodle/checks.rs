//! What the platform checks about an account's values.

use super::errors::{Outcome, Refusal};

/// Ways to log in that a fresh site has.
pub(super) fn known_auth(auth: &str) -> bool {
    let others = ["db", "ldap", "lti", "nologin", "none", "oauth2", "shibboleth"];
    internal_auth(auth) || others.contains(&auth)
}

/// Ways to log in whose passwords the platform itself keeps.
pub(super) fn internal_auth(auth: &str) -> bool {
    matches!(auth, "manual" | "email")
}

/// Refuses a password that the default policy refuses. Code and message are HTML.
pub(super) fn weak_password(password: &str) -> Outcome<()> {
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let lacks = [
        (password.chars().count() < 8, "at least 8 characters"),
        (!has(|letter| letter.is_ascii_digit()), "at least 1 digit"),
        (!has(char::is_lowercase), "at least 1 lower case letter"),
        (!has(char::is_uppercase), "at least 1 upper case letter"),
        (!has(|letter| !letter.is_alphanumeric()), "at least 1 special character"),
    ];
    let told: String = lacks
        .iter()
        .filter(|(lacking, _)| *lacking)
        .map(|(_, wanted)| format!("<div>A password needs {wanted}.</div>"))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let message = format!("error/{told}");
    Err(Refusal::of(told, message))
}

/// Whether the platform takes `text` for an address: plain ASCII, a dot in the domain.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_sign =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let local_fine = local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(local_sign));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let tld = domain.rsplit('.').next().unwrap_or_default();
    local_fine
        && domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(label)
        && !tld.bytes().all(|byte| byte.is_ascii_digit())
}

/// ISO 3166 codes, two letters each.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZ\
CACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQ\
GRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMD\
MEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORS\
RURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVN\
VUWFWSYEYTZAZMZW";

/// Whether `code` is a country's; others are stored as `0`.
pub(super) fn is_country(code: &str) -> bool {
    code.len() == 2 && COUNTRIES.as_bytes().chunks(2).any(|known| known == code.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.nl", "a.b+c@d-e.invalid", "o'neil@x.org", "A@B.NL"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@localhost",
            "@b.nl",
            "a@",
            "a b@c.nl",
            "a..b@c.nl",
            "é@c.nl",
            "a@-b.nl",
            "a@1.2",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn countries_are_upper_case_iso_codes() {
        assert!(is_country("NL") && is_country("ZW") && is_country("AD"));
        assert!(!is_country("ZZ") && !is_country("nl") && !is_country("DA"));
    }

    #[test]
    fn the_policy_names_what_a_password_lacks() {
        assert!(weak_password("Passw0rd!x").is_ok());
        let refusal = weak_password("abc").unwrap_err();
        assert_eq!(refusal.code_name().matches("<div>").count(), 4);
    }
}
