//! One key: its name, what it may hold, its default and its documentation.

/// A configuration key. One definition serves the parsers, the REST `validate` answer and the documentation.
#[derive(Debug)]
pub struct Key {
    /// The name as users write it, such as `otlp.grpc.port`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The value when it is not given, as users would write it; `None` when absence has a meaning of its own.
    pub default: Option<&'static str>,
    /// How prominently forms and documents show it.
    pub importance: Importance,
    /// The heading under which forms and documents show it.
    pub group: &'static str,
    /// What it does, in sentences for its user.
    pub doc: &'static str,
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Bool,
    /// A whole number from `min` to `max`, counted in `unit`.
    Int {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
        /// What the number counts.
        unit: Unit,
    },
    /// Any text.
    Text,
    /// Text that may not be empty.
    NonEmpty,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// Words separated by commas.
    List,
    /// The path of a file that must exist and be readable when the key is set.
    File,
    /// The full name of a class of Java that this program stands in for.
    Class,
    /// A secret: never printed.
    Password,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
    /// Things that the key's name says.
    Count,
    /// A TCP port.
    Port,
}

/// Kafka Connect's three levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Most users set or check it.
    High,
    /// Some users set it.
    Medium,
    /// Few users set it.
    Low,
}

/// Kafka Connect's widths of a form's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A number or a switch.
    Short,
    /// A word or a name.
    Medium,
    /// A path, or several words.
    Long,
}

impl Unit {
    /// The word that documents put behind a number.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Millis => "ms",
            Self::Count => "",
            Self::Port => "port",
        }
    }
}

impl Kind {
    /// What a number of this kind counts.
    #[must_use]
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::Int { unit, .. } => Some(unit),
            Self::Bool
            | Self::Text
            | Self::NonEmpty
            | Self::OneOf(_)
            | Self::List
            | Self::File
            | Self::Class
            | Self::Password => None,
        }
    }

    /// How much room a form gives it.
    #[must_use]
    pub fn width(self) -> Width {
        match self {
            Self::Bool | Self::Int { .. } => Width::Short,
            Self::Text | Self::NonEmpty | Self::OneOf(_) | Self::Password => Width::Medium,
            Self::List | Self::File | Self::Class => Width::Long,
        }
    }

    /// Kafka Connect's name of the type, as `validate` and the plugin's `config` list it.
    #[must_use]
    pub fn connect_type(self) -> &'static str {
        match self {
            Self::Bool => "BOOLEAN",
            Self::Int { max, .. } if max > i64::from(i32::MAX) => "LONG",
            Self::Int { .. } => "INT",
            Self::Text | Self::NonEmpty | Self::OneOf(_) | Self::File => "STRING",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}
