//! Extended attributes.

/// An extended attribute of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xattr {
    /// The whole name with its prefix, such as `security.selinux`.
    pub name: Vec<u8>,
    /// The value, as stored; of an access control list, the form in which the kernel gives it out.
    pub value: Vec<u8>,
    /// Where the value lies, in bytes from the start of the volume.
    pub offset: u64,
}
