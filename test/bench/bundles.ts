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

/** What the text below comes to when it is packed. */
const packedTextBytes = 9_000

/** What stands beside the manifest and the skill of each test plugin; about `bytes` when packed. */
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
