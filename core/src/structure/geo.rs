//! Places on the globe as scores of a sorted set: 52-bit geohashes, distances, and the cells a search has to look at.
//!
//! A score interleaves 26 bits of latitude (even bits) and 26 of longitude (odd bits). All arithmetic follows Redis's
//! order of operations, and the trigonometry is our own, so that every platform gives the same digits.

#[cfg(test)]
mod tests;

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, FRAC_PI_4, PI};

use crate::number::write_fixed;

/// The largest longitude, in degrees; the smallest is its negative.
pub const LONGITUDE_MAX: f64 = 180.0;

/// The largest latitude a place can have, in degrees (the limit of the web Mercator projection).
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// The radius of the globe, in metres.
pub const EARTH_RADIUS_METERS: f64 = 6_372_797.560_856;

/// The bits of each coordinate in a score.
const STEP_MAX: u32 = 26;

/// Half the circumference of the globe in the projection, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// The characters of a GEOHASH text.
const TEXT_CHARS: usize = 11;

const TEXT_ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The bits of latitude in an interleaved word.
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

const RADIANS_PER_DEGREE: f64 = PI / 180.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Point {
    /// A place with coordinates in range. NaN is out of range.
    pub fn new(longitude: f64, latitude: f64) -> Option<Point> {
        let in_range = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        in_range.then_some(Point { longitude, latitude })
    }

    /// The place's score. At exactly 180° east it needs two bits more than 52, as in Redis.
    pub fn score(self) -> f64 {
        Cell::of(self, STEP_MAX, LATITUDE_MAX).bits as f64
    }

    /// The centre of the cell that a score names. Every score gives a place in range.
    pub fn from_score(score: f64) -> Point {
        let area = Cell { bits: score as u64, step: STEP_MAX }.area();
        Point {
            longitude: ((area.west + area.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((area.south + area.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The standard geohash text. Its last character is always `0`, for 52 bits give ten characters and a half.
    pub fn geohash(self) -> [u8; TEXT_CHARS] {
        let bits = Cell::of(self, STEP_MAX, 90.0).bits;
        std::array::from_fn(|place| {
            let shift = 2 * STEP_MAX as usize - 5 * (place + 1).min(TEXT_CHARS - 1);
            let digit = if place == TEXT_CHARS - 1 { 0 } else { bits >> shift & 31 };
            TEXT_ALPHABET[digit as usize]
        })
    }

    /// The distance along the surface, in metres (haversine).
    pub fn distance_meters(self, other: Point) -> f64 {
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = sin((to - from) / 2.0);
        let v = sin((radians(other.longitude) - radians(self.longitude)) / 2.0);
        // Rounding may bring the haversine of opposite places above 1, which has no arc sine.
        let haversine = (u * u + cos(from) * cos(to) * v * v).min(1.0);
        2.0 * EARTH_RADIUS_METERS * asin(haversine.sqrt())
    }
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `m`
    Meters,
    /// `km`
    Kilometers,
    /// `ft`
    Feet,
    /// `mi`
    Miles,
}

impl Unit {
    /// Reads a unit's name in any case.
    pub fn parse(name: &[u8]) -> Option<Unit> {
        [(b"m".as_slice(), Unit::Meters), (b"km", Unit::Kilometers), (b"ft", Unit::Feet), (b"mi", Unit::Miles)]
            .into_iter()
            .find_map(|(known, unit)| name.eq_ignore_ascii_case(known).then_some(unit))
    }

    /// The unit's length in metres.
    pub fn meters(self) -> f64 {
        match self {
            Unit::Meters => 1.0,
            Unit::Kilometers => 1000.0,
            Unit::Feet => 0.3048,
            Unit::Miles => 1609.34,
        }
    }
}

/// The outline of a search, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// BYRADIUS
    Circle {
        /// From the centre to the edge.
        radius: f64,
    },
    /// BYBOX
    Box {
        /// From the western to the eastern edge.
        width: f64,
        /// From the southern to the northern edge.
        height: f64,
    },
}

/// What a search covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The middle of the shape.
    pub center: Point,
    /// The outline.
    pub shape: Shape,
    /// The unit of the outline.
    pub unit: Unit,
}

/// Scores of one cell: from `min` up to, but without, `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The smallest score of the cell.
    pub min: f64,
    /// The smallest score after the cell.
    pub max: f64,
}

impl Search {
    /// The distance of `place` from the centre in metres, if the shape covers it.
    pub fn distance_meters(&self, place: Point) -> Option<f64> {
        let distance = self.center.distance_meters(place);
        let outside = match self.shape {
            Shape::Circle { radius } => distance > radius * self.unit.meters(),
            Shape::Box { width, height } => {
                let abeam = Point { longitude: self.center.longitude, latitude: place.latitude };
                let ahead = Point { longitude: place.longitude, latitude: self.center.latitude };
                place.distance_meters(abeam) > width * self.unit.meters() / 2.0
                    || place.distance_meters(ahead) > height * self.unit.meters() / 2.0
            }
        };
        (!outside).then_some(distance)
    }

    /// The cells that together cover the shape, at most nine, in the order in which Redis visits them.
    pub fn cells(&self) -> Vec<ScoreRange> {
        let mut step = self.estimate_step();
        let mut around = Neighbourhood::new(Cell::of(self.center, step, LATITUDE_MAX));
        // With the largest cells, 3 × 3 of them cover the globe, whatever the bounds are.
        if step > 1 {
            let bounds = self.bounds();
            if !around.covers(&bounds) {
                step -= 1;
                around = Neighbourhood::new(Cell::of(self.center, step, LATITUDE_MAX));
            }
            if step > 1 {
                around.drop_outside(&bounds);
            }
        }
        around.score_ranges()
    }

    /// The finest step at which 3 × 3 cells should cover the shape.
    fn estimate_step(&self) -> u32 {
        let mut reach = self.reach_meters();
        if reach == 0.0 {
            return STEP_MAX;
        }
        let mut doublings = 0;
        while reach < MERCATOR_MAX && doublings < 2 * STEP_MAX {
            reach *= 2.0;
            doublings += 1;
        }
        // Cells grow narrow towards the poles.
        let narrow = match self.center.latitude.abs() {
            latitude if latitude > 80.0 => 2,
            latitude if latitude > 66.0 => 1,
            _ => 0,
        };
        (doublings + 1).saturating_sub(2 + narrow).clamp(1, STEP_MAX)
    }

    /// From the centre to the farthest point of the outline.
    fn reach_meters(&self) -> f64 {
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        };
        reach * self.unit.meters()
    }

    /// A rectangle around the shape. Called for shapes that span less than half the globe.
    fn bounds(&self) -> Area {
        let (half_width, half_height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (half_width, half_height) = (half_width * self.unit.meters(), half_height * self.unit.meters());
        let Point { longitude, latitude } = self.center;
        let latitude_delta = degrees(half_height / EARTH_RADIUS_METERS);
        // A degree of longitude is shortest on the side of the nearer pole.
        let nearer_pole = if latitude < 0.0 { latitude - latitude_delta } else { latitude + latitude_delta };
        let longitude_delta = degrees(half_width / EARTH_RADIUS_METERS / cos(radians(nearer_pole)));
        Area {
            west: longitude - longitude_delta,
            east: longitude + longitude_delta,
            south: latitude - latitude_delta,
            north: latitude + latitude_delta,
        }
    }
}

/// Appends a distance as GEODIST writes it: four decimals.
pub fn write_distance(out: &mut Vec<u8>, distance: f64) {
    write_fixed::<4>(out, distance);
}

/// Appends a coordinate as GEOPOS writes it: 17 decimals without trailing zeros, never an exponent or `-0`.
pub fn write_coordinate(out: &mut Vec<u8>, degrees: f64) {
    let start = out.len();
    write_fixed::<17>(out, degrees);
    while out.ends_with(b"0") {
        out.pop();
    }
    if out.ends_with(b".") {
        out.pop();
    }
    if out[start..] == *b"-0" {
        out.remove(start);
    }
}

/// A rectangle between two meridians and two parallels, in degrees.
struct Area {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

/// A cell of the grid of 2^step × 2^step.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    step: u32,
}

impl Cell {
    /// The cell that holds a place, on a grid up to this latitude. At 180° east the result is beyond the grid.
    fn of(place: Point, step: u32, latitude_max: f64) -> Cell {
        let rows = (1u64 << step) as f64;
        let row = (place.latitude + latitude_max) / (2.0 * latitude_max) * rows;
        let column = (place.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * rows;
        Cell { bits: spread(row as u32) | spread(column as u32) << 1, step }
    }

    fn area(self) -> Area {
        let rows = (1u64 << self.step) as f64;
        let edge = |index: u32, max: f64| -max + f64::from(index) / rows * (2.0 * max);
        let (row, column) = (gather(self.bits), gather(self.bits >> 1));
        Area {
            west: edge(column, LONGITUDE_MAX),
            east: edge(column.wrapping_add(1), LONGITUDE_MAX),
            south: edge(row, LATITUDE_MAX),
            north: edge(row.wrapping_add(1), LATITUDE_MAX),
        }
    }

    /// The cell so many columns east and rows north, around the globe.
    fn neighbour(self, columns: i32, rows: i32) -> Cell {
        let unused = u64::BITS - 2 * self.step;
        let longitude = step_interleaved(self.bits & !LATITUDE_BITS, !LATITUDE_BITS >> unused, columns);
        let latitude = step_interleaved(self.bits & LATITUDE_BITS, LATITUDE_BITS >> unused, rows);
        Cell { bits: longitude | latitude, step: self.step }
    }

    fn score_range(self) -> ScoreRange {
        let shift = 2 * (STEP_MAX - self.step);
        ScoreRange { min: (self.bits << shift) as f64, max: ((self.bits + 1) << shift) as f64 }
    }
}

/// Adds -1, 0 or 1 to a number kept in every other bit. The bits between are set to let carries through.
fn step_interleaved(number: u64, mask: u64, delta: i32) -> u64 {
    match delta {
        0 => number,
        1 => (number | !mask).wrapping_add(mask & mask.wrapping_neg()) & mask,
        _ => number.wrapping_sub(mask & mask.wrapping_neg()) & mask,
    }
}

/// Places the bits of a number in the even bits of a word.
fn spread(number: u32) -> u64 {
    let mut word = u64::from(number);
    word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    word = (word | word << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    word = (word | word << 2) & 0x3333_3333_3333_3333;
    (word | word << 1) & LATITUDE_BITS
}

/// The number in the even bits of a word.
fn gather(word: u64) -> u32 {
    let mut word = word & LATITUDE_BITS;
    word = (word | word >> 1) & 0x3333_3333_3333_3333;
    word = (word | word >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    word = (word | word >> 4) & 0x00ff_00ff_00ff_00ff;
    word = (word | word >> 8) & 0x0000_ffff_0000_ffff;
    (word | word >> 16) as u32
}

/// The directions from a cell, as (columns east, rows north), in the order in which Redis visits them.
const DIRECTIONS: [(i32, i32); 9] = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// A cell and the eight around it; those that cannot matter are taken out.
struct Neighbourhood([Option<Cell>; DIRECTIONS.len()]);

impl Neighbourhood {
    fn new(center: Cell) -> Self {
        Neighbourhood(DIRECTIONS.map(|(columns, rows)| Some(center.neighbour(columns, rows))))
    }

    fn area(&self, place: usize) -> Area {
        self.0[place].expect("cells are dropped last").area()
    }

    /// Whether the four direct neighbours reach the bounds.
    fn covers(&self, bounds: &Area) -> bool {
        self.area(1).north >= bounds.north
            && self.area(2).south <= bounds.south
            && self.area(3).east >= bounds.east
            && self.area(4).west <= bounds.west
    }

    /// Drops the sides to which the middle cell already extends beyond the bounds.
    fn drop_outside(&mut self, bounds: &Area) {
        let middle = self.area(0);
        for (cell, (columns, rows)) in self.0.iter_mut().zip(DIRECTIONS) {
            let outside = rows < 0 && middle.south < bounds.south
                || rows > 0 && middle.north > bounds.north
                || columns < 0 && middle.west < bounds.west
                || columns > 0 && middle.east > bounds.east;
            if outside {
                *cell = None;
            }
        }
    }

    /// The ranges of the cells. Where the grid is so coarse that neighbours meet, a repeated cell is skipped; but as in
    /// Redis the middle one is not compared.
    fn score_ranges(&self) -> Vec<ScoreRange> {
        let mut ranges = Vec::with_capacity(self.0.len());
        let mut last = None;
        for (place, cell) in self.0.iter().enumerate() {
            if let Some(cell) = cell
                && last != Some(*cell)
            {
                ranges.push(cell.score_range());
                last = (place > 0).then_some(*cell);
            }
        }
        ranges
    }
}

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

/// What π/2 as a double leaves out, in two parts.
const FRAC_PI_2_REST: [f64; 2] = [6.123_233_995_736_766e-17, -1.497_384_904_859_169_8e-33];

/// Takes multiples of π/2 off an angle of at most about 4: the quadrant, and the rest in two parts.
fn reduce(angle: f64) -> (i32, f64, f64) {
    let quadrant = (angle * FRAC_2_PI).round();
    // Exact: the multiple is a power of two or zero, and the difference small.
    let first = angle - quadrant * FRAC_PI_2;
    let second = -quadrant * FRAC_PI_2_REST[0];
    let high = first + second;
    let carried = high - first;
    let low = (first - (high - carried)) + (second - carried) - quadrant * FRAC_PI_2_REST[1];
    (quadrant as i32, high, low)
}

/// The sine of an angle of at most about 4.
fn sin(angle: f64) -> f64 {
    let (quadrant, high, low) = reduce(angle);
    match quadrant & 3 {
        0 => sin_near_zero(high, low),
        1 => cos_near_zero(high, low),
        2 => -sin_near_zero(high, low),
        _ => -cos_near_zero(high, low),
    }
}

/// The cosine of an angle of at most about 4.
fn cos(angle: f64) -> f64 {
    let (quadrant, high, low) = reduce(angle);
    match quadrant & 3 {
        0 => cos_near_zero(high, low),
        1 => -sin_near_zero(high, low),
        2 => -cos_near_zero(high, low),
        _ => sin_near_zero(high, low),
    }
}

/// The Taylor series up to the 17th power, for |x| ≤ π/4. The large terms are added last to keep rounding small.
fn sin_near_zero(x: f64, low: f64) -> f64 {
    const TERMS: [f64; 7] = [
        1.0 / 120.0,
        -1.0 / 5_040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 355_687_428_096_000.0,
    ];
    let square = x * x;
    let cube = square * x;
    x - ((square * (0.5 * low - cube * polynomial(&TERMS, square)) - low) + cube / 6.0)
}

/// The Taylor series up to the 18th power, for |x| ≤ π/4.
fn cos_near_zero(x: f64, low: f64) -> f64 {
    const TERMS: [f64; 8] = [
        1.0 / 24.0,
        -1.0 / 720.0,
        1.0 / 40_320.0,
        -1.0 / 3_628_800.0,
        1.0 / 479_001_600.0,
        -1.0 / 87_178_291_200.0,
        1.0 / 20_922_789_888_000.0,
        -1.0 / 6_402_373_705_728_000.0,
    ];
    let square = x * x;
    let half = 0.5 * square;
    let head = 1.0 - half;
    head + (((1.0 - head) - half) + (square * square * polynomial(&TERMS, square) - x * low))
}

/// The arc sine of a number from 0 to 1.
fn asin(x: f64) -> f64 {
    if x < 0.5 {
        return x + x * asin_tail(x * x);
    }
    // asin x = π/2 - 2 asin √((1 - x) / 2)
    let square = (1.0 - x) * 0.5;
    let root = square.sqrt();
    let tail = asin_tail(square);
    if x > 0.975 {
        return FRAC_PI_2 - (2.0 * (root + root * tail) - FRAC_PI_2_REST[0]);
    }
    // The root in two parts: the first half of its bits, and what is missing.
    let head = f64::from_bits(root.to_bits() & !0xffff_ffff);
    let missing = (square - head * head) / (root + head);
    let rest = 2.0 * root * tail - (FRAC_PI_2_REST[0] - 2.0 * missing);
    FRAC_PI_4 - (rest - (FRAC_PI_4 - 2.0 * head))
}

/// (asin x - x) / x for a square of x up to 1/4: the rational approximation of Sun's fdlibm.
fn asin_tail(square: f64) -> f64 {
    const NUMERATOR: [f64; 6] = [
        0.166_666_666_666_666_66,
        -0.325_565_818_622_400_9,
        0.201_212_532_134_862_93,
        -0.040_055_534_500_679_41,
        0.000_791_534_994_289_814_5,
        3.479_331_075_960_212e-5,
    ];
    const DENOMINATOR: [f64; 5] =
        [1.0, -2.403_394_911_734_414, 2.020_945_760_233_505_7, -0.688_283_971_605_453_3, 0.077_038_150_555_901_94];
    square * polynomial(&NUMERATOR, square) / polynomial(&DENOMINATOR, square)
}

/// The sum of `terms[i] × x^i`.
fn polynomial(terms: &[f64], x: f64) -> f64 {
    terms.iter().rev().fold(0.0, |sum, term| sum * x + term)
}
