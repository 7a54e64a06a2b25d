//! What is verified: a case, an exhibit, or an image.

use super::VerifyError;
use crate::error::with_causes;
use kanshiki_custody::{Case, CustodyError, case, manifest};
use kanshiki_model::visible;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is verified.
#[derive(Debug)]
pub(super) enum Target {
    /// With why its `case.json` cannot be believed, if it cannot.
    Case(Case, Option<String>),
    Exhibit {
        folder: PathBuf,
        id: String,
        /// The case in which it lies, with why its `case.json` cannot be believed, if it cannot.
        case: Option<(Case, Option<String>)>,
    },
    Image(PathBuf),
}

impl Target {
    /// Finds out what a path is.
    pub(super) fn resolve(path: &Path) -> Result<Self, VerifyError> {
        let refused = |reason: String| VerifyError::Target { target: shown(path), reason };
        let metadata = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
        if !metadata.is_dir() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if is_there(folder, manifest::FILE_NAME) {
                return Ok(Self::exhibit(folder));
            }
            return Ok(Self::Image(path.to_owned()));
        }
        if let Some(case) = case_at(path) {
            return case.map(|(case, doubt)| Self::Case(case, doubt)).map_err(|error| refused(with_causes(&error)));
        }
        let exhibit = [manifest::FILE_NAME, kanshiki_custody::sums::FILE_NAME, kanshiki_custody::leaves::FILE_NAME];
        let partial = path.extension().is_some_and(|extension| extension == "partial");
        if partial && !is_there(path, manifest::FILE_NAME) {
            return Err(refused("its acquisition is not finished: go on with `kanshiki acquire --resume`".to_owned()));
        }
        if exhibit.iter().any(|name| is_there(path, name)) {
            return Ok(Self::exhibit(path));
        }
        Err(refused("it is neither a case folder (case.json) nor an exhibit's folder (manifest.json)".to_owned()))
    }

    fn exhibit(folder: &Path) -> Self {
        // `.` and `..` have no name; the folder's real one is asked for.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let id = visible(folder.file_name().unwrap_or_default().as_bytes());
        let exhibits = folder.parent().filter(|parent| parent.file_name().is_some_and(|name| name == case::EXHIBITS));
        let case = exhibits.and_then(Path::parent).and_then(case_at).and_then(Result::ok);
        Self::Exhibit { folder, id, case }
    }

    /// The case to which the target belongs.
    pub(super) const fn case(&self) -> Option<&Case> {
        match self {
            Self::Case(case, None) | Self::Exhibit { case: Some((case, None)), .. } => Some(case),
            // To a case of a newer version, or a damaged one, nothing is added.
            Self::Case(_, Some(_)) | Self::Exhibit { .. } | Self::Image(_) => None,
        }
    }
}

/// The case whose folder this is, with why its `case.json` cannot be believed, if it cannot; `None` if it is no case's.
fn case_at(path: &Path) -> Option<Result<(Case, Option<String>), CustodyError>> {
    if !is_there(path, case::FILE_NAME) && !path.join(case::CUSTODY).is_dir() {
        return None;
    }
    Some(match Case::open(path) {
        Ok(case) => Ok((case, None)),
        Err(error) => Case::without_record(path).map(|case| (case, Some(with_causes(&error)))),
    })
}

fn is_there(folder: &Path, name: &str) -> bool {
    folder.join(name).symlink_metadata().is_ok()
}

pub(super) fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
}
