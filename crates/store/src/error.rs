//! Why the store does not do what it was asked.

use std::path::PathBuf;

/// The store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is none of ours.
    #[error("{} is no store of kanshiki", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The store has another schema.
    #[error("{} has schema {found}; this program reads schema {expected}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The number in the store.
        found: i64,
        /// The number that is known.
        expected: i64,
    },
    /// Another writes to it.
    #[error("another examination writes to {}", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no store.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is no number left for a further event.
    #[error("the last event got the number {found} in the place of {expected}")]
    Numbers {
        /// The number that it got.
        found: i64,
        /// The number behind that of the event before it.
        expected: i64,
    },
    /// What SQLite said.
    #[error("cannot {action} the store")]
    Sqlite {
        /// What was done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: rusqlite::Error,
    },
}

impl StoreError {
    pub(crate) const fn sqlite(action: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { action, source }
    }
}
