//! Superblocks of md by their layout (Linux 6.12, include/uapi/linux/raid/md_p.h): the kernel writes them, and there is
//! none with md where most tests run. `mdadm --examine` says whether they are right.

/// A member of an array of two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// `0.90`, `1.0`, `1.1` or `1.2`.
    pub(crate) version: &'static str,
    pub(crate) level: i32,
    pub(crate) devices: u32,
    pub(crate) place: u16,
    pub(crate) events: u64,
    /// Bytes that the array uses of the member.
    pub(crate) used: u64,
    /// The first byte of data; version 0.90 has it at 0.
    pub(crate) data: u64,
    /// Bytes of a chunk.
    pub(crate) chunk: u32,
    pub(crate) name: &'static str,
    /// A byte that the array's UUID repeats.
    pub(crate) uuid: u8,
}

impl Member {
    pub(crate) const fn mirror(version: &'static str, place: u16, used: u64, data: u64) -> Self {
        Self { version, level: 1, devices: 2, place, events: 10, used, data, chunk: 0, name: "web:0", uuid: 0x5a }
    }

    /// Where the superblock of a volume of so many bytes lies.
    pub(crate) fn offset(&self, bytes: u64) -> u64 {
        match self.version {
            "0.90" => (bytes & !0xffff) - 0x1_0000,
            "1.0" => ((bytes / 512 - 16) & !7) * 512,
            "1.1" => 0,
            _ => 4096,
        }
    }

    /// Writes the superblock into a volume.
    pub(crate) fn write(&self, volume: &mut [u8]) {
        let at = self.offset(volume.len() as u64);
        let block = if self.version == "0.90" { self.version_0() } else { self.version_1(at, volume.len() as u64) };
        volume[at as usize..][..block.len()].copy_from_slice(&block);
    }

    fn version_1(&self, at: u64, bytes: u64) -> Vec<u8> {
        let mut block = vec![0; 256 + 2 * 128];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        let end = if self.version == "1.0" { at } else { bytes };
        put(0, &0xa92b_4efc_u32.to_le_bytes());
        put(4, &1_u32.to_le_bytes());
        put(16, &[self.uuid; 16]);
        put(32, self.name.as_bytes());
        put(64, &1_700_000_000_u64.to_le_bytes());
        put(72, &self.level.to_le_bytes());
        put(80, &(self.used / 512).to_le_bytes());
        put(88, &(self.chunk / 512).to_le_bytes());
        put(92, &self.devices.to_le_bytes());
        put(128, &(self.data / 512).to_le_bytes());
        put(136, &((end - self.data) / 512).to_le_bytes());
        put(144, &(at / 512).to_le_bytes());
        put(160, &u32::from(self.place).to_le_bytes());
        put(168, &[self.place as u8 + 1; 16]);
        put(192, &1_700_000_100_u64.to_le_bytes());
        put(200, &self.events.to_le_bytes());
        put(208, &u64::MAX.to_le_bytes());
        put(220, &128_u32.to_le_bytes());
        put(256, &[0xff; 256]);
        (0..self.devices as u16).for_each(|place| put(256 + 2 * usize::from(place), &place.to_le_bytes()));
        let sum = folded(&block);
        block[216..220].copy_from_slice(&sum.to_le_bytes());
        block
    }

    fn version_0(&self) -> Vec<u8> {
        let mut words = [0_u32; 1024];
        let uuid = u32::from_le_bytes([self.uuid; 4]);
        let level = u32::from_le_bytes(self.level.to_le_bytes());
        let fields = [
            (0, 0xa92b_4efc),
            (2, 90),
            (5, uuid),
            (6, 1_700_000_000),
            (7, level),
            (8, (self.used / 1024) as u32),
            (9, self.devices),
            (10, self.devices),
            (11, 3),
            (13, uuid),
            (14, uuid),
            (15, uuid),
            (32, 1_700_000_100),
            (33, 1),
            (34, self.devices),
            (35, self.devices),
            (39, self.events as u32),
            (40, (self.events >> 32) as u32),
            (65, self.chunk),
        ];
        fields.into_iter().for_each(|(at, value)| words[at] = value);
        let disk = |place: u32| [place, 7, place, place, 0b110];
        for place in 0..self.devices {
            words[128 + 32 * place as usize..][..5].copy_from_slice(&disk(place));
        }
        words[992..997].copy_from_slice(&disk(self.place.into()));
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        words[38] = folded(&bytes(&words));
        bytes(&words)
    }
}

/// The sum of all words, with what runs over added again.
fn folded(block: &[u8]) -> u32 {
    let words = block.chunks_exact(4).map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap())));
    let sum: u64 = words.sum();
    ((sum & 0xffff_ffff) + (sum >> 32)) as u32
}
