//! What the tests share: Python's random numbers.

/// Python's `random.seed(seed)` for a small integer: MT19937, seeded by array.
pub struct Python {
    state: [u32; 624],
    next: usize,
}

impl Python {
    pub fn seed(seed: u32) -> Self {
        let mut state = [0; 624];
        state[0] = 19_650_218u32;
        for i in 1..624 {
            state[i] = step(state[i - 1]).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let mut at = 1;
        let mut mix = |state: &mut [u32; 624], factor: u32, plus: &dyn Fn(u32) -> u32| {
            let mixed = state[at] ^ step(state[at - 1]).wrapping_mul(factor);
            state[at] = mixed.wrapping_add(plus(at as u32));
            at += 1;
            if at == 624 {
                state[0] = state[623];
                at = 1;
            }
        };
        (0..624).for_each(|_| mix(&mut state, 1_664_525, &|_| seed));
        (0..623).for_each(|_| mix(&mut state, 1_566_083_941, &|at| at.wrapping_neg()));
        state[0] = 0x8000_0000;
        Self { state, next: 624 }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == 624 {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..624 {
            let word = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % 624] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + 397) % 624] ^ (word >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// `random.random()`.
    pub fn random(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `int(random.random() * 256)` for each byte.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.random() * 256.0) as u8).collect()
    }
}

fn step(word: u32) -> u32 {
    word ^ (word >> 30)
}
