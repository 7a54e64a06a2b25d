//! What is known of the value of an expression.

/// Bytes of a text, and texts of a list, that are remembered.
const TEXT: usize = 4096;
const TEXTS: usize = 64;

/// Something that a request brings, and what was made of it until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Request {
    /// No variable stood between.
    pub(super) is_direct: bool,
    /// The value begins with it.
    pub(super) is_leading: bool,
    /// It is about a file that was sent.
    pub(super) is_file: bool,
    /// It was looked up among what is allowed.
    pub(super) is_listed: bool,
    /// It was compared, cut or changed in a way that leaves less of it.
    pub(super) is_bounded: bool,
}

impl Request {
    /// Whether it is anything that the request says, from its first letter.
    pub(super) const fn is_free(self) -> bool {
        self.is_leading && !self.is_listed && !self.is_bounded
    }

    const fn with(self, other: Self) -> Self {
        Self {
            is_direct: self.is_direct && other.is_direct,
            is_leading: self.is_leading || other.is_leading,
            is_file: self.is_file || other.is_file,
            is_listed: self.is_listed && other.is_listed,
            is_bounded: self.is_bounded && other.is_bounded,
        }
    }
}

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Value {
    /// Nothing, or nothing that matters.
    #[default]
    Unknown,
    /// This text.
    Text(Vec<u8>),
    /// A list of these texts.
    List(Vec<Vec<u8>>),
    /// A text that is unpacked or put together from such as stand in the page.
    Assembled,
    /// What a request brings.
    Request(Request),
}

impl Value {
    pub(super) const fn request(self_: &Self) -> Option<Request> {
        match self_ {
            Self::Request(request) => Some(*request),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the page itself says what it is.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::Text(_) | Self::List(_) | Self::Assembled)
    }

    /// This with the other one behind it.
    pub(super) fn joined(self, behind: Self) -> Self {
        match (self, behind) {
            (Self::Text(mut text), Self::Text(behind)) if text.len().saturating_add(behind.len()) <= TEXT => {
                text.extend_from_slice(&behind);
                Self::Text(text)
            }
            (Self::Text(text), Self::Request(request)) if text.is_empty() => Self::Request(request),
            (Self::Request(request), Self::Request(behind)) => {
                Self::Request(Request { is_leading: request.is_leading, ..request.with(behind) })
            }
            (Self::Request(request), _) => Self::Request(request),
            (_, Self::Request(request)) => Self::Request(Request { is_leading: false, ..request }),
            (one, other) if one.is_own() && other.is_own() => Self::Assembled,
            _ => Self::Unknown,
        }
    }

    /// This or the other one.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Request(one), Self::Request(other)) => Self::Request(one.with(other)),
            (Self::Request(request), _) | (_, Self::Request(request)) => Self::Request(request),
            (Self::Unknown, other) => other,
            (one, _) => one,
        }
    }

    /// A list of values.
    pub(super) fn list(values: impl IntoIterator<Item = Self>) -> Self {
        let mut texts = Vec::new();
        let mut request = None;
        for value in values {
            match value {
                Self::Request(one) => request = Some(request.map_or(one, |other: Request| other.with(one))),
                Self::Text(text) if texts.len() < TEXTS => texts.push(text),
                Self::List(list) => texts.extend(list.into_iter().take(TEXTS.saturating_sub(texts.len()))),
                _ => {}
            }
        }
        request.map_or(Self::List(texts), Self::Request)
    }

    /// What stands in it at a place.
    pub(super) fn at(&self, place: &Self) -> Self {
        let number = place.text().and_then(|text| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
        match self {
            Self::Request(request) => Self::Request(*request),
            Self::Text(text) => match number.and_then(|number| text.get(number)) {
                Some(letter) => Self::Text(vec![*letter]),
                None if number.is_none() => Self::Assembled,
                None => Self::Unknown,
            },
            Self::List(texts) => {
                let one = match number {
                    Some(number) => texts.get(number),
                    None => texts.iter().find(|text| super::calls::is_command(text)),
                };
                one.map_or(Self::Unknown, |text| Self::Text(text.clone()))
            }
            Self::Assembled => Self::Assembled,
            Self::Unknown => Self::Unknown,
        }
    }
}
