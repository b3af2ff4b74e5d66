//! One declaration per message: the struct, its bytes, its JSON and its line in the `.proto`.

/// Declares messages: also for the state an agent or a projection snapshots. Tags are written once, beside the field they number, and never reused.
#[macro_export]
macro_rules! message {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident {
            $( $(#[doc = $field_doc:literal])* $tag:literal $field:ident: $type:ty, )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        impl $crate::wire::Message for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::wire::FieldText] = &[$(
                $crate::wire::FieldText {
                    label: <$type as $crate::wire::Field>::LABEL,
                    proto: <$type as $crate::wire::Field>::PROTO,
                    name: stringify!($field),
                    tag: $tag,
                    doc: &[$($field_doc),*],
                },
            )*];

            fn encode(&self, out: &mut $crate::wire::Vec<u8>) {
                $( $crate::wire::Field::put(&self.$field, $tag, out); )*
            }

            fn decode_canonical(bytes: &[u8]) -> Option<Self> {
                let mut fields = $crate::wire::Fields::new(bytes);
                $( let $field = <$type as $crate::wire::Field>::take(
                    &mut fields, $tag, stringify!($field),
                )?; )*
                fields.is_done().then_some(Self { $( $field, )* })
            }

            fn decode_any(bytes: &[u8]) -> Result<Self, $crate::wire::DecodeError> {
                $( let mut $field = <$type as $crate::wire::Field>::Slot::default(); )*
                let mut fields = $crate::wire::Fields::new(bytes);
                while let Some((tag, raw)) = fields.step()? {
                    match tag {
                        $( $tag => <$type as $crate::wire::Field>::merge(
                            &mut $field, raw, stringify!($field),
                        )?, )*
                        _ => {}
                    }
                }
                Ok(Self { $(
                    $field: <$type as $crate::wire::Field>::finish($field, stringify!($field))?,
                )* })
            }

            fn to_object(&self) -> $crate::wire::serde_json::Value {
                let mut entries = $crate::wire::serde_json::Map::new();
                $( if let Some(value) = $crate::wire::Field::to_json(&self.$field) {
                    let _ = entries.insert(stringify!($field).into(), value);
                } )*
                $crate::wire::serde_json::Value::Object(entries)
            }

            fn from_object(value: &$crate::wire::serde_json::Value) -> Result<Self, $crate::wire::DecodeError> {
                let entries = $crate::wire::object_of(
                    value, stringify!($name), <Self as $crate::wire::Message>::FIELDS,
                )?;
                Ok(Self { $(
                    $field: <$type as $crate::wire::Field>::from_json(
                        entries.get(stringify!($field)), stringify!($field),
                    )?,
                )* })
            }
        }
    )*};
}

/// Declares closed choices. Zero is never a choice: an absent choice is an error, not a default.
macro_rules! choice {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident {
            $( $(#[doc = $variant_doc:literal])* $number:literal $variant:ident = $text:literal, )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[doc = $variant_doc])* $variant = $number, )*
        }

        impl $name {
            /// Every choice, in order of its number.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The name in JSON, on the terminal and in the `.proto`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::wire::DecodeError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|choice| choice.as_str() == text).ok_or_else(|| {
                    $crate::wire::bad_value(
                        stringify!($name),
                        $crate::wire::format!(
                            "`{text}` is none of {}",
                            Self::ALL.iter().map(|c| c.as_str()).collect::<$crate::wire::Vec<_>>().join(", "),
                        ),
                    )
                })
            }
        }

        impl $crate::wire::Scalar for $name {
            const PROTO: &'static str = stringify!($name);
            fn put_always(&self, tag: u32, out: &mut $crate::wire::Vec<u8>) {
                $crate::wire::Scalar::put_always(&(*self as u32), tag, out);
            }
            fn read(
                raw: $crate::wire::Raw<'_>,
                field: &'static str,
            ) -> Result<Self, $crate::wire::DecodeError> {
                let number = <u32 as $crate::wire::Scalar>::read(raw, field)?;
                match number {
                    $( $number => Ok(Self::$variant), )*
                    _ => Err($crate::wire::bad_value(
                        field, $crate::wire::format!("{number} is no {}", stringify!($name)),
                    )),
                }
            }
            fn json(&self) -> $crate::wire::serde_json::Value { self.as_str().into() }
            fn of_json(
                value: &$crate::wire::serde_json::Value,
                field: &'static str,
            ) -> Result<Self, $crate::wire::DecodeError> {
                let text = value.as_str()
                    .ok_or_else(|| $crate::wire::bad_value(field, "not a string"))?;
                text.parse()
            }
        }

        impl $crate::wire::Choice for $name {
            const NAME: &'static str = stringify!($name);
            const VARIANTS: &'static [(&'static str, u32)] = &[$( ($text, $number), )*];
        }
    )*};
}

pub(crate) use choice;
