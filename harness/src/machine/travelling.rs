//! Paths on their way through JSON: as text, or as bytes if a path is not valid UTF-8. A folder may have any name.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path as it travels.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Form {
    /// A path that is text.
    Text(String),
    /// A path that is not text.
    Bytes(Vec<u8>),
}

/// A value made of paths that can be sent to another process.
pub trait Travels: Sized {
    /// The serializable form of the value.
    type Form: Serialize + DeserializeOwned;

    /// Makes it ready to travel.
    fn form(&self) -> Self::Form;

    /// Takes it up again.
    fn of(form: Self::Form) -> Self;
}

impl Travels for PathBuf {
    type Form = Form;

    fn form(&self) -> Form {
        match self.to_str() {
            Some(text) => Form::Text(text.to_owned()),
            None => Form::Bytes(self.as_os_str().as_bytes().to_vec()),
        }
    }

    fn of(form: Form) -> Self {
        match form {
            Form::Text(text) => text.into(),
            Form::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}

impl<T: Travels> Travels for Option<T> {
    type Form = Option<T::Form>;

    fn form(&self) -> Self::Form {
        self.as_ref().map(T::form)
    }

    fn of(form: Self::Form) -> Self {
        form.map(T::of)
    }
}

impl<T: Travels> Travels for Vec<T> {
    type Form = Vec<T::Form>;

    fn form(&self) -> Self::Form {
        self.iter().map(T::form).collect()
    }

    fn of(form: Self::Form) -> Self {
        form.into_iter().map(T::of).collect()
    }
}

/// Writes paths, as serde's `with` asks for it.
///
/// # Errors
///
/// Returns an error if the format does.
pub fn serialize<T: Travels, S: Serializer>(paths: &T, serializer: S) -> Result<S::Ok, S::Error> {
    paths.form().serialize(serializer)
}

/// Reads paths, as serde's `with` asks for it.
///
/// # Errors
///
/// Returns an error if the format does.
pub fn deserialize<'de, T: Travels, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Form::deserialize(deserializer).map(T::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Paths {
        #[serde(with = "super")]
        one: PathBuf,
        #[serde(with = "super")]
        perhaps: Option<PathBuf>,
        #[serde(with = "super")]
        more: Vec<PathBuf>,
    }

    #[test]
    fn a_path_comes_through_whatever_it_is() {
        let strange = || PathBuf::from(OsString::from_vec(vec![b'/', 0xff, 0xfe]));
        for one in [PathBuf::from("/plain"), strange()] {
            let paths = Paths {
                perhaps: Some(one.clone()),
                more: vec![strange(), one.clone()],
                one,
            };
            let json = serde_json::to_string(&paths).unwrap();
            assert_eq!(
                serde_json::from_str::<Paths>(&json).unwrap(),
                paths,
                "{json}"
            );
        }
    }
}
