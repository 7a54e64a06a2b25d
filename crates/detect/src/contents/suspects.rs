//! Facts of files that are suspicious by their place, name or rights: what their content is says more about them.

use super::{Inspected, LOOKED_AT, evidence, row, windows};
use crate::found::{Found, MANY_INDICATORS};
use crate::{DetectError, Image};
use kanshiki_filesystem::{NodeType, Place};
use kanshiki_inspect::{Inspection, Subject};
use kanshiki_model::{Algorithm, Digest, Evidence, Hasher, Indicator, Severity};
use std::collections::{BTreeMap, HashSet};

/// Files of which facts are gathered.
const FILES: usize = 1000;

/// Inspects files that findings of severity medium and high name, and that no rule about contents told of. Their digest
/// becomes an indicator, unless a package has a file with that content.
pub(crate) fn find(image: &Image<'_>, found: &mut Found) -> Result<(), DetectError> {
    let mut named: BTreeMap<(usize, u64), (Vec<u8>, Vec<usize>)> = BTreeMap::new();
    for (number, finding) in found.findings.iter().enumerate().filter(|(_, it)| it.severity >= Severity::Medium) {
        for evidence in &finding.evidence {
            if let Evidence::File { volume: Some(volume), inode: Some(inode), path, span: None, .. } = evidence
                && (named.len() < FILES || named.contains_key(&(*volume, *inode)))
            {
                named.entry((*volume, *inode)).or_insert_with(|| (path.clone(), Vec::new())).1.push(number);
            }
        }
    }
    let rows = found.inventory.iter().filter(|row| row.kind == "suspect").filter_map(|row| row.evidence.as_ref());
    for evidence in rows {
        if let Evidence::File { volume: Some(volume), inode: Some(inode), .. } = evidence {
            named.remove(&(*volume, *inode));
        }
    }
    let known: HashSet<&[u8]> = image.owned.packages().entries().map(|entry| entry.expected.digest_bytes).collect();
    for ((volume, inode), (path, findings)) in named {
        if image.progress.stop_requested() {
            return Ok(());
        }
        let Some((inspected, digests)) = look(image, volume, inode, &path) else { continue };
        found.row("suspect", &path, row(&inspected), Some(evidence(&inspected, None, "")));
        if digests.iter().any(|digest| known.contains(digest.as_bytes())) {
            continue;
        }
        let Some(digest) = inspected.digest else { continue };
        for number in findings {
            let Some(finding) = found.findings.get_mut(number) else { continue };
            // One that names many files is about what they have in common.
            if finding.evidence.len() == 1 && finding.indicators.len() < MANY_INDICATORS {
                finding.indicators.push(Indicator { kind: "sha256", value: digest.clone() });
            }
        }
    }
    Ok(())
}

/// What a file holds, and its digests by the algorithms of packages.
fn look(image: &Image<'_>, volume: usize, inode: u64, path: &[u8]) -> Option<(Inspected, Vec<Digest>)> {
    let (place, node) = image.view.inode(volume, inode).ok()?;
    if node.node_type != NodeType::File || node.size == 0 || image.owned.of(path).is_package() {
        return None;
    }
    let source = image.view.filesystem(Place { volume, node: place.node })?.content(place.node).ok()?;
    let mut inspection = Inspection::begin(&Subject { path, mode: node.mode, source: &*source });
    let mut hashers: Vec<Hasher> =
        [Algorithm::Sha256, Algorithm::Md5, Algorithm::Sha1, Algorithm::Sha512].map(Hasher::new).into();
    let is_whole = source.len() <= LOOKED_AT;
    windows(&*source, image.progress, &mut |at, bytes| {
        inspection.window(at, bytes);
        hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
    })
    .ok()?;
    let digests: Vec<Digest> = hashers.into_iter().map(Hasher::finish).filter(|_| is_whole).collect();
    let digest = digests.first().map(Digest::to_hex);
    let facts = Some(inspection.finish());
    let (path, size) = (path.to_vec(), node.size);
    Some((Inspected { path, place, size, digest, facts, matches: Vec::new(), issues: Vec::new() }, digests))
}
