//! Hides the brands by which browsers made of Chromium name themselves, as in
//! `"Chromium";v="156", "Not:A-Brand";v="8"`.
//!
//! Their order, and the name and version of a fake brand, are drawn anew for each release, so that no server comes to
//! rely on them (User-Agent Client Hints §6.2).

/// The placeholder for the fake brand: its name is drawn from names that read "Not A Brand".
const GREASE: &str = "\"GREASE\"";

/// The letters of such a name.
const GREASE_LETTERS: &str = "NotABrand";

/// Returns the brands with their versions hidden, in one order for all releases.
pub(super) fn hidden(value: &[u8]) -> Vec<u8> {
    let value = String::from_utf8_lossy(value);
    let mut brands: Vec<String> = value.split(", ").map(brand).collect();
    brands.sort();
    brands.join(", ").into_bytes()
}

fn brand(brand: &str) -> String {
    let Some((name, version)) = brand.split_once(";v=\"") else {
        return brand.to_owned();
    };
    let name = if is_grease(name) { GREASE } else { name };
    let rest = &version[version.find('"').unwrap_or(version.len())..];
    format!("{name};v=\"VERSION{rest}")
}

fn is_grease(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.eq(GREASE_LETTERS.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_hidden(value: &str, expected: &str) {
        assert_eq!(
            String::from_utf8(hidden(value.as_bytes())).unwrap(),
            expected
        );
    }

    #[test]
    fn all_releases_look_the_same() {
        for value in [
            r#""Not:A-Brand";v="8", "Chromium";v="156""#,
            r#""Chromium";v="138", "Not)A;Brand";v="24""#,
            r#"" Not A;Brand";v="99", "Chromium";v="90""#,
        ] {
            assert_hidden(value, r#""Chromium";v="VERSION", "GREASE";v="VERSION""#);
        }
    }

    #[test]
    fn another_browser_looks_different() {
        assert_hidden(
            r#""Google Chrome";v="138", "Not/A)Brand";v="8", "Chromium";v="138""#,
            r#""Chromium";v="VERSION", "GREASE";v="VERSION", "Google Chrome";v="VERSION""#,
        );
        assert_hidden(r#""Nota";v="1", "Brand""#, r#""Brand", "Nota";v="VERSION""#);
    }
}
