/** Random numbers from a seed, by Marsaglia's xorshift with 32 bits of state that are never all zero. */
export class Random {
  private state: number

  /** Each index of a seed has its own numbers. */
  constructor(seed: number, index = 0) {
    this.state = (Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) | 1
    for (let i = 0; i < 8; i++) this.below(2)
  }

  /** An integer from 0 up to, but without, `end`. */
  below(end: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return Math.floor(((this.state >>> 0) / 2 ** 32) * end)
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<A>(values: ReadonlyArray<A>): A {
    return values[this.below(values.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}
