//! Contents of files: decompression, and searches for lines and for texts.
#![no_main]

use kanshiki_browse::grep::{GrepOptions, Matcher, Position};
use kanshiki_browse::strings::{Encoding, StringsOptions, search};
use kanshiki_image::{Memory, Source};
use kanshiki_model::ByteRange;
use kanshiki_walk::decompress::{Compression, Content};
use libfuzzer_sys::fuzz_target;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let length = bytes.len() as u64;
    let source: Source = Arc::new(Memory(bytes.to_vec()));
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstandard, Compression::Bzip2] {
        if let Ok(mut content) = Content::new(compression, source.as_ref()) {
            let _ = content.by_ref().take(4 << 20).read_to_end(&mut Vec::new());
            assert!(content.rest() <= length);
        }
    }
    if let Ok(matcher) = Matcher::new("a[^b]*c|^$", GrepOptions::default()) {
        let mut position = Position::default();
        let searched = matcher.search(&mut { bytes }, &mut position, &mut Vec::new(), &mut |hit| {
            assert!(hit.offset <= length && hit.matched.1 <= hit.text.len());
            ControlFlow::Continue(())
        });
        assert!(searched.is_ok() && position.offset == length);
    }
    let encodings = vec![Encoding::Ascii, Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be];
    let options = StringsOptions { encodings, minimum: 2 };
    for piece in [ByteRange::new(0, length / 2), ByteRange::new(length / 2, length)] {
        let _ = search(&source, piece, &options, &mut |text| {
            assert!(piece.contains(text.offset));
            ControlFlow::Continue(())
        });
    }
});
