//! The two clocks of a message: when the device sent it, and when a command is to be executed.

use std::fmt;

/// A DLMS date-time: twelve octets of the Grouping Header, the device's clock as it sent the message.
///
/// Kept as it was received: a device may leave fields unspecified.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DlmsDateTime(pub [u8; 12]);

impl DlmsDateTime {
    /// A moment in UTC, `seconds` after 1970, in the form the test vectors have: day of week, deviation and status
    /// unspecified.
    pub fn from_unix_seconds(seconds: u32) -> Self {
        let civil = Civil::from_unix_seconds(i64::from(seconds));
        let [year_high, year_low] = civil.year.to_be_bytes();
        let Civil {
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = civil;
        Self([
            year_high, year_low, month, day, 0xFF, hour, minute, second, 0, 0x80, 0x00, 0xFF,
        ])
    }

    /// Seconds since 1970, in UTC; hundredths are dropped.
    ///
    /// `None` where a field up to the second is unspecified or out of range, where the status says that the clock is
    /// not valid, and beyond the year 2106. A deviation is honoured: local time plus deviation is UTC (DLMS Blue Book);
    /// unspecified (8000) counts as UTC, which devices keep.
    pub fn unix_seconds(self) -> Option<u32> {
        let [
            year_high,
            year_low,
            month,
            day,
            _,
            hour,
            minute,
            second,
            _,
            high,
            low,
            status,
        ] = self.0;
        let civil = Civil {
            year: u16::from_be_bytes([year_high, year_low]),
            month,
            day,
            hour,
            minute,
            second,
        };
        if status != UNSPECIFIED_STATUS && status & INVALID_CLOCK != 0 {
            return None;
        }
        let deviation = match i16::from_be_bytes([high, low]) {
            i16::MIN => 0,
            minutes @ -720..=840 => i64::from(minutes) * 60,
            _ => return None,
        };
        u32::try_from(civil.unix_seconds()? + deviation).ok()
    }

    /// The moment as RFC 3339 text in UTC, where [`Self::unix_seconds`] knows it.
    pub fn rfc3339(self) -> Option<String> {
        self.unix_seconds()
            .map(|seconds| Civil::from_unix_seconds(i64::from(seconds)).to_string())
    }
}

impl fmt::Debug for DlmsDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DlmsDateTime(")?;
        for octet in self.0 {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}

/// A GeneralizedTime `YYYYMMDDhhmmssZ`: `executionDateTime`. Always a date of the calendar. Shown as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GeneralizedTime([u8; 15]);

impl GeneralizedTime {
    /// The execution time by which a command with a higher counter cancels a future-dated one.
    pub const CANCELLATION: Self = Self(*b"99991231235959Z");

    /// Reads the fifteen characters; `None` if they are no date and time of the calendar.
    pub fn parse(text: [u8; 15]) -> Option<Self> {
        Civil::parse(&text)?.unix_seconds()?;
        Some(Self(text))
    }

    /// From seconds since 1970; `None` outside the years 0 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        if !(YEAR_0..=YEAR_9999_END).contains(&seconds) {
            return None;
        }
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = Civil::from_unix_seconds(seconds);
        let mut text = [b'Z'; 15];
        let pairs = [year / 100, year % 100].map(|pair| pair.to_be_bytes()[1]);
        let pairs = [pairs[0], pairs[1], month, day, hour, minute, second];
        for (pair, place) in pairs.iter().zip(text.chunks_mut(2)) {
            place[0] = b'0' + pair / 10;
            place[1] = b'0' + pair % 10;
        }
        Some(Self(text))
    }

    /// The fifteen characters of the wire.
    pub const fn octets(&self) -> &[u8; 15] {
        &self.0
    }

    /// Whether it is [`Self::CANCELLATION`].
    pub fn is_cancellation(self) -> bool {
        self == Self::CANCELLATION
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> i64 {
        self.civil().unix_seconds().unwrap_or_default()
    }

    fn civil(self) -> Civil {
        // Only texts that parse become a GeneralizedTime.
        Civil::parse(&self.0).unwrap_or(Civil::from_unix_seconds(0))
    }
}

impl fmt::Display for GeneralizedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.civil(), f)
    }
}

impl fmt::Debug for GeneralizedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GeneralizedTime({self})")
    }
}

/// Seconds since 1970 of an X.509 UTCTime `YYMMDDhhmmssZ`: 1950 to 2049 (RFC 5280, 4.1.2.5.1).
pub(crate) fn utc_time_unix_seconds(text: [u8; 13]) -> Option<i64> {
    let century = if text[0] >= b'5' { *b"19" } else { *b"20" };
    let mut full = [0; 15];
    full[..2].copy_from_slice(&century);
    full[2..].copy_from_slice(&text);
    Civil::parse(&full)?.unix_seconds()
}

/// A date of the Gregorian calendar and a time of day.
#[derive(Clone, Copy)]
struct Civil {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Civil {
    fn parse(text: &[u8; 15]) -> Option<Self> {
        let pair = |index: usize| match (text[index], text[index + 1]) {
            (tens @ b'0'..=b'9', ones @ b'0'..=b'9') => Some((tens - b'0') * 10 + ones - b'0'),
            _ => None,
        };
        if text[14] != b'Z' {
            return None;
        }
        Some(Self {
            year: u16::from(pair(0)?) * 100 + u16::from(pair(2)?),
            month: pair(4)?,
            day: pair(6)?,
            hour: pair(8)?,
            minute: pair(10)?,
            second: pair(12)?,
        })
    }

