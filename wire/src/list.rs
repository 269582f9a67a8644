//! Lists in field values (RFC 9110 §5.6.1): elements between commas, which a quoted string may hold too.

/// Returns the elements of one field line's value, without white space around them. Empty ones are passed over, as RFC
/// 9110 §5.6.1.2 asks recipients to do.
pub(crate) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts(value, b',').filter(|element| !element.is_empty())
}

/// Returns a list element's name and the parameters behind it, without white space around them.
pub(crate) fn parameters(element: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts(element, b';')
}

fn parts(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let value = rest?;
        let end = unquoted(value, separator);
        rest = end.map(|end| &value[end + 1..]);
        Some(value[..end.unwrap_or(value.len())].trim_ascii())
    })
}

/// Finds a byte outside of quoted strings (RFC 9110 §5.6.4).
fn unquoted(value: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    value.iter().position(|byte| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && *byte == wanted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &str) -> Vec<&str> {
        let told = elements(value.as_bytes());
        told.map(|element| std::str::from_utf8(element).unwrap())
            .collect()
    }

    #[test]
    fn empty_elements_do_not_count_and_quoted_commas_do_not_part() {
        assert_eq!(told("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(told(", chunked , ,"), ["chunked"]);
        assert_eq!(told(" ,\t, "), [""; 0]);
        assert_eq!(told(""), [""; 0]);
        assert_eq!(told(r#"x; a="1,2\",3";b, y"#), [r#"x; a="1,2\",3";b"#, "y"]);
        let parts: Vec<_> = parameters(br#"x ; a="1;2" ;b"#).collect();
        assert_eq!(parts, [&b"x"[..], br#"a="1;2""#, b"b"]);
    }
}
