//! Counts of the buckets of a row.

/// Equal buckets follow each other where many elements are equal; counting them in turns keeps one
/// count from waiting for the last.
const TURNS: usize = 4;
/// Buckets whose counts have places that are known when this is compiled.
const FEW: usize = 1 << 10;

/// Counts elements; keeps its buffers from one row to the next.
#[derive(Default)]
pub(super) struct Histogram {
    few: [Vec<u32>; TURNS],
    many: Vec<u32>,
}

impl Histogram {
    /// Puts into `starts` how many elements are in buckets before each of `count` buckets, then how
    /// many there are. Every element is in one of these buckets.
    pub(super) fn starts(&mut self, buckets: &[u16], count: usize, starts: &mut Vec<u32>) {
        for few in &mut self.few {
            few.resize(FEW, 0);
            few[..count.min(FEW)].fill(0);
        }
        let totals = match self.few.each_mut().map(|few| few.first_chunk_mut::<FEW>()) {
            [Some(a), Some(b), Some(c), Some(d)] if count <= FEW => {
                count_few([&mut *a, b, c, d], buckets, count);
                &a[..count]
            }
            _ => {
                self.many.clear();
                self.many.resize(count, 0);
                for &bucket in buckets {
                    self.many[usize::from(bucket)] += 1;
                }
                &self.many[..]
            }
        };
        starts.clear();
        starts.reserve(count + 1);
        starts.push(0);
        let mut start = 0;
        starts.extend(totals.iter().map(|&count| {
            start += count;
            start
        }));
    }
}

/// Leaves the totals in the first.
fn count_few(turns: [&mut [u32; FEW]; TURNS], buckets: &[u16], count: usize) {
    let [a, b, c, d] = turns;
    let place = |bucket: u16| usize::from(bucket) % FEW;
    let (groups, rest) = buckets.as_chunks::<TURNS>();
    for &group in groups {
        a[place(group[0])] += 1;
        b[place(group[1])] += 1;
        c[place(group[2])] += 1;
        d[place(group[3])] += 1;
    }
    for &bucket in rest {
        a[place(bucket)] += 1;
    }
    let others = b[..count].iter().zip(&c[..count]).zip(&d[..count]);
    for (a, ((&b, &c), &d)) in a[..count].iter_mut().zip(others) {
        *a += b + c + d;
    }
}
