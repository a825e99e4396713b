//! The table form in which messages are declared, and the reading and writing that follows from a table.
//!
//! ```ignore
//! api!(Heartbeat: HeartbeatRequest => HeartbeatResponse, versions 0..=4, flexible from 4);
//!
//! wire_structs! {
//!     /// What it is for.
//!     pub struct HeartbeatRequest {
//!         group_id: String => 0..;
//!         group_instance_id: Option<String> => 3..;
//!     }
//! }
//! ```
//!
//! A row is `name: type => versions` with, in this order, what applies: `nullable versions` (for an `Option` that is
//! not nullable in all its versions), `default value` (when it is not the type's own) and `tag number` (a tagged field,
//! written only when it differs from its default). Rows stand in the order of the wire.

/// Declares an API's two messages, which share their versions.
macro_rules! api {
    ($key:ident: $request:ident => $response:ident, versions $versions:expr, flexible from $flexible:literal) => {
        impl $crate::wire::Message for $request {
            const KEY: $crate::ApiKey = $crate::ApiKey::$key;
            const VERSIONS: ::std::ops::RangeInclusive<i16> = $versions;
            const FLEXIBLE_SINCE: i16 = $flexible;
        }

        impl $crate::wire::Message for $response {
            const KEY: $crate::ApiKey = $crate::ApiKey::$key;
            const VERSIONS: ::std::ops::RangeInclusive<i16> = $versions;
            const FLEXIBLE_SINCE: i16 = $flexible;
        }

        impl $crate::wire::Request for $request {
            type Response = $response;
        }
    };
}

/// Declares structs with their place on the wire.
macro_rules! wire_structs {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $ty:ty => $versions:expr
                $(, nullable $nullable:expr)?
                $(, default $default:expr)?
                $(, tag $tag:literal)?;
            )*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: wire_structs!(@or_default $($default)?), )* }
            }
        }

        impl $crate::wire::Wire for $name {
            fn read(
                reader: &mut $crate::read::Reader,
                at: $crate::wire::Version,
            ) -> Result<Self, $crate::read::DecodeError> {
                let mut value = Self::default();
                $(
                    if wire_structs!(@tag $($tag)?).is_none() && ($versions).contains(&at.number) {
                        value.$field = wire_structs!(@read reader, at, $ty $(, $nullable)?)?;
                    }
                )*
                if at.flexible {
                    reader.tagged_fields(|_reader, _tag| {
                        $(
                            if wire_structs!(@tag $($tag)?) == Some(_tag) && ($versions).contains(&at.number) {
                                value.$field = wire_structs!(@read _reader, at, $ty $(, $nullable)?)?;
                            }
                        )*
                        Ok(())
                    })?;
                }
                Ok(value)
            }

            fn write(&self, writer: &mut $crate::write::Writer, at: $crate::wire::Version) {
                $(
                    if wire_structs!(@tag $($tag)?).is_none() && ($versions).contains(&at.number) {
                        wire_structs!(@write self.$field, writer, at $(, $nullable)?);
                    }
                )*
                if at.flexible {
                    #[allow(unused_mut, reason = "most structs have no tagged field")]
                    let mut tagged = Vec::new();
                    $( wire_structs!(@write_tagged self, $name, $field, at, tagged, $versions $(, $tag)?); )*
                    writer.tagged_fields(tagged);
                }
            }
        }

        #[cfg(any(test, fuzzing))]
        impl $crate::filled::Filled for $name {
            fn filled(rng: &mut fastrand::Rng, at: Option<$crate::wire::Version>) -> Self {
                #[allow(unused_mut, reason = "a struct may have no field")]
                let mut value = Self::default();
                $(
                    if at.is_none_or(|at| ($versions).contains(&at.number)) {
                        value.$field = $crate::filled::Filled::filled(rng, at);
                    }
                )*
                value
            }
        }
    )*};

    (@or_default) => { Default::default() };
    (@or_default $default:expr) => { $default };
    (@tag) => { None::<u32> };
    (@tag $tag:literal) => { Some::<u32>($tag) };
    (@read $reader:ident, $at:ident, $ty:ty) => { <$ty as $crate::wire::Wire>::read($reader, $at) };
    (@read $reader:ident, $at:ident, $ty:ty, $nullable:expr) => {
        if ($nullable).contains(&$at.number) {
            <$ty as $crate::wire::Wire>::read($reader, $at)
        } else {
            <$ty as $crate::wire::Wire>::read_present($reader, $at)
        }
    };
    (@write $value:expr, $writer:ident, $at:ident) => { $crate::wire::Wire::write(&$value, $writer, $at) };
    (@write $value:expr, $writer:ident, $at:ident, $nullable:expr) => {
        if ($nullable).contains(&$at.number) {
            $crate::wire::Wire::write(&$value, $writer, $at);
        } else {
            $crate::wire::Wire::write_present(&$value, $writer, $at);
        }
    };
    (@write_tagged $self:ident, $name:ident, $field:ident, $at:ident, $tagged:ident, $versions:expr) => {};
    (@write_tagged $self:ident, $name:ident, $field:ident, $at:ident, $tagged:ident, $versions:expr, $tag:literal) => {
        if ($versions).contains(&$at.number) && $self.$field != $name::default().$field {
            let mut value = $crate::write::Writer::part(32);
            $crate::wire::Wire::write(&$self.$field, &mut value, $at);
            $tagged.push(($tag, value));
        }
    };
}
