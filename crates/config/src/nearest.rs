//! The known name that somebody probably meant.

/// The candidate nearest to `name`, when it is near enough to be a slip of the keyboard.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names longer than this are noise, and the comparison costs their product.
    const NAME_BYTES_MAX: usize = 200;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let allowed = (name.len() / 4).clamp(1, 6);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
