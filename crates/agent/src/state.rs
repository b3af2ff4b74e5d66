//! How an agent's state becomes the bytes of a disposable snapshot.

use alloc::vec::Vec;

use event::wire::Message;

use crate::RestoreError;

/// The bytes of `state`, marked with the version that wrote them.
///
/// Declare the state with [`event::message!`]; a version that changes what its fields mean must
/// change its [`crate::Agent::version`].
#[must_use]
pub fn save<M: Message>(version: event::Label, state: &M) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.push(version.as_bytes().len() as u8);
    out.extend_from_slice(version.as_bytes());
    state.encode(&mut out);
    out
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// [`RestoreError`] when another version wrote it, or the bytes are damaged.
pub fn load<M: Message>(version: event::Label, snapshot: &[u8]) -> Result<M, RestoreError> {
    let (len, rest) = snapshot.split_first().ok_or(RestoreError)?;
    let (writer, state) = rest.split_at_checked(usize::from(*len)).ok_or(RestoreError)?;
    if writer != version.as_bytes() {
        return Err(RestoreError);
    }
    M::decode(state).map_err(|_| RestoreError)
}