    /// The moment `seconds` after 1970, for years that fit.
    ///
    /// Howard Hinnant's `civil_from_days`: years that begin in March put the leap day last.
    fn from_unix_seconds(seconds: i64) -> Self {
        let narrow = |value: i64| u8::try_from(value).unwrap_or(u8::MAX);
        let days = seconds.div_euclid(DAY) + DAYS_0000_03_01_TO_1970;
        let of_day = seconds.rem_euclid(DAY);
        let era = days.div_euclid(DAYS_IN_400_YEARS);
        let day_of_era = days.rem_euclid(DAYS_IN_400_YEARS);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_since_march = (5 * day_of_year + 2) / 153;
        let month = (months_since_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: narrow(month),
            day: narrow(day_of_year - (153 * months_since_march + 2) / 5 + 1),
            hour: narrow(of_day / 3600),
            minute: narrow(of_day / 60 % 60),
            second: narrow(of_day % 60),
        }
    }

    /// Seconds since 1970; `None` for a field out of its range and for days that the month does not have.
    fn unix_seconds(self) -> Option<i64> {
        let leap = self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)
            || self.year.is_multiple_of(400);
        let days_in_month = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let in_range = (1..=days_in_month).contains(&self.day)
            && self.year <= 9999
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !in_range {
            return None;
        }
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * DAYS_IN_400_YEARS + day_of_era - DAYS_0000_03_01_TO_1970;
        let of_day =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        Some(days * DAY + of_day)
    }
}

impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// DLMS clock status: every bit set means that the status is not given.
const UNSPECIFIED_STATUS: u8 = 0xFF;
/// DLMS clock status, bit 0: the time could not be recovered after an incident.
const INVALID_CLOCK: u8 = 0x01;

const DAY: i64 = 86_400;
const DAYS_IN_400_YEARS: i64 = 146_097;
/// From 1 March of year 0, where the calendar arithmetic starts.
const DAYS_0000_03_01_TO_1970: i64 = 719_468;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_9999_END: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generalized_time_against_known_moments() {
        for (text, seconds, shown) in [
            (b"19700101000000Z", 0, "1970-01-01T00:00:00Z"),
            (b"20300115000000Z", 1_894_665_600, "2030-01-15T00:00:00Z"),
            (b"20240229235959Z", 1_709_251_199, "2024-02-29T23:59:59Z"),
            (b"99991231235959Z", YEAR_9999_END, "9999-12-31T23:59:59Z"),
            (b"00000101000000Z", YEAR_0, "0000-01-01T00:00:00Z"),
        ] {
            let time = GeneralizedTime::parse(*text).unwrap();
            assert_eq!(time.unix_seconds(), seconds);
            assert_eq!(time.to_string(), shown);
            assert_eq!(GeneralizedTime::from_unix_seconds(seconds), Some(time));
        }
        assert!(GeneralizedTime::CANCELLATION.is_cancellation());
        assert_eq!(GeneralizedTime::from_unix_seconds(YEAR_9999_END + 1), None);
        assert_eq!(GeneralizedTime::from_unix_seconds(YEAR_0 - 1), None);
    }

    #[test]
    fn generalized_time_refuses_what_is_no_date() {
        for text in [
            b"20230229000000Z",
            b"21000229000000Z",
            b"20231301000000Z",
            b"20230001000000Z",
            b"20230100000000Z",
            b"20230431000000Z",
            b"20230101240000Z",
            b"20230101006000Z",
            b"20230101000060Z",
            b"20230101000000z",
            b"2023010100000 Z",
            b"/0230101000000Z",
        ] {
            assert_eq!(GeneralizedTime::parse(*text), None);
        }
    }

    #[test]
    fn every_day_of_eight_centuries_there_and_back() {
        for day in 0..300_000 {
            let seconds = (day - 130_000) * DAY + day % DAY;
            assert_eq!(
                Civil::from_unix_seconds(seconds).unix_seconds(),
                Some(seconds)
            );
        }
    }

    #[test]
    fn dlms_date_time_of_the_vectors() {
        let time = DlmsDateTime([0x07, 0xDF, 1, 1, 0xFF, 0, 0, 0, 0, 0x80, 0x00, 0xFF]);
        assert_eq!(time.unix_seconds(), Some(1_420_070_400));
        assert_eq!(time.rfc3339().as_deref(), Some("2015-01-01T00:00:00Z"));
        assert_eq!(DlmsDateTime::from_unix_seconds(1_420_070_400), time);
    }

    #[test]
    fn dlms_deviation_is_added_to_local_time() {
        let with_deviation = |minutes: i16| {
            let [high, low] = minutes.to_be_bytes();
            DlmsDateTime([0x07, 0xDF, 1, 1, 4, 0, 0, 0, 0, high, low, 0]).unix_seconds()
        };
        assert_eq!(with_deviation(-60), Some(1_420_070_400 - 3600));
        assert_eq!(with_deviation(840), Some(1_420_070_400 + 14 * 3600));
        assert_eq!(with_deviation(841), None);
        assert_eq!(with_deviation(-721), None);
    }

    #[test]
    fn dlms_date_time_that_says_too_little() {
        let vector = [0x07, 0xDF, 1, 1, 0xFF, 0, 0, 0, 0, 0x80, 0x00, 0xFF];
        for (index, value) in [
            (0, 0xFF),
            (2, 0xFF),
            (3, 0xFF),
            (5, 0xFF),
            (6, 0xFF),
            (7, 0xFF),
        ] {
            let mut octets = vector;
            octets[index] = value;
            assert_eq!(DlmsDateTime(octets).unix_seconds(), None, "octet {index}");
        }
        let mut invalid_clock = vector;
        invalid_clock[11] = 0x01;
        assert_eq!(DlmsDateTime(invalid_clock).unix_seconds(), None);
        let mut before_1970 = vector;
        before_1970[..2].copy_from_slice(&1969_u16.to_be_bytes());
        assert_eq!(DlmsDateTime(before_1970).unix_seconds(), None);
    }
}
