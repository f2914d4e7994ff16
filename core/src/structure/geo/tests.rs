use super::*;
use proptest::prelude::*;

const PALERMO: Point = Point { longitude: 13.361389, latitude: 38.115556 };
const CATANIA: Point = Point { longitude: 15.087269, latitude: 37.502669 };

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn ulps(a: f64, b: f64) -> u64 {
    if a == b { 0 } else { a.to_bits().abs_diff(b.to_bits()) }
}

fn point() -> impl Strategy<Value = Point> {
    (-180.0..180.0, -LATITUDE_MAX..LATITUDE_MAX).prop_map(|(longitude, latitude)| Point { longitude, latitude })
}

#[test]
fn the_places_of_the_manual() {
    assert_eq!(PALERMO.score(), 3479099956230698.0);
    assert_eq!(CATANIA.score(), 3479447370796909.0);
    let stored = Point::from_score(PALERMO.score());
    assert_eq!(text(|out| write_coordinate(out, stored.longitude)), "13.36138933897018433");
    assert_eq!(text(|out| write_coordinate(out, stored.latitude)), "38.11555639549629859");
    assert_eq!(&stored.geohash(), b"sqc8b49rny0");
    let other = Point::from_score(CATANIA.score());
    assert_eq!(&other.geohash(), b"sqdtr74hyu0");
    assert_eq!(text(|out| write_distance(out, stored.distance_meters(other))), "166274.1516");
    assert_eq!(text(|out| write_coordinate(out, -0.0)), "0");
    assert_eq!(text(|out| write_coordinate(out, 10.0)), "10");
}

#[test]
fn out_of_range_is_refused() {
    assert_eq!(Point::new(180.1, 0.0), None);
    assert_eq!(Point::new(0.0, 85.06), None);
    assert_eq!(Point::new(f64::NAN, 0.0), None);
    assert!(Point::new(-180.0, LATITUDE_MAX).is_some());
    assert_eq!(Unit::parse(b"KM"), Some(Unit::Kilometers));
    assert_eq!(Unit::parse(b"yd"), None);
}

proptest! {
    #[test]
    fn trigonometry_is_that_of_the_platform(angle in -PI..PI, ratio in 0.0..=1.0f64) {
        prop_assert!(ulps(sin(angle), angle.sin()) <= 1);
        prop_assert!(ulps(cos(angle), angle.cos()) <= 1);
        prop_assert!(ulps(asin(ratio), ratio.asin()) <= 1);
        prop_assert!(ulps(sin(angle / 4096.0), (angle / 4096.0).sin()) <= 1);
    }

    #[test]
    fn a_score_names_a_cell_around_its_place(place in point()) {
        let center = Point::from_score(place.score());
        prop_assert!((center.longitude - place.longitude).abs() <= 360.0 / (1 << 26) as f64);
        prop_assert!((center.latitude - place.latitude).abs() <= 171.0 / (1 << 26) as f64);
        prop_assert_eq!(center.score(), place.score());
    }

    #[test]
    fn any_score_gives_a_place_in_range(bits: u64) {
        let place = Point::from_score(f64::from_bits(bits));
        prop_assert!(Point::new(place.longitude, place.latitude).is_some());
    }

    #[test]
    fn the_cells_hold_what_the_circle_covers(
        center in point(), radius in 0.1..1e6f64, dx in -1.0..1.0f64, dy in -1.0..1.0f64
    ) {
        let search = Search { center, shape: Shape::Circle { radius }, unit: Unit::Meters };
        let reach = degrees(radius / EARTH_RADIUS_METERS);
        let (longitude, latitude) = (center.longitude + dx * reach, center.latitude + dy * reach);
        let Some(near) = Point::new(longitude, latitude) else { return Ok(()) };
        let ranges = search.cells();
        prop_assert!(ranges.len() <= DIRECTIONS.len());
        if search.distance_meters(near).is_some() {
            let score = near.score();
            prop_assert!(ranges.iter().any(|range| (range.min..range.max).contains(&score)));
        }
    }

    #[test]
    fn spread_bits_gather(number: u32) {
        prop_assert_eq!(gather(spread(number)), number);
    }
}
