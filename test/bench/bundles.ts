/**
 * Bundles of a given packed size that look like real plugins: a manifest and some text, which
 * compress, and images, which do not. The same name and size give the same bytes.
 */
import type { Files } from "../../src/testing/TestBundle.ts"

/** Mulberry32: small, and good enough for bytes that gzip cannot shrink. */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return (t ^ (t >>> 14)) >>> 0
}

const seedOf = (name: string): number =>
  [...name].reduce((hash, character) => (hash * 31 + character.charCodeAt(0)) | 0, 7)

const syllables = ["ka", "re", "mo", "ti", "lun", "ser", "vo", "pan", "dri", "es", "qua", "nel"]

const prose = (random: () => number, bytes: number): string => {
  let text = ""
  for (let words = 1; text.length < bytes; words++) {
    for (let n = 1 + (random() % 4); n > 0; n--) text += syllables[random() % syllables.length]
    text += words % 12 === 0 ? ".\n" : " "
  }
  return text
}

const noise = (random: () => number, bytes: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(bytes / 4))
  for (let i = 0; i < words.length; i++) words[i] = random()
  return new Uint8Array(words.buffer, 0, bytes)
}

/** The packed size of the text below, in bytes. */
const packedTextBytes = 9_000

/**
 * Sizes of real plugins, as quantiles of 180 curated ones: the packed bundle in bytes, and the number
 * of its files.
 */
const curated: ReadonlyArray<readonly [quantile: number, bytes: number, files: number]> = [
  [0, 6_000, 1],
  [0.25, 12_000, 2],
  [0.5, 25_000, 4],
  [0.75, 88_000, 20],
  [0.9, 209_000, 74],
  [1, 2_900_000, 791]
]

/** The size of the `nth` of `count` plugins, interpolated between the quantiles. */
export const curatedSize = (
  nth: number,
  count: number
): { readonly bytes: number; readonly files: number } => {
  const quantile = (nth + 0.5) / count
  const above = Math.max(
    1,
    curated.findIndex(([at]) => at >= quantile)
  )
  const [[q0, b0, f0], [q1, b1, f1]] = [curated[above - 1]!, curated[above]!]
  const share = (quantile - q0) / (q1 - q0)
  const between = (from: number, to: number) => Math.round(from * (to / from) ** share)
  return { bytes: between(b0, b1), files: between(f0, f1) }
}

/** A plugin with this many files besides its skill, about `bytes` when packed. */
export const manyFiles = (name: string, bytes: number, count: number): Files => {
  const random = randomOf(seedOf(name))
  const share = Math.floor(bytes / count)
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `assets/group-${n % 20}/file-${n}.bin`,
      noise(random, Math.max(16, share))
    ])
  )
}

/** The other files of each test plugin, beside manifest and skill; about `bytes` when packed. */
export const files = (name: string, bytes: number): Files => {
  const random = randomOf(seedOf(name))
  const images = Math.max(0, bytes - packedTextBytes)
  const image = (share: number) => noise(random, Math.floor(images * share))
  return {
    "README.md": `# ${name}\n\n${prose(random, 2_000)}`,
    [`skills/${name}/reference.md`]: prose(random, 6_000),
    [`skills/${name}/examples.md`]: prose(random, 3_000),
    [`skills/${name}/scripts/run.sh`]: {
      content: `#!/bin/sh\n# ${prose(random, 800)}`,
      mode: 0o755
    },
    "agents/reviewer.md": prose(random, 4_000),
    ".mcp.json": JSON.stringify({ mcpServers: {} }, null, 2),
    "assets/icon.png": image(0.1),
    "assets/logo.png": image(0.25),
    "assets/screenshot-1.png": image(0.3),
    "assets/screenshot-2.png": image(0.35)
  }
}
