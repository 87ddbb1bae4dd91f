//! Rows of a page that come in their binary form: a list of texts in base64, each with the rows of one page of the server's own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{PageError, Reader};
use crate::serialized::{self, Flaw};

impl Reader {
    /// Takes rows in their binary form; `bytes` is where they are unpacked to.
    fn take_binary(&mut self, text: &str, bytes: &mut Vec<u8>) -> Result<(), PageError> {
        // Their order would not be known.
        if self.heads.is_empty() || self.n_rows > 0 {
            return Err(PageError::Rows);
        }
        bytes.clear();
        BASE64.decode_vec(text, bytes).map_err(|_| PageError::Damaged("it is no base64"))?;
        let columns: Vec<_> = self.columns.iter().map(|column| (column.sql_type(), column.data_type())).collect();
        let held = serialized::read(bytes, &columns).map_err(|flaw| match flaw {
            Flaw::Damaged(what) => PageError::Damaged(what),
            Flaw::Misfit(position) => match self.heads.get(position) {
                Some(head) => PageError::Misfit(head.name.clone(), head.sql_type.clone()),
                None => PageError::Rows,
            },
        })?;
        self.held.push_back(held);
        Ok(())
    }
}

/// All rows of a page, in their binary form.
pub(super) struct BinaryPages<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) trouble: &'a mut Option<PageError>,
}

impl<'de> DeserializeSeed<'de> for BinaryPages<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BinaryPages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pages in base64")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pages: A) -> Result<(), A::Error> {
        let mut bytes = Vec::new();
        let Self { reader, trouble } = self;
        while pages.next_element_seed(BinaryPage { reader, trouble, bytes: &mut bytes })?.is_some() {}
        Ok(())
    }
}

struct BinaryPage<'a> {
    reader: &'a mut Reader,
    trouble: &'a mut Option<PageError>,
    bytes: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for BinaryPage<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for BinaryPage<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page in base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.reader.take_binary(text, self.bytes).map_err(|error| {
            *self.trouble = Some(error);
            E::custom("a page")
        })
    }
}
