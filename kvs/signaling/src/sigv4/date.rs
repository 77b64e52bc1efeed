//! The three ways in which AWS writes a time.

use alloc::format;
use alloc::string::String;

use smolrtc_base::UnixTime;

/// `yyyymmddThhmmssZ`, and the day it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmzDate(String);

impl AmzDate {
    /// Seconds are rounded down.
    #[must_use]
    pub fn new(time: UnixTime) -> Self {
        let t = Civil::from_unix(time.as_secs());
        Self(format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            t.year, t.month, t.day, t.hour, t.minute, t.second
        ))
    }

    /// Reads the form that [`AmzDate::new`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, UnixTime)> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 16
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                8 => *byte == b'T',
                15 => *byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        let field = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let time = Civil {
            year: field(0, 4)?,
            month: field(4, 6)?,
            day: field(6, 8)?,
            hour: field(9, 11)?,
            minute: field(11, 13)?,
            second: field(13, 15)?,
        };
        Some((Self(text.into()), time.to_unix()?))
    }

    /// The whole.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `yyyymmdd`.
    #[must_use]
    pub fn day(&self) -> &str {
        self.0.get(..8).unwrap_or("")
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An IMF-fixdate (RFC 9110 section 5.6.7) for the `Date` header.
#[must_use]
pub fn http_date(time: UnixTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let seconds = time.as_secs();
    let t = Civil::from_unix(seconds);
    let weekday = (seconds / 86_400 % 7) as usize;
    let month = (t.month as usize).saturating_sub(1);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS.get(weekday).unwrap_or(&""),
        t.day,
        MONTHS.get(month).unwrap_or(&""),
        t.year,
        t.hour,
        t.minute,
        t.second
    )
}

/// Reads an IMF-fixdate; the two obsolete forms are not accepted.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<UnixTime> {
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = number(parts.next()?)?;
    let month = parts.next()?;
    let month = MONTHS.iter().zip(1..).find(|(name, _)| **name == month)?.1;
    let year = number(parts.next()?)?;
    let (hour, minute, second) = clock(parts.next()?)?;
    if parts.next() != Some("GMT") {
        return None;
    }
    Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    }
    .to_unix()
}

/// Reads `yyyy-mm-ddThh:mm:ssZ`, with or without a fraction, as credential endpoints write it.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<UnixTime> {
    let (date, time) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.split('-');
    let year = number(parts.next()?)?;
    let month = number(parts.next()?)?;
    let day = number(parts.next()?)?;
    let (hour, minute, second) = clock(time.split('.').next()?)?;
    if parts.next().is_some() {
        return None;
    }
    Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    }
    .to_unix()
}

fn number(digits: &str) -> Option<u32> {
    let valid = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if valid { digits.parse().ok() } else { None }
}

fn clock(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(':');
    let time = (
        number(parts.next()?)?,
        number(parts.next()?)?,
        number(parts.next()?)?,
    );
    if parts.next().is_some() {
        None
    } else {
        Some(time)
    }
}

/// A Gregorian date and time of day, UTC.
struct Civil {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Civil {
    /// Days are counted from 0000-03-01, so that the leap day comes last in its year, and in eras
    /// of 400 years, after which the calendar repeats.
    fn from_unix(seconds: u64) -> Self {
        let days = (seconds / 86_400).saturating_add(719_468);
        let of_day = (seconds % 86_400) as u32;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = day_of_era
            .saturating_sub(day_of_era / 1_460)
            .saturating_add(day_of_era / 36_524)
            .saturating_sub(day_of_era / 146_096)
            / 365;
        let before = (year_of_era.saturating_mul(365))
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100);
        let day_of_year = day_of_era.saturating_sub(before);
        let shifted = day_of_year.saturating_mul(5).saturating_add(2) / 153;
        let month_start = shifted.saturating_mul(153).saturating_add(2) / 5;
        let day = day_of_year.saturating_sub(month_start).saturating_add(1);
        let month = if shifted < 10 {
            shifted.saturating_add(3)
        } else {
            shifted.saturating_sub(9)
        };
        let year = era
            .saturating_mul(400)
            .saturating_add(year_of_era)
            .saturating_add(u64::from(month <= 2));
        Self {
            year: u32::try_from(year).unwrap_or(u32::MAX),
            month: month as u32,
            day: day as u32,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    fn to_unix(&self) -> Option<UnixTime> {
        let valid = (1970..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60;
        if !valid {
            return None;
        }
        let year = u64::from(self.year).checked_sub(u64::from(self.month <= 2))?;
        let shifted = u64::from(if self.month > 2 {
            self.month.checked_sub(3)?
        } else {
            self.month.checked_add(9)?
        });
        let era = year / 400;
        let year_of_era = year % 400;
        let day_of_year = (shifted.checked_mul(153)?.checked_add(2)? / 5)
            .checked_add(u64::from(self.day))?
            .checked_sub(1)?;
        let day_of_era = year_of_era
            .checked_mul(365)?
            .checked_add(year_of_era / 4)?
            .checked_sub(year_of_era / 100)?
            .checked_add(day_of_year)?;
        let days = era
            .checked_mul(146_097)?
            .checked_add(day_of_era)?
            .checked_sub(719_468)?;
        let of_day = u64::from(self.hour)
            .checked_mul(3_600)?
            .checked_add(u64::from(self.minute).checked_mul(60)?)?
            .checked_add(u64::from(self.second))?;
        Some(UnixTime::from_secs(
            days.checked_mul(86_400)?.checked_add(of_day)?,
        ))
    }
}
