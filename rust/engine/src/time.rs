//! Times as the streams write them: RFC 3339, UTC. What time it is, the caller says.

/// Days since 1970 of a day such as 2026-11-22.
pub(crate) fn unix_day(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    let seconds = parse_rfc3339(&format!("{text}T00:00:00Z"))?;
    Some(seconds.div_euclid(86_400))
}

/// Unix seconds of an RFC 3339 time; a fraction is dropped, an offset is honoured.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize| -> Option<i64> {
        match bytes.get(from..from + 2)? {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
                Some(i64::from((tens - b'0') * 10 + (ones - b'0')))
            }
            _ => None,
        }
    };
    let mark = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|b| allowed.contains(b));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0)? * 100 + number(2)?, number(5)?, number(8)?);
    let (hour, minute, second) = (number(11)?, number(14)?, number(17)?);
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let mut at = 19;
    if mark(at, b".") {
        at += 1;
        let digits = bytes
            .get(at..)?
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        at += digits;
    }
    let offset = match bytes.get(at..)? {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (number(at + 1)?, number(at + 4)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3_600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some(days_from_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset)
}

/// `2026-11-22T08:00:00.123Z` of milliseconds since 1970, as 24 octets. Most audit records have three of them.
pub(crate) fn rfc3339_millis(unix_millis: u64) -> [u8; 24] {
    // Year 9999 ends there; a clock beyond it is broken and shows as the last moment that can be written.
    const LAST: u64 = 253_402_300_799_999;
    let millis = unix_millis.min(LAST);
    let (seconds, fraction) = (millis / 1_000, low(millis % 1_000));
    let (days, rest) = (low(seconds / 86_400), low(seconds % 86_400));
    let (year, month, day) = date_of(days);
    let [century, year] = [digits(year / 100), digits(year % 100)];
    let [month, day] = [digits(month), digits(day)];
    let [hour, minute] = [digits(rest / 3_600), digits(rest / 60 % 60)];
    let second = digits(rest % 60);
    let [tenths, thousandths] = [digits(fraction / 10), digits(fraction % 10)];
    [
        century[0],
        century[1],
        year[0],
        year[1],
        b'-',
        month[0],
        month[1],
        b'-',
        day[0],
        day[1],
        b'T',
        hour[0],
        hour[1],
        b':',
        minute[0],
        minute[1],
        b':',
        second[0],
        second[1],
        b'.',
        tenths[0],
        tenths[1],
        thousandths[1],
        b'Z',
    ]
}

/// The lower half of a number that is known to have no upper one.
fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The two digits of a number below 100.
fn digits(number: u32) -> [u8; 2] {
    DIGITS.get(number as usize).copied().unwrap_or_default()
}

const DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        digits[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    digits
};

/// Howard Hinnant's civil-from-days, for days since 1970.
fn date_of(days: u32) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + u32::from(month <= 2), month, day)
}

fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_out_and_come_back() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.000Z", 951_868_799),
            ("2016-06-01T00:00:00.000Z", 1_464_739_200),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400),
            ("9999-12-31T23:59:59.000Z", 253_402_300_799),
        ] {
            assert_eq!(parse_rfc3339(text), Some(seconds), "{text}");
            assert_eq!(
                rfc3339_millis(seconds.cast_unsigned() * 1_000),
                *text.as_bytes().as_array().unwrap()
            );
        }
    }

    #[test]
    fn other_forms_of_a_time() {
        assert_eq!(
            parse_rfc3339("2016-06-01T01:00:00+01:00"),
            Some(1_464_739_200)
        );
        assert_eq!(
            parse_rfc3339("2016-06-01T00:00:00.00Z"),
            Some(1_464_739_200)
        );
        for wrong in [
            "",
            "2016-06-01",
            "2016-06-01T00:00:00",
            "2015-02-29T00:00:00Z",
            "2016-13-01T00:00:00Z",
            "x",
        ] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}
