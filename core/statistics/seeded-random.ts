// Pseudo-random numbers from a seed, so that a permutation test repeats bit for bit. Not for
// secrets. Whoever evaluates a window derives the seed from model and window.

/** A generator of doubles in [0, 1): xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32. */
export const seededRandom = (seed: number): (() => number) => {
  let mix = seed >>> 0
  const word = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return z ^ (z >>> 16)
  }
  let a = word()
  let b = word()
  let c = word()
  let d = word()
  const next = (): number => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return result >>> 0
  }
  // 53 bits, or neighbouring values of large ranges would never be drawn.
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
}

/** A standard normal number from two uniform ones (Box & Muller 1958). */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** A seed from any text, by FNV-1a. */
export const seedOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/** 0 to size - 1 in random order (Fisher-Yates). */
export const permutation = (size: number, random: () => number): Uint32Array =>
  choose(size, size, random)

/** `count` different numbers below `size`, in random order. */
export const choose = (size: number, count: number, random: () => number): Uint32Array => {
  const pool = new Uint32Array(size)
  for (let i = 0; i < size; i++) pool[i] = i
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (size - i))
    const drawn = pool[j]!
    pool[j] = pool[i]!
    pool[i] = drawn
  }
  return pool.slice(0, count)
}

/**
 * Keeps `keep` of however many rows pass by, each with the same chance (algorithm R, Vitter 1985).
 * Call it with the row's number from 0; it answers the place to put the row, or -1 to leave it.
 */
export const reservoir =
  (keep: number, random: () => number) =>
  (row: number): number => {
    if (row < keep) return row
    const place = Math.floor(random() * (row + 1))
    return place < keep ? place : -1
  }
