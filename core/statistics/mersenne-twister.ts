// Python's `random.Random(seed)` as far as `sample` needs it, so that a seeded detector draws the
// same rows as the tool that it is compared with (Matsumoto & Nishimura 1998, MT19937).

const SIZE = 624
const SHIFT = 397

export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE)
  #at = SIZE

  /** Seeds as Python does from a whole number of at most 32 bits. */
  constructor(seed: number) {
    const state = this.#state
    state[0] = 19650218
    for (let i = 1; i < SIZE; i++) {
      const last = state[i - 1]! ^ (state[i - 1]! >>> 30)
      state[i] = Math.imul(1812433253, last) + i
    }
    let i = 1
    const mix = (factor: number, add: number) => {
      const last = state[i - 1]! ^ (state[i - 1]! >>> 30)
      state[i] = (state[i]! ^ Math.imul(last, factor)) + add
      i++
      if (i < SIZE) return
      state[0] = state[SIZE - 1]!
      i = 1
    }
    for (let k = 0; k < SIZE; k++) mix(1664525, seed >>> 0)
    for (let k = 0; k < SIZE - 1; k++) mix(1566083941, -i)
    state[0] = 0x80000000
  }

  /** The next 32 random bits. */
  next(): number {
    if (this.#at === SIZE) this.#refill()
    let y = this.#state[this.#at++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  /** A whole number from 0 to n - 1, by rejection of `bit_length` bits. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n)
    for (;;) {
      const drawn = this.next() >>> (32 - bits)
      if (drawn < n) return drawn
    }
  }

  /** `random.sample(range(n), k)`, whose two ways of drawing depend on k as in Python. */
  sample(n: number, k: number): Uint32Array {
    const setSize = k > 5 ? 21 + 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 21
    const drawn = new Uint32Array(k)
    if (n <= setSize) {
      const pool = Uint32Array.from({ length: n }, (_, i) => i)
      for (let i = 0; i < k; i++) {
        const j = this.below(n - i)
        drawn[i] = pool[j]!
        pool[j] = pool[n - i - 1]!
      }
      return drawn
    }
    const seen = new Set<number>()
    for (let i = 0; i < k; i++) {
      let j = this.below(n)
      while (seen.has(j)) j = this.below(n)
      seen.add(j)
      drawn[i] = j
    }
    return drawn
  }

  #refill(): void {
    const state = this.#state
    for (let i = 0; i < SIZE; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % SIZE]! & 0x7fffffff)
      state[i] = state[(i + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
    this.#at = 0
  }
}
