//! A record's timestamp as RFC 3339 in UTC.

/// `milliseconds` since 1970 as `2024-01-01T00:00:00.000Z`.
pub(super) fn rfc_3339(milliseconds: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    let days = milliseconds.div_euclid(DAY_MS);
    let ms = milliseconds.rem_euclid(DAY_MS);
    let (year, month, day) = date(days);
    let (hour, minute, second, milli) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The civil date of a day since 1970-01-01, by counting eras of 400 years that begin in March.
fn date(days: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(ERA_DAYS);
    let of_era = days.rem_euclid(ERA_DAYS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::rfc_3339;

    #[test]
    fn known_moments() {
        assert_eq!(rfc_3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc_3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc_3339(1_704_067_199_999), "2023-12-31T23:59:59.999Z");
        assert_eq!(rfc_3339(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(rfc_3339(-1), "1969-12-31T23:59:59.999Z");
    }
}
