//! Contents that were opened lately, so that files need not be opened and closed by the kernel one by one.

use kanshiki_image::Source;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Contents that are kept; the file that was used longest ago goes first.
const KEPT: usize = 512;

/// Contents by their number.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sources: HashMap<u64, (Source, u64)>,
    uses: u64,
}

impl Sources {
    /// The content that was kept.
    pub(super) fn get(&self, number: u64) -> Option<Source> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses = kept.uses.saturating_add(1);
        let now = kept.uses;
        kept.sources.get_mut(&number).map(|(source, used)| {
            *used = now;
            Source::clone(source)
        })
    }

    /// Keeps a content.
    pub(super) fn put(&self, number: u64, source: &Source) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses = kept.uses.saturating_add(1);
        let now = kept.uses;
        if kept.sources.len() >= KEPT {
            // Half at once, so that this is rare.
            let mut uses: Vec<u64> = kept.sources.values().map(|(_, used)| *used).collect();
            uses.sort_unstable();
            let middle = uses.get(KEPT / 2).copied().unwrap_or(u64::MAX);
            kept.sources.retain(|_, (_, used)| *used >= middle);
        }
        kept.sources.insert(number, (Source::clone(source), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kanshiki_image::Memory;
    use std::sync::Arc;

    #[test]
    fn what_is_in_use_stays_and_the_rest_goes() {
        let sources = Sources::default();
        for number in 0..2000 {
            sources.put(number, &(Arc::new(Memory(vec![])) as Source));
            assert!(sources.get(number).is_some());
            assert!(sources.get(0).is_some());
        }
        assert!(sources.get(1).is_none());
        assert!(sources.0.lock().unwrap().sources.len() <= KEPT);
    }
}
