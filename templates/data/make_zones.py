#!/usr/bin/env python3
"""Makes data-analyzer/examples/zones.csv: one row for each time zone that tzdata lists for a country.

Source: the IANA time zone database as Debian packages it (package `tzdata`), which is in the public domain. The committed
zones.csv was made from tzdata 2025b. Needs nothing beyond Python's standard library and an installed tzdata:

    python3 templates/data/make_zones.py > templates/data-analyzer/examples/zones.csv

The same tzdata gives the same bytes. Columns:

    zone                     its name, such as Europe/Vienna
    country                  the country it is listed for, in English
    latitude, longitude      of its principal place, in degrees, north and east positive, 4 digits after the point
    standard_offset_minutes  the smallest offset from UTC that was in force in 2025, in minutes
    summer_offset_minutes    the largest one; equal to the former where the clocks are not changed
    changes_since_1970       how often the offset changed from the start of 1970 to the end of 2025
"""

import csv
import pathlib
import re
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

ZONEINFO = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/zoneinfo")
FIRST, YEAR, END = (datetime(year, 1, 1, 12, tzinfo=timezone.utc) for year in (1970, 2025, 2026))
HEADER = [
    "zone",
    "country",
    "latitude",
    "longitude",
    "standard_offset_minutes",
    "summer_offset_minutes",
    "changes_since_1970",
]


def table(name):
    """The rows of one of tzdata's tab-separated tables, without its comments."""
    text = (ZONEINFO / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def degrees(text):
    """`+4813` or `-0133000` (degrees, minutes and perhaps seconds, ISO 6709) as decimal degrees."""
    sign, digits = (-1 if text[0] == "-" else 1), text[1:]
    width = len(digits) % 2 + 2
    parts = [int(digits[:width])] + [int(digits[at : at + 2]) for at in range(width, len(digits), 2)]
    return sign * sum(part / 60**power for power, part in enumerate(parts))


def offsets(zone):
    """The offset from UTC in minutes at noon (UTC) of every day from FIRST to END; no zone changes twice in one day."""
    zone = zoneinfo.ZoneInfo(zone)
    for day in range((END - FIRST).days):
        at = FIRST + timedelta(days=day)
        yield at, at.astimezone(zone).utcoffset() / timedelta(minutes=1)


def row(zone, country, coordinates):
    latitude, longitude = re.findall(r"[+-]\d+", coordinates)
    changes, previous, in_year = 0, None, set()
    for at, offset in offsets(zone):
        changes += previous is not None and offset != previous
        previous = offset
        if at >= YEAR:
            in_year.add(offset)
    place = [f"{degrees(latitude):.4f}", f"{degrees(longitude):.4f}"]
    return [zone, country, *place, f"{min(in_year):g}", f"{max(in_year):g}", changes]


def main():
    zoneinfo.reset_tzpath([ZONEINFO.resolve()])
    countries = dict(fields[:2] for fields in table("iso3166.tab"))
    zones = sorted((fields[2], countries[fields[0]], fields[1]) for fields in table("zone.tab"))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(HEADER)
    out.writerows(row(*zone) for zone in zones)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main()
