//! Writes the generated day and says what it is: `day DIRECTORY [SEED]`

use std::time::Instant;

use feed::day::Day;

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("day DIRECTORY [SEED]")?;
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let begun = Instant::now();
    let plan = Day { seed, ..Day::default() }.write(directory.as_ref())?;
    println!("{plan:#?}\nwritten in {} ms", begun.elapsed().as_millis());
    Ok(())
}
