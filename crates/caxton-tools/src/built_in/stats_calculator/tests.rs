use super::{
    moments::{Comoments, Moments},
    pairs::ranks,
    quantile::percentile,
    spread::spread,
};
use proptest::prelude::*;

/// Whether two numbers agree to so many parts of the larger, or of `scale` where both are near nothing.
fn near(one: f64, two: f64, scale: f64) -> bool {
    (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(scale)
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double of an exact number")]
fn double(exact: i128) -> f64 {
    exact as f64
}

fn moments(numbers: &[f64]) -> Moments {
    let mut moments = Moments::default();
    for number in numbers {
        moments.add(*number);
    }
    moments
}

#[test]
fn the_figures_of_a_known_sample_are_known() {
    // NIST's NumAcc4: the mean is 10000000.2 and the standard deviation 0.1, exactly.
    let mut numbers = vec![10_000_000.2];
    (0..500).for_each(|_| numbers.extend([10_000_000.1, 10_000_000.3]));
    let found = moments(&numbers);
    assert!(near(found.mean(), 10_000_000.2, 1.0) && (found.variance_sample().unwrap().sqrt() - 0.1).abs() < 1e-8, "{found:?}");
    // What plain summation loses.
    assert!(near(moments(&[1.0, 1e100, 1.0, -1e100]).sum(), 2.0, 1.0));
    let sorted = [1.0, 2.0, 3.0, 4.0, 10.0];
    for (percent, expected) in [(0.0, 1.0), (25.0, 2.0), (50.0, 3.0), (90.0, 7.6), (100.0, 10.0)] {
        assert!(near(percentile(&sorted, percent).unwrap(), expected, 1.0), "{percent}");
    }
    assert_eq!((percentile(&[], 50.0), percentile(&[7.0], 99.0)), (None, Some(7.0)));
    assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    assert_eq!((moments(&[]).variance_population(), moments(&[1.0]).variance_sample()), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whole numbers far from zero and close together, against exact arithmetic.
    #[test]
    fn figures_are_what_exact_arithmetic_gives(offset in -1_000_000_000i64..1_000_000_000, near_zero in proptest::collection::vec(-1000i64..1000, 2..300)) {
        let whole: Vec<i128> = near_zero.iter().map(|number| i128::from(number + offset)).collect();
        let found = moments(&whole.iter().map(|number| double(*number)).collect::<Vec<_>>());
        let count = i128::try_from(whole.len()).unwrap();
        let (sum, squares) = (whole.iter().sum::<i128>(), whole.iter().map(|number| number * number).sum::<i128>());
        let scaled = count * squares - sum * sum;
        prop_assert!(near(found.sum(), double(sum), 1.0));
        prop_assert!(near(found.mean(), double(sum) / double(count), 1.0));
        prop_assert!(near(found.variance_population().unwrap(), double(scaled) / double(count * count), 1e-3));
        prop_assert!(near(found.variance_sample().unwrap(), double(scaled) / double(count * (count - 1)), 1e-3));
        prop_assert!(near(found.min(), double(*whole.iter().min().unwrap()), 1.0) && near(found.max(), double(*whole.iter().max().unwrap()), 1.0));
    }

    #[test]
    fn a_correlation_is_what_exact_arithmetic_gives(offset in -1_000_000i64..1_000_000, pairs in proptest::collection::vec((-1000i64..1000, -1000i64..1000), 3..200)) {
        let whole: Vec<(i128, i128)> = pairs.iter().map(|(x, y)| (i128::from(x + offset), i128::from(y - offset))).collect();
        let mut found = Comoments::default();
        for (x, y) in &whole {
            found.add(double(*x), double(*y));
        }
        let count = i128::try_from(whole.len()).unwrap();
        let sum = |of: &dyn Fn(&(i128, i128)) -> i128| whole.iter().map(of).sum::<i128>();
        let (x, y) = (sum(&|pair| pair.0), sum(&|pair| pair.1));
        let (xx, yy, xy) = (count * sum(&|pair| pair.0 * pair.0) - x * x, count * sum(&|pair| pair.1 * pair.1) - y * y, count * sum(&|pair| pair.0 * pair.1) - x * y);
        match found.correlation() {
            Some(coefficient) => prop_assert!(near(coefficient, double(xy) / (double(xx).sqrt() * double(yy).sqrt()), 1.0)),
            None => prop_assert!(xx == 0 || yy == 0),
        }
    }

    #[test]
    fn every_number_falls_into_one_class(numbers in proptest::collection::vec(-1e9f64..1e9, 1..300), bins in proptest::option::of(1usize..50)) {
        let mut sorted = numbers;
        sorted.sort_unstable_by(f64::total_cmp);
        let found = spread(&sorted, bins);
        prop_assert_eq!(found.iter().map(|bin| bin.count).sum::<u64>(), sorted.len() as u64);
        prop_assert!(found.windows(2).all(|two| two[0].high.total_cmp(&two[1].low).is_eq()));
        for bin in &found[..found.len() - 1] {
            let inside = sorted.iter().filter(|number| bin.low <= **number && **number < bin.high).count();
            prop_assert_eq!(bin.count, inside as u64);
        }
    }

    #[test]
    fn a_percentile_lies_between_the_numbers_around_it(numbers in proptest::collection::vec(-1e300f64..1e300, 1..100), percent in 0.0f64..=100.0) {
        let mut sorted = numbers;
        sorted.sort_unstable_by(f64::total_cmp);
        let found = percentile(&sorted, percent).unwrap();
        prop_assert!(sorted[0] <= found && found <= sorted[sorted.len() - 1]);
        prop_assert!(percentile(&sorted, 0.0).unwrap().total_cmp(&sorted[0]).is_eq());
    }
}
